"""What the runs found: `reports/reliability.json`, and a page of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.book import promises
from tests.faults.page import page
from tests.faults.promise import Finding, Form, Promise

FOLDER = Path(__file__).resolve().parents[2] / "reports"
JSON_PATH = FOLDER / "reliability.json"
PAGE_PATH = FOLDER / "reliability.html"


def keep(promise: Promise, findings: Sequence[Finding], *, form: Form, seed: int, seconds: float) -> None:
    """In the place of what an earlier run found about this promise."""
    others = [one for one in read() if one["promise"] != promise.number]
    mine = [
        {
            "promise": promise.number,
            "figure": one.figure,
            "value": one.value,
            "target": one.target,
            "holds": one.holds,
            "form": form.value,
            "seed": seed,
            "seconds": round(seconds, 1),
            "command": command_of(promise, form, seed),
        }
        for one in findings
    ]
    rows = sorted([*others, *mine], key=lambda row: int(row["promise"].lstrip("P")))
    FOLDER.mkdir(exist_ok=True)
    JSON_PATH.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE_PATH.write_text(page(rows, {one.number: one.words for one in promises()}), encoding="utf-8")


def read() -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = json.loads(JSON_PATH.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return rows


def command_of(promise: Promise, form: Form, seed: int) -> str:
    return f"make {'soak' if form is Form.SOAK else 'faults'} PROMISE={promise.number} SEED={seed}"
