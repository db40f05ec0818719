"""Reading the copies."""

import asyncpg

from metrics_svc.copies import store


async def knows_shop(con: asyncpg.Connection, shop: str) -> bool:
    return await store.shops_known(con, shop)
