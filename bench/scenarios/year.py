"""The demo's whole year: 155,518 orders, and whether the last month costs more than the first."""

import asyncio
import os
import sys

import asyncpg

from bench.stand import Figure, Stand
from svc_local.layout import ROOT

# Orders of a month of the data arrive together, in the data's order: the span of their arrival is what they cost.
BY_MONTH = """
SELECT date_trunc('month', placed_at) AS month, count(*) AS orders,
       extract(epoch FROM max(received_at) - min(received_at))::float8 AS seconds
FROM orders WHERE channel <> 'bench' GROUP BY 1 HAVING count(*) > 1000 ORDER BY 1
"""


async def year(stand: Stand) -> list[Figure]:
    environment = {**os.environ, "HOUSEHOLDS": "all", "YUNYING_STATE_DIR": str(stand.state.folder)}
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "svc_local.demo", env=environment, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
    )
    status = await demo.wait()
    con = await asyncpg.connect(stand.database("orders"))
    try:
        rows = await con.fetch(BY_MONTH)
    finally:
        await con.close()
    cost = [row["seconds"] / row["orders"] * 1000 for row in rows]
    return [
        Figure("year", "equal_to_the_cent", float(status == 0), aim="= 1"),
        Figure("year", "orders", sum(row["orders"] for row in rows)),
        Figure("year", "orders_per_second", sum(r["orders"] for r in rows) / sum(r["seconds"] for r in rows)),
        Figure("year", "ms_per_order_first_month", cost[0]),
        Figure("year", "ms_per_order_last_month", cost[-1]),
        Figure("year", "growth_last_to_first", cost[-1] / cost[0], aim="≤ 1.1", repeats=tuple(cost)),
    ]
