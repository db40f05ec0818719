"""The demo on the running suite: equal, equal again, equal after being killed; and a cent is found."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from svc_local.demo.baskets import read
from svc_local.demo.run import run
from svc_local.demo.selection import Selection
from svc_local.layout import State
from svc_local.testing import SuiteForTests
from svc_local.troubles import Trouble

pytestmark = pytest.mark.slow


def demo(selection: Selection, suite: SuiteForTests, reports: Path) -> tuple[int, str, dict[str, Any]]:
    """(exit status, what was said, reports/demo.json)."""
    console = Console(file=io.StringIO(), width=140, highlight=False)
    status = run(selection, State(suite.state_dir), console, reports=reports)
    assert isinstance(console.file, io.StringIO)
    return status, console.file.getvalue(), json.loads((reports / "demo.json").read_text())


def test_one_household_is_equal_to_the_cent_and_once_more_changes_nothing(suite: SuiteForTests, tmp_path: Path) -> None:
    status, said, first = demo(Selection(1), suite, tmp_path)
    again, _, second = demo(Selection(1), suite, tmp_path)

    assert (status, again) == (0, 0), said
    assert "Equal to the cent." in said
    assert {one["key"]: one["suite"] for one in first["figures"]}["orders"] == 50
    assert first["stock_levels_checked"] == first["products_compared"] == 435
    assert first["one_more_refused"] == 12
    assert [second[key] for key in ("figures", "by_day", "by_category")] == [
        first[key] for key in ("figures", "by_day", "by_category")
    ]
    assert (tmp_path / "demo.html").stat().st_size > 10_000


def test_a_run_that_was_killed_half_way_ends_equal_when_run_again(suite: SuiteForTests, tmp_path: Path) -> None:
    environment = {**os.environ, "YUNYING_STATE_DIR": str(suite.state_dir), "HOUSEHOLDS": "2", "PYTHONUNBUFFERED": "1"}
    half_way = subprocess.Popen(
        [sys.executable, "-m", "svc_local.demo"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert half_way.stdout is not None
    with half_way:
        for line in half_way.stdout:
            if "On sale" in line:  # from here on orders are sent
                break
        half_way.kill()
    assert half_way.returncode != 0

    status, said, _ = demo(Selection(2), suite, tmp_path)

    assert status == 0, said


def test_a_cent_on_one_line_fails_the_run_and_is_named(suite: SuiteForTests, tmp_path: Path) -> None:
    selection = Selection(1, tampered=True)
    tampered = read(selection).tampered
    assert tampered is not None

    status, said, kept = demo(selection, suite, tmp_path)

    assert status == 1
    assert re.search(r"gmv: pandas (\S+), the suite", said)
    assert f"gmv of day {tampered.day}:" in said
    assert f"gmv of product {tampered.product}:" in said
    assert f"the line: basket {tampered.basket}, product {tampered.product}, {tampered.day}" in said
    assert all(one["found"] - one["expected"] in (1, 0) for one in kept["differences"] if one["figure"] == "gmv")
    assert kept["tampered"]["sent_minor"] == tampered.true_minor + 1


def test_without_a_suite_the_demo_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="type `make up` first"):
        run(Selection(1), State(tmp_path), Console(file=io.StringIO()), reports=tmp_path)
