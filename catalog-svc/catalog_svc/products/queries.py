"""Reading products."""

from collections.abc import Collection

import asyncpg

from catalog_svc.products import store
from catalog_svc.products.rules import Product


async def product(con: asyncpg.Connection, product_id: str) -> Product | None:
    return (await store.by_ids(con, [product_id])).get(product_id)


async def products_by_id(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, Product]:
    return await store.by_ids(con, set(ids))


async def products(con: asyncpg.Connection, *, category_id: str | None, after: str, limit: int) -> list[Product]:
    return await store.page(con, category_id=category_id, after=after, limit=limit)


async def known_skus(con: asyncpg.Connection, skus: Collection[str]) -> set[str]:
    return set(await store.skus_known(con, set(skus)))


async def products_of_skus(con: asyncpg.Connection, skus: Collection[str]) -> set[str]:
    """Ids of the products that these skus are variants of."""
    return await store.products_of_skus(con, set(skus))
