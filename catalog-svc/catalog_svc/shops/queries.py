"""Reading shops."""

from collections.abc import Collection

import asyncpg

from catalog_svc.shops import store
from catalog_svc.shops.rules import Shop


async def shop(con: asyncpg.Connection, slug: str) -> Shop | None:
    return await store.by_slug(con, slug)


async def shops_by_slug(con: asyncpg.Connection, slugs: Collection[str]) -> dict[str, Shop]:
    return await store.by_slugs(con, sorted(set(slugs)))


async def shops(con: asyncpg.Connection, *, only: Collection[str] | None, after: str, limit: int) -> list[Shop]:
    """`only`: the slugs that the asker may see; None for all."""
    return await store.page(con, only=None if only is None else sorted(only), after=after, limit=limit)
