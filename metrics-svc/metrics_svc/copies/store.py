"""The only SQL that writes the copies."""

from collections.abc import Collection, Sequence

import asyncpg

Shop = tuple[str, str, str, str, int, int]  # shop, channel, currency, time zone, timeline, seq
Product = tuple[str, str, int, int]  # product, leaf category, timeline, seq


async def upsert_shops(con: asyncpg.Connection, shops: Sequence[Shop]) -> None:
    """One each, by name; an older word never replaces a later one."""
    await con.execute(
        "INSERT INTO shop_copy (shop, channel, currency, time_zone, timeline, seq) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) "
        "ON CONFLICT (shop) DO UPDATE SET channel = excluded.channel, currency = excluded.currency, "
        "time_zone = excluded.time_zone, timeline = excluded.timeline, seq = excluded.seq "
        "WHERE (excluded.timeline, excluded.seq) > (shop_copy.timeline, shop_copy.seq)",
        *zip(*shops, strict=True),
    )


async def upsert_products(con: asyncpg.Connection, products: Sequence[Product]) -> None:
    """One each, by id; an older word never replaces a later one."""
    await con.execute(
        "INSERT INTO product_copy (product_id, category_id, timeline, seq) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) "
        "ON CONFLICT (product_id) DO UPDATE SET category_id = excluded.category_id, "
        "timeline = excluded.timeline, seq = excluded.seq "
        "WHERE (excluded.timeline, excluded.seq) > (product_copy.timeline, product_copy.seq)",
        *zip(*products, strict=True),
    )


async def zones_in_use(con: asyncpg.Connection, zones: Collection[str]) -> set[str]:
    rows = await con.fetch("SELECT DISTINCT time_zone FROM shop_copy WHERE time_zone = ANY($1::text[])", list(zones))
    return {row["time_zone"] for row in rows}


async def knows_zone(con: asyncpg.Connection, zone: str) -> bool:
    """Whether this PostgreSQL can tell the time there."""
    try:
        async with con.transaction():
            await con.fetchval("SELECT now() AT TIME ZONE $1::text", zone)
    except asyncpg.InvalidParameterValueError:
        return False
    return True


async def shops_known(con: asyncpg.Connection, shop: str) -> bool:
    return bool(await con.fetchval("SELECT EXISTS (SELECT FROM shop_copy WHERE shop = $1)", shop))
