"""Reading levels and the ledger."""

from collections.abc import Sequence

import asyncpg

from inventory_svc.stock import store
from inventory_svc.stock.rules import Level


async def levels(
    con: asyncpg.Connection, *, skus: Sequence[str], warehouse: str | None, after: str, limit: int
) -> list[Level]:
    """By key, `sku@warehouse`."""
    return await store.page_of_levels(con, skus=skus, warehouse=warehouse, after=after, limit=limit)


async def movements(
    con: asyncpg.Connection, *, skus: Sequence[str], warehouse: str | None, before: int | None, limit: int
) -> list[asyncpg.Record]:
    """Newest first."""
    return await store.page_of_movements(con, skus=skus, warehouse=warehouse, before=before, limit=limit)
