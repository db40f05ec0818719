"""What a run leaves behind."""

import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from svc_local.demo import charts, report, verdict
from svc_local.demo.charts import Pair
from svc_local.demo.comparison import Cell, Figures, Number, differences, explained
from svc_local.demo.display import Display, Step, line_of
from svc_local.demo.expected import Expected
from svc_local.demo.report import Outcome


def make_outcome(counted: Expected, found: Figures | None = None, **overrides: Any) -> Outcome:
    found = counted.figures if found is None else found
    different = differences(counted.figures, found)
    days = {one.cell.at for one in different if one.cell.grain == "day"}
    given: dict[str, Any] = {
        "words": "the first 40 households",
        "shop": "journey-40",
        "first_day": counted.first_day,
        "last_day": counted.last_day,
        "facts": verdict.facts_of(counted),
        "expected": counted.figures,
        "found": found,
        "different": different,
        "wrong": explained(different, counted.sold_on(days)),
        "levels_checked": counted.products,
        "refused_checked": 12,
        "steps": [Step("Counted by pandas", seconds=0.5), Step("Orders sent", "orders", 2_776, 2_776, 10.0)],
    }
    return Outcome(**(given | overrides))


def a_cent_more(counted: Expected) -> Figures:
    """As if one line had been a cent dearer."""
    line = counted.sold.iloc[len(counted.sold) // 2]
    found: dict[Cell, Number] = dict(counted.figures)
    for cell in (
        Cell("gmv"),
        Cell("gmv", "day", line["day"]),
        Cell("gmv", "category", line["category"]),
        Cell("gmv", "product", str(line["product"])),
    ):
        found[cell] += 1
    return found


def said(outcome: Outcome) -> str:
    console = Console(file=io.StringIO(), width=120)
    verdict.print_verdict(console, outcome, (Path("reports/demo.json"), Path("reports/demo.html")))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_an_equal_run_says_so_with_every_figure_on_both_sides(counted: Expected) -> None:
    text = said(make_outcome(counted))

    assert "Equal to the cent. 8,237 stock levels are exactly 0" in text
    assert re.search(r"Gross merchandise value +80,319\.62 +80,319\.62 +✓", text)
    assert re.search(r"Sales of days, equal +(\d+) +\1 +✓", text)
    assert "✗" not in text


def test_a_cent_on_one_line_is_named_down_to_the_basket(counted: Expected) -> None:
    line = counted.sold.iloc[len(counted.sold) // 2]
    outcome = make_outcome(counted, a_cent_more(counted))

    text = said(outcome)

    assert not outcome.is_equal
    assert len(outcome.different) == 4
    assert "gmv: pandas 80,319.62, the suite 80,319.63" in text
    assert f"the line: basket {line['basket']}, product {line['product']}, {line['day']}, {line['category']}" in text
    assert "Equal to the cent" not in text


def test_the_files_hold_all_of_it_and_need_no_network(counted: Expected, tmp_path: Path) -> None:
    outcome = make_outcome(counted)

    facts, page = report.write(outcome, tmp_path / "reports")

    kept = json.loads(facts.read_text())
    assert kept["equal"] is True
    assert {one["key"]: one["suite"] for one in kept["figures"]}["gmv"] == 8_031_962
    assert sum(one["found"] for one in kept["by_day"]) == 8_031_962
    assert (kept["products_compared"], kept["data"]["lines of quantity 0, left out"]) == (8_237, 201)
    text = page.read_text()
    assert not re.search(r"https?://|{{|<script|<link|@import", text)
    assert "Equal to the cent." in text
    assert text.count("<svg") == 5


def test_a_page_of_differences_names_them_and_escapes_what_it_shows(counted: Expected) -> None:
    outcome = make_outcome(counted, wrong=["stock of <b>x</b>: on_hand 2"])

    page = report.as_page(outcome)

    assert "<li>stock of &lt;b&gt;x&lt;/b&gt;: on_hand 2</li>" in page
    assert "Equal to the cent" not in page


@pytest.mark.parametrize(
    "pairs", [[], [Pair("2017-01-01", 0, 0)], [Pair("2017-01-01", 5, 6), Pair("2017-01-02", 0, 9)]]
)
def test_charts_are_sound_svg_also_with_little_or_nothing_in_them(pairs: list[Pair]) -> None:
    for drawn in (charts.by_day(pairs), charts.by_name(pairs)):
        bars = [one for one in ElementTree.fromstring(drawn).iter("rect") if one.get("class", "").startswith("bar")]
        assert [one.get("class") for one in bars] == ["bar" if a == b else "bar wrong" for _, a, b in pairs]


def test_marks_of_a_scale_are_round_and_reach_the_top() -> None:
    for highest in (0, 1, 99, 12_345, 100_000, 987_654, 50_000_000):
        marks = charts.ticks_to(highest)
        assert marks[0] == 0
        assert marks[-1] >= highest
        assert 2 <= len(marks) <= 7
        assert all(mark % 100 == 0 for mark in marks)


def test_a_step_tells_its_time_count_and_rate() -> None:
    assert line_of(Step("Orders sent", "orders", 2_776, 2_776, 10.0)).split() == [
        "Orders", "sent", "10.0", "s", "2,776", "orders", "278/s",
    ]  # fmt: skip


def test_steps_are_shown_as_lines_where_there_is_no_terminal() -> None:
    display = Display(Console(file=io.StringIO(), width=100))

    with display.step("Orders sent", unit="orders", total=3) as progress:
        progress.advance(2)
        progress.advance()

    [step] = display.steps
    assert (step.name, step.done) == ("Orders sent", 3)
    assert isinstance(display.console.file, io.StringIO)
    assert display.console.file.getvalue().count("\n") == 1
