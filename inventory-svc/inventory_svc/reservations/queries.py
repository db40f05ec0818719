"""Reading reservations."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from inventory_svc.reservations import store
from inventory_svc.reservations.rules import Reserved
from inventory_svc.stock.queries import keys_of


async def reservations(
    con: asyncpg.Connection,
    *,
    order_id: str | None,
    skus: Sequence[str],
    warehouse: str | None,
    states: Sequence[str],
    after: tuple[str, str, str],
    limit: int,
) -> list[tuple[Reserved, datetime]]:
    """Each with the time it was reserved, by order, line and level."""
    keys = await keys_of(con, skus=skus, warehouse=warehouse) if skus else None
    return await store.page(
        con, order_id=order_id, keys=keys, warehouse=warehouse, states=states, after=after, limit=limit
    )
