"""`reports/bench.json`, a page of it, and the lines that a run prints."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench.page import page
from svc_local.layout import ROOT

FOLDER = ROOT / "reports"


def write(machine: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    FOLDER.mkdir(exist_ok=True)
    whole = [{"scenario": "machine", **machine}, *rows]
    (FOLDER / "bench.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (FOLDER / "bench.html").write_text(page(machine, rows), encoding="utf-8")


def line_of(row: Mapping[str, Any]) -> str:
    ratio = f"× {row['ratio']:.3f}" if row["ratio"] is not None else ""
    aim = f"(aim {row['aim']})" if row["aim"] else ""
    times = f"p50 {row['p50_ms']:.1f} p99 {row['p99_ms']:.1f} ms" if row["p50_ms"] is not None else ""
    odd = {name: count for name, count in row["outcomes"].items() if name != "ok"}
    head = f"{row['scenario'] + ' ' + row['figure']:<44}{amount(row['value']):>12}  {ratio:<9}{aim:<24}{times}"
    spent = sorted(row["cpu_us_per_call"].items(), key=lambda one: -one[1])
    lines = [head.rstrip() + (f"  {odd}" if odd else "")]
    if spent:
        lines.append("    µs of CPU per call: " + ", ".join(f"{name} {many}" for name, many in spent if many > 0))
    return "\n".join(lines)


def amount(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
