"""Runs the scans. All of one answer see the same snapshot."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import asyncpg

from metrics_svc.kpis import scans
from metrics_svc.kpis.asked import Asked
from metrics_svc.kpis.definitions import Measure
from metrics_svc.kpis.rules import Cell
from metrics_svc.kpis.scans import Cut


@asynccontextmanager
async def snapshot(con: asyncpg.Connection, *, work_mem_mb: int) -> AsyncIterator[None]:
    async with con.transaction(isolation="repeatable_read", readonly=True):
        await con.execute(f"SET LOCAL work_mem = '{int(work_mem_mb)}MB'")
        yield


async def measured(
    con: asyncpg.Connection,
    asked: Asked,
    measures: Collection[Measure],
    *,
    shops: Sequence[str] | None,
    cells_max: int,
) -> dict[Cell, dict[Measure, int]]:
    """One scan for all measures that share it. More cells than `cells_max` are not read to their end."""
    found: dict[Cell, dict[Measure, int]] = {}
    for scan in sorted({one.scan for one in measures}):
        of_scan = [one for one in measures if one.scan == scan]
        cut = Cut(asked.period, asked.grain, asked.by, shops)
        query = _statement(cut, scan, of_scan, asked.window_days)
        rows = await con.fetch(f"{query} LIMIT {cut.place(cells_max + 1)}::bigint", *cut.values)
        for row in rows:
            cell = found.setdefault(scans.cell_of(row), {})
            cell |= {one: row[one.value] for one in of_scan}
        if len(found) > cells_max:
            break
    return found


def _statement(cut: Cut, scan: str, measures: Sequence[Measure], window_days: int) -> str:
    match scan:
        case "placed" | "paid":
            return scans.of_orders(cut, scan, measures)
        case "refunds":
            return scans.of_refunds(cut)
        case "views":
            return scans.of_views(cut)
        case "sessions":
            return scans.of_sessions(cut)
        case "conversion":
            return scans.of_conversion(cut)
        case "repurchase":
            return scans.of_repurchase(cut, window_days)
        case _:
            raise KeyError(scan)


async def has_facts_of(con: asyncpg.Connection, shop: str) -> bool:
    """A shop whose `shop.changed` is late may have facts already."""
    return bool(
        await con.fetchval(
            "SELECT EXISTS (SELECT FROM fact_order WHERE shop = $1) "
            "OR EXISTS (SELECT FROM fact_traffic WHERE shop = $1)",
            shop,
        )
    )
