"""Reading campaigns."""

from collections.abc import Collection, Sequence

import asyncpg

from marketing_svc.campaigns import store
from marketing_svc.campaigns.rules import Campaign


async def campaign(con: asyncpg.Connection, campaign_id: str) -> Campaign | None:
    return await store.by_id(con, campaign_id)


async def campaigns(
    con: asyncpg.Connection, *, shops: Collection[str] | None, states: Sequence[str], after: str, limit: int
) -> list[Campaign]:
    """By id; `shops` None: of all."""
    return await store.page(con, shops=shops, states=states, after=after, limit=limit)
