"""The only SQL on categories."""

from collections.abc import Collection
from dataclasses import asdict

import asyncpg

from catalog_svc.categories.rules import AttributeDefinition, Category, Input
from catalog_svc.conditions import Conditions
from catalog_svc.documents import dump, load

COLUMNS = "id, parent_id, path, name::text AS name, attributes::text AS attributes, created_at, version, event_seq"


def _definition(facts: dict[str, object]) -> AttributeDefinition:
    shaped = {**facts, "input": Input(str(facts["input"])), "values": tuple(facts["values"])}  # type: ignore[arg-type]
    return AttributeDefinition(**shaped)  # type: ignore[arg-type]


def _category(row: asyncpg.Record) -> Category:
    attributes = tuple(_definition(facts) for facts in load(row["attributes"]))
    return Category(**{**dict(row), "path": tuple(row["path"]), "name": load(row["name"]), "attributes": attributes})


def _attributes(category: Category) -> str:
    return dump([asdict(definition) for definition in category.attributes])


async def insert(con: asyncpg.Connection, category: Category) -> None:
    await con.execute(
        "INSERT INTO category (id, parent_id, path, name, attributes, created_at, version, event_seq) "
        "VALUES ($1, $2, $3, $4::text::jsonb, $5::text::jsonb, $6, $7, $8)",
        category.id,
        category.parent_id,
        list(category.path),
        dump(category.name),
        _attributes(category),
        category.created_at,
        category.version,
        category.event_seq,
    )


async def update(con: asyncpg.Connection, category: Category) -> None:
    await con.execute(
        "UPDATE category SET name = $2::text::jsonb, attributes = $3::text::jsonb, version = $4, event_seq = $5 "
        "WHERE id = $1",
        category.id,
        dump(category.name),
        _attributes(category),
        category.version,
        category.event_seq,
    )


async def lock(con: asyncpg.Connection, category_id: str) -> Category | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM category WHERE id = $1 FOR NO KEY UPDATE", category_id)  # noqa: S608
    return _category(row) if row else None


async def by_ids(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, Category]:
    rows = await con.fetch(f"SELECT {COLUMNS} FROM category WHERE id = ANY($1::text[])", sorted(ids))  # noqa: S608
    return {row["id"]: _category(row) for row in rows}


async def with_children(con: asyncpg.Connection, ids: Collection[str]) -> set[str]:
    """Those of the ids that are a parent."""
    rows = await con.fetch("SELECT DISTINCT parent_id FROM category WHERE parent_id = ANY($1::text[])", sorted(ids))
    return {row["parent_id"] for row in rows}


async def page(con: asyncpg.Connection, *, parent_id: str | None, after: str, limit: int) -> list[Category]:
    asked = Conditions()
    asked.add("id > {}", after)
    if parent_id is not None:
        asked.add("parent_id = {}", parent_id)
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM category {asked.where} ORDER BY id LIMIT {asked.place(limit)}",  # noqa: S608
        *asked.values,
    )
    return [_category(row) for row in rows]
