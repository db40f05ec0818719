"""The only SQL on what was sold."""

from collections.abc import Collection, Mapping, Sequence

import asyncpg

from catalog_svc.documents import dump, load

Lines = list[tuple[str, int]]  # (product, units)


async def count_orders(con: asyncpg.Connection, orders: Sequence[tuple[str, str, Lines]]) -> set[str]:
    """`orders`: (id, shop, lines). Ids of those that are counted now for the first time and were not rejected."""
    ordered = sorted(orders, key=lambda order: order[0])
    rows = await con.fetch(
        "INSERT INTO sold_order (order_id, shop, state, lines) SELECT order_id, shop, 'counted', lines::jsonb "
        "FROM unnest($1::text[], $2::text[], $3::text[]) AS t(order_id, shop, lines) ORDER BY order_id "
        "ON CONFLICT (order_id) DO NOTHING RETURNING order_id",
        [order_id for order_id, _, _ in ordered],
        [shop for _, shop, _ in ordered],
        [dump(lines) for _, _, lines in ordered],
    )
    return {row["order_id"] for row in rows}


async def reject_orders(con: asyncpg.Connection, order_ids: Collection[str]) -> list[tuple[str, Lines]]:
    """(shop, lines) of those that had been counted; one that comes before its order is remembered."""
    ordered = sorted(order_ids)
    rows = await con.fetch(
        "SELECT order_id, shop, state, lines::text AS lines FROM sold_order WHERE order_id = ANY($1::text[]) "
        "ORDER BY order_id FOR NO KEY UPDATE",
        ordered,
    )
    await con.execute(
        "INSERT INTO sold_order (order_id, shop, state, lines) SELECT id, '', 'rejected', '[]'::jsonb "
        "FROM unnest($1::text[]) AS t(id) ORDER BY id ON CONFLICT (order_id) DO UPDATE SET state = 'rejected'",
        ordered,
    )
    counted = [row for row in rows if row["state"] == "counted"]
    return [(row["shop"], [(product, units) for product, units in load(row["lines"])]) for row in counted]


async def add_units(con: asyncpg.Connection, units: Mapping[tuple[str, str], int]) -> None:
    """`units`: {(shop, product): more or fewer}."""
    ordered = sorted(key for key, more in units.items() if more)
    await con.execute(
        "INSERT INTO product_sales (shop, product_id, units) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) "
        "ON CONFLICT (shop, product_id) DO UPDATE SET units = product_sales.units + excluded.units",
        [shop for shop, _ in ordered],
        [product_id for _, product_id in ordered],
        [units[key] for key in ordered],
    )
