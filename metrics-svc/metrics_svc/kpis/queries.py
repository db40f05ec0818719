"""Answering questions about figures."""

from collections.abc import Collection, Sequence
from typing import Any

import asyncpg

from metrics_svc.copies.queries import knows_shop
from metrics_svc.kpis import behind, store
from metrics_svc.kpis.asked import Asked
from metrics_svc.kpis.behind import Mark, Wanted
from metrics_svc.kpis.rules import figure, needed, row, share

Rows = list[dict[str, object]]


class TooManyRows(Exception):
    """The answer would be longer than allowed."""


async def figures(
    con: asyncpg.Connection, asked: Asked, *, shops: Collection[str] | None, rows_max: int, work_mem_mb: int
) -> Rows:
    """In the order of the keys, then by period, shop, currency, thing; a cell without facts has no row.

    `shops` None: all. Raises TooManyRows.
    """
    measures = {measure for one in asked.definitions for measure in needed(one)}
    allowed = None if shops is None else sorted(shops)
    # Every figure may have a row in every cell: what would be too long is not read to its end.
    cells_max = rows_max // max(1, len(asked.definitions))
    async with store.snapshot(con, asked.widest, work_mem_mb=work_mem_mb):
        found = await store.measured(con, asked, measures, shops=allowed, cells_max=cells_max)
    if len(found) > cells_max:
        raise TooManyRows
    cells = sorted(found)
    return [
        row(definition, cell, value, asked)
        for definition in asked.definitions
        for cell in cells
        if (value := figure(definition, found[cell])) is not None
    ]


async def facts_behind(
    con: asyncpg.Connection, wanted: Wanted, *, after: Mark | None, limit: int, work_mem_mb: int
) -> list[dict[str, Any]]:
    """By time; `adds`: what the fact adds to the number."""
    async with store.snapshot(con, wanted.period, work_mem_mb=work_mem_mb):
        found = await behind.facts(con, wanted, after=after, limit=limit)
    rows = [dict(row) for row in found]
    for one in rows:
        figures = {name: one.get(name) or 0 for name in ("units", "amount_minor", "discount_minor")}
        one["adds"] = share(wanted.measure, **figures, by_line=wanted.by_line)
    return rows


async def shop_exists(con: asyncpg.Connection, shop: str) -> bool:
    return await knows_shop(con, shop) or await store.has_facts_of(con, shop)


def shops_asked(shop: str | None, allowed: Collection[str] | None) -> Sequence[str] | None:
    """The shops to count: the one asked for, else all that the asker may see (None: all)."""
    if shop is not None:
        return [shop]
    return None if allowed is None else sorted(allowed)
