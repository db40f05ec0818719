"""Runs the scans. All of one answer see the same snapshot."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from metrics_svc.kpis import scans
from metrics_svc.kpis.asked import Asked, Period
from metrics_svc.kpis.definitions import Measure
from metrics_svc.kpis.rules import Cell
from metrics_svc.kpis.scans import LINES_BY, Cut

DISTINCT_ORDERS = frozenset({Measure.ORDERS, Measure.PAID_ORDERS})
DISTINCT_BUYERS = frozenset({Measure.BUYERS, Measure.PAYING_BUYERS})
DISTINCT = DISTINCT_ORDERS | DISTINCT_BUYERS


# Between steps of a scan the planner guesses how many rows there are, and guesses 200: then it sorts a million lines.
# Everything here is joined and grouped by numbers, which hashing does in a third of the time.
PLANS = "SET LOCAL enable_sort = off; SET LOCAL enable_mergejoin = off"
# From here on so many orders are met that their lines are better read all together than order by order.
WIDE_DAYS = 31


@asynccontextmanager
async def snapshot(con: asyncpg.Connection, period: Period, *, work_mem_mb: int) -> AsyncIterator[None]:
    async with con.transaction(isolation="repeatable_read", readonly=True):
        await con.execute(f"SET LOCAL work_mem = '{int(work_mem_mb)}MB'; {PLANS}")
        if period.days > WIDE_DAYS:
            await con.execute("SET LOCAL enable_nestloop = off")
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
    for scan, of_scan in passes(measures, by_line=asked.by in LINES_BY):
        cut = Cut(asked.period, asked.grain, asked.by, shops)
        query = _statement(cut, scan, of_scan, asked.window_days)
        rows = await con.fetch(f"{query} LIMIT {cut.place(cells_max + 1)}::bigint", *cut.values)
        for row in rows:
            cell = found.setdefault(scans.cell_of(row), {})
            cell |= {one: row[one.value] for one in of_scan}
        if len(found) > cells_max:
            break
    return found


def passes(measures: Collection[Measure], *, by_line: bool) -> Iterator[tuple[str, list[Measure]]]:
    """(scan, the measures that one reading of it gives). Distinct orders and buyers of lines are read on their own:
    hashed they take a second, sorted together with the sums five (155,000 orders, 1.46 million lines).
    """
    for scan in sorted({one.scan for one in measures}):
        of_scan = sorted(one for one in measures if one.scan == scan)
        alone = [one for one in of_scan if by_line and one in DISTINCT]
        if together := [one for one in of_scan if one not in alone]:
            yield scan, together
        yield from ((scan, [one]) for one in alone)


def _statement(cut: Cut, scan: str, measures: Sequence[Measure], window_days: int) -> str:
    match scan:
        case "placed" | "paid" if cut.by_line and measures[0] in DISTINCT_ORDERS:
            return scans.distinct_in_lines(cut, scan, measures[0], "n")
        case "placed" | "paid" if cut.by_line and measures[0] in DISTINCT_BUYERS:
            return scans.distinct_in_lines(cut, scan, measures[0], "person_n")
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
