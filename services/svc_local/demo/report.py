"""What a run leaves behind: `reports/demo.json` and a page that opens without a network, `reports/demo.html`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from svc_local.demo import charts
from svc_local.demo.baskets import Tampered
from svc_local.demo.charts import Pair
from svc_local.demo.comparison import FIGURES, WINDOWS_DAYS, Cell, Difference, Figures, shown
from svc_local.demo.display import RATED_SECONDS, Step
from svc_local.demo.page import PAGE
from svc_local.troubles import explained

TOP_CATEGORIES = 12
TILES = 8

NAMES = {
    "orders": "Orders",
    "units": "Units",
    "gmv": "Gross merchandise value",
    "discounts": "Discounts",
    "buyers": "Buyers",
    "average_order_value": "Average order value",
    "spend_per_buyer": "Spend per buyer",
    **{f"repurchase_rate_{days}": f"Repurchase, {days} days" for days in WINDOWS_DAYS},
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a run found. `facts`: counts of the data, by name. `wrong`: a sentence for each thing that is not so."""

    words: str
    shop: str
    first_day: str
    last_day: str
    facts: Mapping[str, Any]
    expected: Figures
    found: Figures
    different: Sequence[Difference]
    wrong: Sequence[str]
    levels_checked: int
    refused_checked: int
    steps: Sequence[Step]
    tampered: Tampered | None = None

    @property
    def is_equal(self) -> bool:
        return not self.wrong

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)

    def places(self, figure: str, grain: str) -> list[Pair]:
        """Both sides of a figure at every place of a grain, by name."""
        cells = sorted({one for one in (*self.expected, *self.found) if one[:2] == (figure, grain)})
        return [Pair(one.at, int(self.expected.get(one, 0)), int(self.found.get(one, 0))) for one in cells]

    def top_categories(self) -> list[Pair]:
        by_amount = sorted(self.places("gmv", "category"), key=lambda one: (-one.expected, one.at))
        return by_amount[:TOP_CATEGORIES]


def write(outcome: Outcome, folder: Path) -> tuple[Path, Path]:
    """The two files. Raises Trouble where the disk is full or the folder is another user's."""
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        facts, page = folder / "demo.json", folder / "demo.html"
        facts.write_text(json.dumps(as_json(outcome), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        page.write_text(as_page(outcome), encoding="utf-8")
    return facts, page


def as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "equal": outcome.is_equal,
        "selection": outcome.words,
        "shop": outcome.shop,
        "from": outcome.first_day,
        "to": outcome.last_day,
        "data": dict(outcome.facts),
        "figures": [_pair_of(outcome, Cell(figure)) for figure in FIGURES],
        "by_day": [one._asdict() for one in outcome.places("gmv", "day")],
        "by_category": [one._asdict() for one in outcome.places("gmv", "category")],
        "products_compared": len(outcome.places("gmv", "product")),
        "stock_levels_checked": outcome.levels_checked,
        "one_more_refused": outcome.refused_checked,
        "wrong": list(outcome.wrong),
        "differences": [
            {**one.cell._asdict(), "expected": one.expected, "found": one.found} for one in outcome.different
        ],
        "tampered": asdict(outcome.tampered) if outcome.tampered else None,
        "steps": [{**asdict(step), "per_second": round(step.rate, 1)} for step in outcome.steps],
        "seconds": round(outcome.seconds, 1),
    }


def _pair_of(outcome: Outcome, cell: Cell) -> dict[str, Any]:
    numbers = {"key": cell.figure, "unit": FIGURES[cell.figure]}
    return numbers | {"pandas": outcome.expected.get(cell, 0), "suite": outcome.found.get(cell, 0)}


def as_page(outcome: Outcome) -> str:
    parts = {
        "verdict": _verdict(outcome),
        "words": escape(outcome.words),
        "period": f"{outcome.first_day} to {outcome.last_day}",
        "tiles": "".join(_tile(outcome, figure) for figure in list(FIGURES)[:TILES]),
        "days": charts.by_day(outcome.places("gmv", "day")),
        "categories": charts.by_name(outcome.top_categories()),
        "rings": "".join(_ring(outcome, days) for days in WINDOWS_DAYS),
        "rows": "".join(_row(outcome, figure) for figure in FIGURES) + _place_rows(outcome),
        "facts": "".join(
            f"<tr><td>{escape(name)}</td><td>{_fact(what)}</td></tr>" for name, what in outcome.facts.items()
        ),
        "steps": _steps(outcome),
        "seconds": f"{outcome.seconds:,.1f}",
    }
    page = PAGE
    for name, text in parts.items():
        page = page.replace("{{" + name + "}}", text)
    return page


def _verdict(outcome: Outcome) -> str:
    if outcome.is_equal:
        return (
            '<div class="verdict good"><b>Equal to the cent.</b> Every figure of the suite is the one that pandas '
            f"counts; {outcome.levels_checked:,} stock levels are exactly 0, and one order more was refused for each "
            f"of {outcome.refused_checked} products.</div>"
        )
    said = "".join(f"<li>{escape(one)}</li>" for one in outcome.wrong)
    return f'<div class="verdict bad"><b>Not equal.</b><ul>{said}</ul></div>'


def _tile(outcome: Outcome, figure: str) -> str:
    cell = Cell(figure)
    same = outcome.expected.get(cell, 0) == outcome.found.get(cell, 0)
    sign = '<i class="ok">✓</i>' if same else '<i class="no">✗</i>'
    number = shown(cell, outcome.found.get(cell, 0))
    return f'<div class="tile"><span>{NAMES[figure]} {sign}</span><b>{number}</b></div>'


def _ring(outcome: Outcome, days: int) -> str:
    cell = Cell(f"repurchase_rate_{days}")
    part = float(outcome.found.get(cell, 0))
    again, of = (int(outcome.found.get(cell._replace(part=one), 0)) for one in ("numerator", "denominator"))
    return charts.share(part, label=f"{days} days", words=f"{again:,} of {of:,} buyers came on two days or more")


def _row(outcome: Outcome, figure: str) -> str:
    cell = Cell(figure)
    one, other = outcome.expected.get(cell, 0), outcome.found.get(cell, 0)
    return _cells(NAMES[figure], shown(cell, one), shown(cell, other), same=one == other)


def _place_rows(outcome: Outcome) -> str:
    """How many days, categories and products are equal."""
    rows = []
    for grain, name in (("day", "Days"), ("category", "Categories"), ("product", "Products")):
        pairs = outcome.places("gmv", grain)
        equal = sum(one.expected == one.found for one in pairs)
        rows.append(_cells(f"{name} with equal sales", f"{len(pairs):,}", f"{equal:,}", same=equal == len(pairs)))
    return "".join(rows)


def _cells(name: str, one: str, other: str, *, same: bool) -> str:
    sign = '<i class="ok">✓</i>' if same else '<i class="no">✗</i>'
    return f"<tr><td>{escape(name)}</td><td>{one}</td><td>{other}</td><td>{sign}</td></tr>"


def _fact(what: Any) -> str:
    return f"{what:,}" if isinstance(what, int) else escape(str(what))


def _steps(outcome: Outcome) -> str:
    longest = max((step.seconds for step in outcome.steps), default=1) or 1
    return "".join(_step(step, 100 * step.seconds / longest) for step in outcome.steps)


def _step(step: Step, percent: float) -> str:
    counted = f"{step.done:,} {escape(step.unit)}" if step.unit else ""
    rate = f"{step.rate:,.0f}/s" if step.unit and step.seconds >= RATED_SECONDS else ""
    return (
        f'<tr><td>{escape(step.name)}</td><td class="track"><div style="width:{percent:.1f}%"></div></td>'
        f"<td>{step.seconds:,.1f} s</td><td>{counted}</td><td>{rate}</td></tr>"
    )
