"""The only SQL on shops."""

from dataclasses import asdict

import asyncpg

from catalog_svc.conditions import Conditions
from catalog_svc.documents import dump, load
from catalog_svc.shops.rules import DeliveryMethod, Shop

COLUMNS = (
    "slug, name::text AS name, channel, currency, time_zone, locales, delivery_methods::text AS delivery_methods, "
    "payment_methods, unpaid_expiry_seconds, state, price_list_id, created_at, version, event_seq"
)


def _shop(row: asyncpg.Record) -> Shop:
    methods = tuple(DeliveryMethod(**method) for method in load(row["delivery_methods"]))
    lists = {"locales": tuple(row["locales"]), "payment_methods": tuple(row["payment_methods"])}
    return Shop(**{**dict(row), **lists, "name": load(row["name"]), "delivery_methods": methods})


def _values(shop: Shop) -> tuple[object, ...]:
    methods = dump([asdict(method) for method in shop.delivery_methods])
    return (
        shop.slug,
        dump(shop.name),
        shop.channel,
        shop.currency,
        shop.time_zone,
        list(shop.locales),
        methods,
        list(shop.payment_methods),
        shop.unpaid_expiry_seconds,
        shop.state,
        shop.price_list_id,
        shop.created_at,
        shop.version,
        shop.event_seq,
    )


async def insert(con: asyncpg.Connection, shop: Shop) -> bool:
    """False where the slug is taken."""
    found = await con.fetchval(
        "INSERT INTO shop (slug, name, channel, currency, time_zone, locales, delivery_methods, payment_methods, "
        "unpaid_expiry_seconds, state, price_list_id, created_at, version, event_seq) VALUES ($1, $2::text::jsonb, "
        "$3, $4, $5, $6, $7::text::jsonb, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING RETURNING true",
        *_values(shop),
    )
    return bool(found)


async def update(con: asyncpg.Connection, shop: Shop) -> None:
    await con.execute(
        "UPDATE shop SET name = $2::text::jsonb, locales = $3, delivery_methods = $4::text::jsonb, "
        "payment_methods = $5, unpaid_expiry_seconds = $6, state = $7, version = $8, event_seq = $9 WHERE slug = $1",
        shop.slug,
        dump(shop.name),
        list(shop.locales),
        dump([asdict(method) for method in shop.delivery_methods]),
        list(shop.payment_methods),
        shop.unpaid_expiry_seconds,
        shop.state,
        shop.version,
        shop.event_seq,
    )


async def lock(con: asyncpg.Connection, slug: str) -> Shop | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM shop WHERE slug = $1 FOR NO KEY UPDATE", slug)  # noqa: S608
    return _shop(row) if row else None


async def by_slug(con: asyncpg.Connection, slug: str) -> Shop | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM shop WHERE slug = $1", slug)  # noqa: S608
    return _shop(row) if row else None


async def by_slugs(con: asyncpg.Connection, slugs: list[str]) -> dict[str, Shop]:
    rows = await con.fetch(f"SELECT {COLUMNS} FROM shop WHERE slug = ANY($1::text[])", slugs)  # noqa: S608
    return {row["slug"]: _shop(row) for row in rows}


async def page(con: asyncpg.Connection, *, only: list[str] | None, after: str, limit: int) -> list[Shop]:
    """`only`: the slugs that the asker may see; None for all."""
    asked = Conditions()
    asked.add("slug > {}", after)
    if only is not None:
        asked.add("slug = ANY({}::text[])", only)
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM shop {asked.where} ORDER BY slug LIMIT {asked.place(limit)}",  # noqa: S608
        *asked.values,
    )
    return [_shop(row) for row in rows]
