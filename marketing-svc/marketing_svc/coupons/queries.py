"""Reading coupon batches."""

from collections.abc import Collection

import asyncpg

from marketing_svc.coupons import store
from marketing_svc.coupons.rules import Batch, normal


async def batch(con: asyncpg.Connection, batch_id: str) -> Batch | None:
    return await store.by_id(con, batch_id)


async def batches(
    con: asyncpg.Connection,
    *,
    shops: Collection[str] | None,
    promotion_id: str | None,
    code: str | None,
    after: str,
    limit: int,
) -> list[Batch]:
    """By id; `shops` None: of all."""
    code = None if code is None else normal(code)
    return await store.page(con, shops=shops, promotion_id=promotion_id, code=code, after=after, limit=limit)


async def by_codes(con: asyncpg.Connection, codes: Collection[tuple[str, str]]) -> dict[tuple[str, str], Batch]:
    """{(shop, code as stored): batch}."""
    return await store.by_codes(con, codes) if codes else {}


async def of_promotions(con: asyncpg.Connection, promotion_ids: Collection[str]) -> list[Batch]:
    return await store.of_promotions(con, promotion_ids) if promotion_ids else []


async def promotions_of(con: asyncpg.Connection, batch_ids: Collection[str]) -> set[str]:
    """The promotions that these batches open; ids of other things are passed over."""
    return await store.promotions_of(con, batch_ids)
