"""The only SQL on price lists, prices and their history."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import asyncpg

from catalog_svc.conditions import Conditions
from catalog_svc.documents import dump, load
from catalog_svc.prices.rules import TRAVELLING, PriceList, Rules

COLUMNS = "id, shop, name, position, state, rules::text AS rules, from_at, until_at, created_at, version"


def _rules(facts: dict[str, Any]) -> Rules:
    lists = {name: tuple(facts[name]) for name in ("channels", "member_levels", "segments")}
    return Rules(**{**facts, **lists})


def _list(row: asyncpg.Record) -> PriceList:
    return PriceList(**{**dict(row), "rules": _rules(load(row["rules"]))})


async def insert_list(con: asyncpg.Connection, one: PriceList) -> None:
    await con.execute(
        "INSERT INTO price_list (id, shop, name, position, state, rules, from_at, until_at, created_at, version) "
        "VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9, $10)",
        one.id,
        one.shop,
        one.name,
        one.position,
        one.state,
        dump(asdict(one.rules)),
        one.from_at,
        one.until_at,
        one.created_at,
        one.version,
    )


async def update_list(con: asyncpg.Connection, one: PriceList) -> None:
    await con.execute(
        "UPDATE price_list SET name = $2, position = $3, state = $4, rules = $5::text::jsonb, from_at = $6, "
        "until_at = $7, version = $8 WHERE id = $1",
        one.id,
        one.name,
        one.position,
        one.state,
        dump(asdict(one.rules)),
        one.from_at,
        one.until_at,
        one.version,
    )


async def lock_list(con: asyncpg.Connection, list_id: str) -> PriceList | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM price_list WHERE id = $1 FOR NO KEY UPDATE", list_id)  # noqa: S608
    return _list(row) if row else None


async def list_by_id(con: asyncpg.Connection, list_id: str) -> PriceList | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM price_list WHERE id = $1", list_id)  # noqa: S608
    return _list(row) if row else None


async def lists_of(con: asyncpg.Connection, shops: Collection[str] | None) -> list[PriceList]:
    """By shop and position; None for all shops."""
    asked = Conditions()
    if shops is not None:
        asked.add("shop = ANY({}::text[])", sorted(shops))
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM price_list {asked.where} ORDER BY shop, position, id",  # noqa: S608
        *asked.values,
    )
    return [_list(row) for row in rows]


async def count_lists(con: asyncpg.Connection, shop: str) -> int:
    return int(await con.fetchval("SELECT count(*) FROM price_list WHERE shop = $1", shop))


async def put_prices(
    con: asyncpg.Connection, prices: Sequence[tuple[str, str, int]], *, actor: tuple[str, str], at: datetime
) -> None:
    """`prices`: (list, sku, amount_minor). A price that stays the same leaves no trace in the history."""
    await con.execute(
        "WITH given AS (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS t(list_id, sku, amount_minor)), "
        "put AS (INSERT INTO price (list_id, sku, amount_minor) SELECT * FROM given ORDER BY list_id, sku "
        "ON CONFLICT (list_id, sku) DO UPDATE SET amount_minor = excluded.amount_minor "
        "WHERE price.amount_minor <> excluded.amount_minor RETURNING list_id, sku, amount_minor) "
        "INSERT INTO price_history (list_id, sku, amount_minor, actor_kind, actor_id, at) "
        "SELECT list_id, sku, amount_minor, $4, $5, $6 FROM put",
        [price[0] for price in prices],
        [price[1] for price in prices],
        [price[2] for price in prices],
        *actor,
        at,
    )


async def travelling(
    con: asyncpg.Connection, shops: Collection[str], skus: Collection[str]
) -> tuple[list[PriceList], list[tuple[str, str, int]]]:
    """Lists whose prices customers may see, and their prices of these skus: (list, sku, amount_minor)."""
    lists = [one for one in await lists_of(con, shops) if one.state in TRAVELLING]
    rows = await con.fetch(
        "SELECT list_id, sku, amount_minor FROM price WHERE sku = ANY($1::text[]) AND list_id = ANY($2::text[])",
        sorted(skus),
        [one.id for one in lists],
    )
    return lists, [(row["list_id"], row["sku"], row["amount_minor"]) for row in rows]


async def page_of_prices(con: asyncpg.Connection, list_id: str, *, after: str, limit: int) -> list[tuple[str, int]]:
    rows = await con.fetch(
        "SELECT sku, amount_minor FROM price WHERE list_id = $1 AND sku > $2 ORDER BY sku LIMIT $3",
        list_id,
        after,
        limit,
    )
    return [(row["sku"], row["amount_minor"]) for row in rows]


async def skus_of_list(con: asyncpg.Connection, list_id: str) -> list[str]:
    rows = await con.fetch("SELECT sku FROM price WHERE list_id = $1 ORDER BY sku", list_id)
    return [row["sku"] for row in rows]
