"""The page of the figures: one file, its own styles, light and dark. Pure."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

Row = Mapping[str, Any]


def page(rows: Sequence[Row], words: Mapping[str, str]) -> str:
    """`rows` in the order of their promises; `words`: number → what is promised."""
    by_promise = {number: list(found) for number, found in groupby(rows, key=lambda row: str(row["promise"]))}
    held = [number for number, found in by_promise.items() if all(row["holds"] for row in found)]
    bound = [row for row in rows if row["target"] != "told"]
    seconds = sum(found[0]["seconds"] for found in by_promise.values())
    tiles = (
        ("promises held", f"{len(held)} of {len(by_promise)}"),
        ("figures with a bound", f"{sum(row['holds'] for row in bound)} of {len(bound)}"),
        ("lost, doubled or reordered means", "= 0, exactly"),
        ("time under fault", f"{seconds / 60:.0f} min"),
    )
    good = len(held) == len(by_promise)
    parts = {
        "kind": "good" if good else "bad",
        "verdict": "Every promise held." if good else f"Broken: {', '.join(sorted(by_promise.keys() - set(held)))}.",
        "tiles": "".join(f'<div class="tile"><span>{name}</span><b>{value}</b></div>' for name, value in tiles),
        "cards": "".join(card(number, words.get(number, ""), found) for number, found in by_promise.items()),
    }
    text = PAGE
    for name, value in parts.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def card(number: str, words: str, rows: Sequence[Row]) -> str:
    good = all(row["holds"] for row in rows)
    first = rows[0]
    bound = "".join(line(row) for row in rows if row["target"] != "told")
    seen = "".join(
        f"<li><b>{amount(row['value'])}</b> {escape(row['figure'])}</li>" for row in rows if row["target"] == "told"
    )
    return (
        f'<section class="card"><h2><i class="{"good" if good else "bad"}">{number}</i>{escape(words)}</h2>'
        f"<table>{bound}</table>{f'<ul>{seen}</ul>' if seen else ''}"
        f"<p class='how'>{escape(first['form'])} form · {first['seconds']:.0f} s · "
        f"<code>{escape(first['command'])}</code></p></section>"
    )


def line(row: Row) -> str:
    mark = '<em class="ok">✓</em>' if row["holds"] else '<em class="no">✗</em>'
    return (
        f"<tr><td>{escape(row['figure'])}</td><td><b>{amount(row['value'])}</b></td>"
        f"<td class='target'>{escape(row['target'])}</td><td>{mark}</td></tr>"
    )


def amount(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}".rstrip("0")


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Yunying: promises under fault</title>
<style>
:root { --ink:#1d2530; --soft:#65707f; --line:#e3e7ec; --ground:#f5f6f8; --card:#fff;
  --good:#1f7a4d; --good-ground:#e4f4eb; --bad:#b3372f; --bad-ground:#fbe7e5 }
@media (prefers-color-scheme: dark) { :root { --ink:#e8ecf1; --soft:#93a0b0; --line:#2c3540; --ground:#12171d;
  --card:#1a2129; --good:#5fce95; --good-ground:#17352a; --bad:#f08a80; --bad-ground:#40211f } }
* { box-sizing:border-box }
body { margin:0; background:var(--ground); color:var(--ink);
  font:15px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Noto Sans CJK SC", sans-serif }
main { max-width:1160px; margin:0 auto; padding:40px 20px 60px }
h1 { font-size:28px; margin:0 0 4px; letter-spacing:-.01em } .lead { color:var(--soft); margin:0 0 22px }
.verdict { border-radius:14px; padding:16px 22px; margin:0 0 18px; font-weight:600 }
.good { background:var(--good-ground); color:var(--good) } .bad { background:var(--bad-ground); color:var(--bad) }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(200px,1fr)); gap:12px; margin-bottom:18px }
.tile { background:var(--card); border:1px solid var(--line); border-radius:14px; padding:14px 18px }
.tile span { color:var(--soft); font-size:13px; display:block } .tile b { font-size:21px; letter-spacing:-.01em }
.cards { columns:2; column-gap:18px } @media (max-width:860px) { .cards { columns:1 } }
.card { background:var(--card); border:1px solid var(--line); border-radius:14px; padding:20px 22px 16px;
  margin:0 0 18px; break-inside:avoid }
h2 { font-size:16px; margin:0 0 12px; line-height:1.4 } h2 i { font-style:normal; border-radius:8px; padding:2px 9px;
  margin-right:10px; font-size:14px }
table { width:100%; border-collapse:collapse; font-variant-numeric:tabular-nums }
td { padding:6px 0 6px 10px; border-bottom:1px solid var(--line); text-align:right; vertical-align:top }
td:first-child { text-align:left; padding-left:0 } tr:last-child td { border-bottom:0 }
.target { color:var(--soft); white-space:nowrap } .ok { color:var(--good); font-style:normal }
.no { color:var(--bad); font-style:normal }
ul { list-style:none; margin:10px 0 0; padding:0; display:flex; flex-wrap:wrap; gap:4px 18px; color:var(--soft);
  font-size:13px } ul b { color:var(--ink); font-weight:600 }
.how { color:var(--soft); font-size:12px; margin:12px 0 0 } code { font-size:12px }
</style></head><body><main>
<h1>Promises under fault</h1>
<p class="lead">Real processes, a real PostgreSQL and a real Apache Kafka, killed, stopped, cut off and wiped while
clients went on. Each figure was counted, and each run can be replayed by its seed.</p>
<div class="verdict {{kind}}">{{verdict}}</div>
<div class="tiles">{{tiles}}</div>
<div class="cards">{{cards}}</div>
</main></body></html>
"""
