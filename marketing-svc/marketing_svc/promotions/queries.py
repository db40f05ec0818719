"""Reading promotions."""

from collections.abc import Collection, Sequence

import asyncpg

from marketing_svc.promotions import store
from marketing_svc.promotions.rules.promotion import Promotion


async def promotion(con: asyncpg.Connection, promotion_id: str) -> Promotion | None:
    return (await store.by_ids(con, [promotion_id])).get(promotion_id)


async def promotions(con: asyncpg.Connection, promotion_ids: Collection[str]) -> dict[str, Promotion]:
    return await store.by_ids(con, promotion_ids) if promotion_ids else {}


async def automatic(con: asyncpg.Connection, shop: str) -> list[Promotion]:
    """The shop's automatic promotions that are active."""
    return await store.active_automatic(con, shop)


async def page(
    con: asyncpg.Connection,
    *,
    shops: Collection[str] | None,
    campaign_id: str | None,
    states: Sequence[str],
    after: str,
    limit: int,
) -> list[Promotion]:
    """By id; `shops` None: of all."""
    return await store.page(con, shops=shops, campaign_id=campaign_id, states=states, after=after, limit=limit)
