"""Reading levels and the ledger."""

from collections.abc import Sequence

import asyncpg

from inventory_svc.stock import store
from inventory_svc.stock.rules import Level

NEWEST = 2**63 - 1  # above every movement's id


async def levels(
    con: asyncpg.Connection, *, skus: Sequence[str], warehouse: str | None, after: str, limit: int
) -> list[Level]:
    """By key, `sku@warehouse`."""
    return await store.page_of_levels(con, skus=skus, warehouse=warehouse, after=after, limit=limit)


async def movements(
    con: asyncpg.Connection, *, skus: Sequence[str], warehouse: str | None, before: int | None, limit: int
) -> list[asyncpg.Record]:
    """Newest first."""
    before = NEWEST if before is None else before
    if not skus:
        return await store.latest_movements(con, warehouse=warehouse, before=before, limit=limit)
    keys = await store.keys_of(con, skus=skus, warehouse=warehouse)
    return await store.movements_of_levels(con, keys, before=before, limit=limit)


async def keys_of(con: asyncpg.Connection, *, skus: Sequence[str], warehouse: str | None) -> list[str]:
    """The keys of the levels that these skus have, in one warehouse or in all."""
    return await store.keys_of(con, skus=skus, warehouse=warehouse)
