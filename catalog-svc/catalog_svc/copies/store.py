"""The only SQL on the copies. Rows go in by key order; an older word never replaces a later one."""

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

LATER = "(excluded.timeline, excluded.seq) > ({0}.timeline, {0}.seq)"

Stamp = tuple[int, int]  # (timeline, seq)


async def upsert_warehouses(con: asyncpg.Connection, rows: Sequence[tuple[str, Sequence[str], str, Stamp]]) -> None:
    """`rows`: (code, channels, state, stamp), one of each code."""
    ordered = sorted(rows, key=lambda row: row[0])
    await con.execute(
        "INSERT INTO warehouse_copy (code, channels, state, timeline, seq) "  # noqa: S608
        "SELECT code, string_to_array(channels, chr(31)), state, timeline, seq "
        "FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) "
        "AS t(code, channels, state, timeline, seq) ON CONFLICT (code) DO UPDATE SET channels = excluded.channels, "
        "state = excluded.state, timeline = excluded.timeline, seq = excluded.seq "
        f"WHERE {LATER.format('warehouse_copy')}",
        [code for code, _, _, _ in ordered],
        ["\x1f".join(channels) for _, channels, _, _ in ordered],
        [state for _, _, state, _ in ordered],
        [stamp[0] for *_, stamp in ordered],
        [stamp[1] for *_, stamp in ordered],
    )


async def upsert_levels(con: asyncpg.Connection, rows: Sequence[tuple[str, str, int, str, Stamp]]) -> None:
    """`rows`: (sku, warehouse, available, availability, stamp), one of each level."""
    ordered = sorted(rows, key=lambda row: row[:2])
    await con.execute(
        "INSERT INTO level_copy (sku, warehouse, available, availability, timeline, seq) "  # noqa: S608
        "SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) "
        "ON CONFLICT (sku, warehouse) DO UPDATE SET available = excluded.available, "
        "availability = excluded.availability, timeline = excluded.timeline, seq = excluded.seq "
        f"WHERE {LATER.format('level_copy')}",
        [row[0] for row in ordered],
        [row[1] for row in ordered],
        [row[2] for row in ordered],
        [row[3] for row in ordered],
        [row[4][0] for row in ordered],
        [row[4][1] for row in ordered],
    )


PriceRow = tuple[str, str, str, int | None, datetime | None, datetime | None, Stamp]


async def upsert_promotion_prices(con: asyncpg.Connection, rows: Sequence[PriceRow]) -> None:
    """`rows`: (promotion, sku, shop, amount_minor, from, until, stamp), one of each promotion and sku."""
    ordered = sorted(rows, key=lambda row: row[:2])
    await con.execute(
        "INSERT INTO promotion_price (promotion_id, sku, shop, amount_minor, from_at, until_at, timeline, seq) "  # noqa: S608
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], "
        "$7::bigint[], $8::bigint[]) ON CONFLICT (promotion_id, sku) DO UPDATE SET shop = excluded.shop, "
        "amount_minor = excluded.amount_minor, from_at = excluded.from_at, until_at = excluded.until_at, "
        f"timeline = excluded.timeline, seq = excluded.seq WHERE {LATER.format('promotion_price')}",
        *[[row[n] for row in ordered] for n in range(6)],
        [row[6][0] for row in ordered],
        [row[6][1] for row in ordered],
    )


async def upsert_promotion_states(
    con: asyncpg.Connection, rows: Sequence[tuple[str, bool | None, bool | None, Stamp]]
) -> None:
    """`rows`: (promotion, active, exhausted, stamp), one of each; None leaves what was known before."""
    ordered = sorted(rows, key=lambda row: row[0])
    await con.execute(
        "INSERT INTO promotion_state AS p (promotion_id, active, exhausted, timeline, seq) "  # noqa: S608
        "SELECT id, coalesce(active, true), coalesce(exhausted, false), timeline, seq "
        "FROM unnest($1::text[], $2::boolean[], $3::boolean[], $4::bigint[], $5::bigint[]) "
        "AS t(id, active, exhausted, timeline, seq) ON CONFLICT (promotion_id) DO UPDATE SET "
        "active = CASE WHEN excluded.promotion_id = ANY($6::text[]) THEN p.active ELSE excluded.active END, "
        "exhausted = CASE WHEN excluded.promotion_id = ANY($7::text[]) THEN p.exhausted ELSE excluded.exhausted END, "
        f"timeline = excluded.timeline, seq = excluded.seq WHERE {LATER.format('p')}",
        [row[0] for row in ordered],
        [row[1] for row in ordered],
        [row[2] for row in ordered],
        [row[3][0] for row in ordered],
        [row[3][1] for row in ordered],
        [row[0] for row in ordered if row[1] is None],
        [row[0] for row in ordered if row[2] is None],
    )


async def levels_serving(con: asyncpg.Connection, channel: str, skus: Collection[str]) -> list[asyncpg.Record]:
    """One row per sku with a level in an open warehouse that serves the channel."""
    rows: list[asyncpg.Record] = await con.fetch(
        "SELECT l.sku, sum(greatest(l.available, 0))::bigint AS available, "
        "bool_or(l.availability = 'in_stock') AS in_stock, bool_or(l.availability = 'low') AS low "
        "FROM level_copy l JOIN warehouse_copy w ON w.code = l.warehouse "
        "WHERE l.sku = ANY($1::text[]) AND w.state = 'active' AND $2 = ANY(w.channels) GROUP BY l.sku",
        sorted(skus),
        channel,
    )
    return rows


async def promotion_prices(
    con: asyncpg.Connection, shop: str, skus: Collection[str], at: datetime
) -> list[tuple[str, int]]:
    """(sku, its lowest promotion price in force)."""
    rows = await con.fetch(
        "SELECT p.sku, min(p.amount_minor) AS amount_minor FROM promotion_price p "
        "LEFT JOIN promotion_state s ON s.promotion_id = p.promotion_id "
        "WHERE p.shop = $1 AND p.sku = ANY($2::text[]) AND p.amount_minor IS NOT NULL "
        "AND (p.from_at IS NULL OR p.from_at <= $3) AND (p.until_at IS NULL OR $3 < p.until_at) "
        "AND coalesce(s.active, true) AND NOT coalesce(s.exhausted, false) GROUP BY p.sku",
        shop,
        sorted(skus),
        at,
    )
    return [(row["sku"], row["amount_minor"]) for row in rows]
