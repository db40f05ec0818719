"""Reading categories."""

from collections.abc import Collection

import asyncpg

from catalog_svc.categories import store
from catalog_svc.categories.rules import Category


async def category(con: asyncpg.Connection, category_id: str) -> Category | None:
    return (await store.by_ids(con, [category_id])).get(category_id)


async def categories(con: asyncpg.Connection, *, parent_id: str | None, after: str, limit: int) -> list[Category]:
    return await store.page(con, parent_id=parent_id, after=after, limit=limit)


async def with_lineage(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, Category]:
    """The categories and all that stand above them; unknown ids are left out."""
    asked = await store.by_ids(con, set(ids))
    above = {one for category in asked.values() for one in category.path} - set(asked)
    return {**asked, **(await store.by_ids(con, above) if above else {})}


async def parents(con: asyncpg.Connection, ids: Collection[str]) -> set[str]:
    """Those of the ids that have categories below them."""
    return await store.with_children(con, set(ids))
