"""The only SQL on carts."""

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from order_svc.carts.rules import Cart, CartLine

PLAIN = "id, shop, person_id, visitor_key, coupon_code, state, merged_into, created_at, changed_at, version"
LINES = (
    "ARRAY(SELECT ROW(l.sku, l.quantity, l.unit_minor) FROM cart_line l WHERE l.cart_id = cart.id ORDER BY l.n, l.sku) "
    "AS lines"
)


def _cart(row: asyncpg.Record) -> Cart:
    lines = tuple(CartLine(sku, quantity, unit_minor) for sku, quantity, unit_minor in row["lines"])
    return Cart(**{**dict(row), "lines": lines})


async def by_id(con: asyncpg.Connection, cart_id: str) -> Cart | None:
    row = await con.fetchrow(f"SELECT {PLAIN}, {LINES} FROM cart WHERE id = $1", cart_id)  # noqa: S608
    return _cart(row) if row else None


async def lock(con: asyncpg.Connection, cart_ids: Collection[str]) -> list[Cart]:
    """In order of ids. The lines are read after the locks: a statement sees them as they were when it began."""
    ids = await lock_ids(con, cart_ids)
    rows = await con.fetch(f"SELECT {PLAIN}, {LINES} FROM cart WHERE id = ANY($1::text[]) ORDER BY id", ids)  # noqa: S608
    return [_cart(row) for row in rows]


async def lock_ids(con: asyncpg.Connection, cart_ids: Collection[str]) -> list[str]:
    ids = sorted(set(cart_ids))
    await con.execute("SELECT FROM cart WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE", ids)
    return ids


async def active_of(con: asyncpg.Connection, shop: str, person_id: str) -> str | None:
    """The id of the member's active cart that was changed last."""
    found: str | None = await con.fetchval(
        "SELECT id FROM cart WHERE shop = $1 AND person_id = $2 AND state = 'active' "
        "ORDER BY changed_at DESC, id DESC LIMIT 1",
        shop,
        person_id,
    )
    return found


async def insert(con: asyncpg.Connection, cart: Cart) -> None:
    await con.execute(
        f"INSERT INTO cart ({PLAIN}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",  # noqa: S608
        cart.id,
        cart.shop,
        cart.person_id,
        cart.visitor_key,
        cart.coupon_code,
        cart.state,
        cart.merged_into,
        cart.created_at,
        cart.changed_at,
        cart.version,
    )
    await put_lines(con, cart.id, cart.lines)


async def update(con: asyncpg.Connection, cart: Cart) -> None:
    """The cart without its lines."""
    await con.execute(
        "UPDATE cart SET person_id = $2, visitor_key = $3, coupon_code = $4, state = $5, merged_into = $6, "
        "changed_at = $7, version = $8 WHERE id = $1",
        cart.id,
        cart.person_id,
        cart.visitor_key,
        cart.coupon_code,
        cart.state,
        cart.merged_into,
        cart.changed_at,
        cart.version,
    )


async def put_lines(con: asyncpg.Connection, cart_id: str, lines: Sequence[CartLine]) -> None:
    """Writes each; a new one stands behind those that are there."""
    if lines:
        await con.execute(
            "INSERT INTO cart_line (cart_id, sku, quantity, unit_minor, n) SELECT $1, t.sku, t.quantity, t.unit, "
            "t.n + (SELECT coalesce(max(n), 0) FROM cart_line WHERE cart_id = $1) "
            "FROM unnest($2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS t(sku, quantity, unit, n) "
            "ON CONFLICT (cart_id, sku) DO UPDATE SET quantity = excluded.quantity, unit_minor = excluded.unit_minor",
            cart_id,
            [line.sku for line in lines],
            [line.quantity for line in lines],
            [line.unit_minor for line in lines],
        )


async def remove_line(con: asyncpg.Connection, cart_id: str, sku: str) -> None:
    await con.execute("DELETE FROM cart_line WHERE cart_id = $1 AND sku = $2", cart_id, sku)


async def convert(con: asyncpg.Connection, cart_ids: Collection[str], now: datetime) -> None:
    await con.execute(
        "UPDATE cart SET state = 'converted', changed_at = $2, version = version + 1 "
        "WHERE id = ANY($1::text[]) AND state IN ('active', 'converting')",
        sorted(cart_ids),
        now,
    )
