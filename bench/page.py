"""The page of a run: every ratio beside its aim, and who spent the processor's time. Pure."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

Row = Mapping[str, Any]
WIDTH, ROW_HEIGHT, NAME_WIDTH = 900, 34, 330
COLOURS = ("#2f6f8f", "#e08b2c", "#5e8c61", "#8f4f7a", "#6b7fbf", "#b3a13c", "#7c8894", "#b3572f", "#3c9c94")


def page(machine: Mapping[str, Any], rows: Sequence[Row]) -> str:
    cards = [
        card(name, list(found))
        for name, found in groupby(rows, key=lambda row: str(row["scenario"]))
        if name != "yardstick"
    ]
    yards = [row for row in rows if row["scenario"] == "yardstick"]
    tiles = "".join(
        f'<div class="tile"><span>{escape(row["figure"])}</span><b>{row["value"]:,.0f}/s</b></div>' for row in yards
    )
    parts = {
        "machine": escape(", ".join(f"{name} {value}" for name, value in machine.items())),
        "tiles": tiles,
        "ratios": ratios([row for row in rows if row["ratio"] is not None]),
        "cards": "".join(cards),
    }
    text = PAGE
    for name, value in parts.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def ratios(rows: Sequence[Row]) -> str:
    """A bar per ratio; the mark is the aim."""
    if not rows:
        return ""
    highest = max(1.0, *(float(row["ratio"]) for row in rows), *(aim_of(row) or 0 for row in rows))
    room = WIDTH - NAME_WIDTH - 90
    drawn = []
    for n, row in enumerate(rows):
        y, wide, aim = n * ROW_HEIGHT, room * row["ratio"] / highest, aim_of(row)
        kind = "bar" if aim is None or row["ratio"] >= aim else "bar short"
        name = f"{row['scenario']} · {row['figure']}"
        drawn.append(
            f'<text class="name" x="{NAME_WIDTH - 10}" y="{y + 21}">{escape(name)}</text>'
            f'<rect class="{kind}" x="{NAME_WIDTH}" y="{y + 6}" width="{max(2, wide):.1f}" height="20" rx="4">'
            f"<title>{row['value']:,.0f}/s to {escape(str(row['yardstick']))}</title></rect>"
            f'<text class="amount" x="{NAME_WIDTH + wide + 8:.1f}" y="{y + 21}">{row["ratio"]:.3f}</text>'
        )
        if aim is not None:
            x = NAME_WIDTH + room * aim / highest
            drawn.append(f'<line class="aim" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 2}" y2="{y + 30}"/>')
    return f'<svg viewBox="0 0 {WIDTH} {len(rows) * ROW_HEIGHT}" role="img">{"".join(drawn)}</svg>'


def aim_of(row: Row) -> float | None:
    """The number of an aim that is a ratio."""
    first = str(row["aim"]).split(",", 1)[0].removeprefix("≥").strip()
    try:
        return float(first) if str(row["aim"]).startswith("≥") and row["ratio"] is not None else None
    except ValueError:
        return None


def card(name: str, rows: Sequence[Row]) -> str:
    lines = "".join(
        f"<tr><td>{escape(row['figure'])}</td><td><b>{amount(row['value'])}</b></td><td>{ratio(row)}</td>"
        f"<td>{times(row)}</td><td>{share(row['spread'])}</td><td>{escape(row['aim'])}</td></tr>"
        for row in rows
    )
    spent = "".join(processor(row) for row in rows if row["cpu_us_per_call"])
    head = "<tr><th>figure</th><th>median</th><th>ratio</th><th>p50 / p99 ms</th><th>spread</th><th>aim</th></tr>"
    return f'<section class="card"><h2>{escape(name)}</h2><table>{head}{lines}</table>{spent}</section>'


def processor(row: Row) -> str:
    """One bar: microseconds of each process per call."""
    spent = sorted(((name, us) for name, us in row["cpu_us_per_call"].items() if us > 0), key=lambda one: -one[1])
    whole = sum(us for _, us in spent) or 1
    pieces = "".join(
        f'<i style="width:{us / whole * 100:.2f}%;background:{colour(n)}" title="{escape(name)} {us} µs"></i>'
        for n, (name, us) in enumerate(spent)
    )
    words = " · ".join(
        f'<em style="color:{colour(n)}">■</em> {escape(name)} {us:,}' for n, (name, us) in enumerate(spent)
    )
    head = f"{escape(row['figure'])}: {whole:,} µs of processor per call"
    return f'<p class="spent">{head}</p><div class="stack">{pieces}</div><p class="spent">{words}</p>'


def colour(n: int) -> str:
    return COLOURS[n % len(COLOURS)]


def amount(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def ratio(row: Row) -> str:
    return f"{row['ratio']:.3f}" if row["ratio"] is not None else ""


def times(row: Row) -> str:
    return f"{row['p50_ms']:.1f} / {row['p99_ms']:.1f}" if row["p50_ms"] is not None else ""


def share(spread: float | None) -> str:
    return "" if spread is None else f"{spread:.0%}"


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Yunying: speed</title>
<style>
:root { --ink:#1d2530; --soft:#65707f; --line:#e3e7ec; --ground:#f5f6f8; --card:#fff; --main:#2f6f8f; --mark:#e08b2c;
  --short:#b3572f }
@media (prefers-color-scheme: dark) { :root { --ink:#e8ecf1; --soft:#93a0b0; --line:#2c3540; --ground:#12171d;
  --card:#1a2129; --main:#5ba3c5; --mark:#f0a94e; --short:#e08b6a } }
* { box-sizing:border-box }
body { margin:0; background:var(--ground); color:var(--ink);
  font:15px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Noto Sans CJK SC", sans-serif }
main { max-width:1060px; margin:0 auto; padding:40px 20px 60px }
h1 { font-size:28px; margin:0 0 4px } h2 { font-size:17px; margin:0 0 12px }
.lead { color:var(--soft); margin:0 0 22px }
.card { background:var(--card); border:1px solid var(--line); border-radius:14px; padding:20px 24px; margin:18px 0 }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(180px,1fr)); gap:12px }
.tile { background:var(--card); border:1px solid var(--line); border-radius:14px; padding:14px 18px }
.tile span { color:var(--soft); font-size:13px; display:block } .tile b { font-size:21px }
svg { width:100%; height:auto; display:block } .bar { fill:var(--main) } .short { fill:var(--short) }
.aim { stroke:var(--mark); stroke-width:3 } .name { text-anchor:end; fill:var(--ink); font-size:13px }
.amount { fill:var(--soft); font-size:13px }
table { width:100%; border-collapse:collapse; font-variant-numeric:tabular-nums }
td, th { padding:6px 8px; border-bottom:1px solid var(--line); text-align:right }
td:first-child, th:first-child { text-align:left; padding-left:0 } th { color:var(--soft); font-weight:500 }
.stack { display:flex; height:12px; border-radius:6px; overflow:hidden } .stack i { display:block }
.spent { color:var(--soft); font-size:13px; margin:12px 0 4px } .spent em { font-style:normal }
</style></head><body><main>
<h1>How fast, beside what the machine can do</h1>
<p class="lead">{{machine}}. Yardsticks were taken in the same run, and the load generator shares the cores.</p>
<div class="tiles">{{tiles}}</div>
<section class="card"><h2>Ratios to the yardsticks; the mark is the aim</h2>{{ratios}}</section>
{{cards}}
</main></body></html>
"""
