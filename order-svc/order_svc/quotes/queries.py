"""Reading quotes."""

import asyncpg

from order_svc.quotes import store
from order_svc.quotes.rules import Quote


async def quote(con: asyncpg.Connection, quote_id: str) -> Quote | None:
    return await store.by_id(con, quote_id)
