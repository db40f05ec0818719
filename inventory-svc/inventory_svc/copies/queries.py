"""Reading the copies."""

from collections.abc import Collection

import asyncpg

from inventory_svc.copies import store


async def shops_on(con: asyncpg.Connection, channels: Collection[str]) -> list[tuple[str, str]]:
    """(shop, channel) of the open shops that sell on any of the channels."""
    return await store.shops_on(con, channels)
