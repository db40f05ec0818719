"""Reading warehouses."""

from collections.abc import Collection

import asyncpg

from inventory_svc.warehouses import store
from inventory_svc.warehouses.rules import Warehouse


async def warehouse(con: asyncpg.Connection, code: str) -> Warehouse | None:
    return await store.by_code(con, code)


async def warehouses(con: asyncpg.Connection, *, after: str, limit: int) -> list[Warehouse]:
    return await store.page(con, after=after, limit=limit)


async def serving_channels(con: asyncpg.Connection, channels: Collection[str]) -> list[Warehouse]:
    """The open warehouses that serve any of the channels."""
    return await store.serving_channels(con, channels)
