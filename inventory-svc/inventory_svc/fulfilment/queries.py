"""Reading fulfilments."""

from collections.abc import Sequence

import asyncpg

from inventory_svc.fulfilment import store
from inventory_svc.fulfilment.rules import Fulfilment, FulfilmentState


async def fulfilment(con: asyncpg.Connection, fulfilment_id: str) -> Fulfilment | None:
    return (await store.by_ids(con, [fulfilment_id])).get(fulfilment_id)


async def fulfilments(
    con: asyncpg.Connection,
    *,
    states: Sequence[str],
    warehouse: str | None,
    order_id: str | None,
    after: str,
    limit: int,
) -> list[Fulfilment]:
    """Oldest first."""
    return await store.page(con, states=states, warehouse=warehouse, order_id=order_id, after=after, limit=limit)


async def address_ref(con: asyncpg.Connection, fulfilment_id: str) -> tuple[FulfilmentState, str] | None:
    """Its state, and what opens the address at order-svc."""
    return await store.address_ref(con, fulfilment_id)


async def fulfilment_of_shipment(con: asyncpg.Connection, shipment_id: str) -> str | None:
    return await store.fulfilment_of_shipment(con, shipment_id)
