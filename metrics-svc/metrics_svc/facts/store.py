"""The only SQL that writes the facts of orders. Rows are touched by order id."""

from collections.abc import Mapping, Sequence

import asyncpg

from metrics_svc.facts.rules import Told, sums_of
from svc_contracts.events.order import OrderPaid, OrderPlaced, OrderRefunded, OrderRejected

UPSERT_PLACED = """
INSERT INTO fact_order AS f (order_id, shop, channel, currency, person_n, visitor_id, session_id, attempt, placed_at,
    received_at, line_count, units, gross_minor, discount_minor, net_minor, delivery_fee_minor, total_minor,
    placed_event, placed_timeline, placed_seq)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[],
    $8::bigint[], $9::timestamptz[], $10::timestamptz[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
    $15::bigint[], $16::bigint[], $17::bigint[], $18::uuid[], $19::bigint[], $20::bigint[])
ON CONFLICT (order_id) DO UPDATE SET (shop, channel, currency, person_n, visitor_id, session_id, attempt, placed_at,
    received_at, line_count, units, gross_minor, discount_minor, net_minor, delivery_fee_minor, total_minor,
    placed_event, placed_timeline, placed_seq)
  = (excluded.shop, excluded.channel, excluded.currency, excluded.person_n, excluded.visitor_id, excluded.session_id,
    excluded.attempt, excluded.placed_at, excluded.received_at, excluded.line_count, excluded.units,
    excluded.gross_minor, excluded.discount_minor, excluded.net_minor, excluded.delivery_fee_minor,
    excluded.total_minor, excluded.placed_event, excluded.placed_timeline, excluded.placed_seq)
WHERE f.placed_seq IS NULL OR (excluded.placed_timeline, excluded.placed_seq) > (f.placed_timeline, f.placed_seq)
RETURNING order_id, n
"""
UPSERT_PAID = """
INSERT INTO fact_order AS f (order_id, paid_at, paid_minor, paid_event, paid_timeline, paid_seq)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::uuid[], $5::bigint[], $6::bigint[])
ON CONFLICT (order_id) DO UPDATE SET paid_at = excluded.paid_at, paid_minor = excluded.paid_minor,
    paid_event = excluded.paid_event, paid_timeline = excluded.paid_timeline, paid_seq = excluded.paid_seq
WHERE f.paid_seq IS NULL OR (excluded.paid_timeline, excluded.paid_seq) > (f.paid_timeline, f.paid_seq)
"""
UPSERT_REJECTED = """
INSERT INTO fact_order AS f (order_id, rejected_at, rejected_event, rejected_timeline, rejected_seq)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::bigint[], $5::bigint[])
ON CONFLICT (order_id) DO UPDATE SET rejected_at = excluded.rejected_at, rejected_event = excluded.rejected_event,
    rejected_timeline = excluded.rejected_timeline, rejected_seq = excluded.rejected_seq
WHERE f.rejected_seq IS NULL
    OR (excluded.rejected_timeline, excluded.rejected_seq) > (f.rejected_timeline, f.rejected_seq)
"""
LINE_COLUMNS = (
    "order_n", "line_id", "sku_n", "product_n", "quantity", "gross_minor", "discount_minor", "net_minor",
)  # fmt: skip


async def numbered(con: asyncpg.Connection, words: Sequence[str]) -> dict[str, int]:
    """The number of each; a new one gets the next. Those that are there take no number from the sequence."""
    await con.execute(
        "INSERT INTO fact_word (word) SELECT w FROM unnest($1::text[]) AS t(w) "
        "WHERE NOT EXISTS (SELECT FROM fact_word WHERE word = w) ORDER BY w ON CONFLICT DO NOTHING",
        words,
    )
    rows = await con.fetch("SELECT word, n FROM fact_word WHERE word = ANY($1::text[])", words)
    return {row["word"]: row["n"] for row in rows}


async def upsert_placed(
    con: asyncpg.Connection, orders: Sequence[Told[OrderPlaced]], words: Mapping[str, int]
) -> dict[str, int]:
    """Order id → number, of those that were news."""
    rows = await con.fetch(UPSERT_PLACED, *zip(*(_placed(told, words) for told in orders), strict=True))
    return {row["order_id"]: row["n"] for row in rows}


def _placed(told: Told[OrderPlaced], words: Mapping[str, int]) -> tuple[object, ...]:
    order, sums = told.event, sums_of(told.event)
    return (
        order.order_id, order.shop, order.channel, order.currency, words[order.person_id], order.visitor_id,
        order.session_id, order.attempt, order.placed_at, order.received_at, sums.line_count, sums.units,
        sums.gross_minor, sums.discount_minor, sums.net_minor, order.delivery_fee_minor, order.total_minor,
        told.event_id, *told.stamp,
    )  # fmt: skip


async def replace_lines(
    con: asyncpg.Connection, orders: Sequence[tuple[int, OrderPlaced]], words: Mapping[str, int]
) -> None:
    """The lines of orders whose numbers are given; those of an earlier telling leave."""
    if not orders:
        return
    await con.execute("DELETE FROM fact_order_line WHERE order_n = ANY($1::bigint[])", [n for n, _ in orders])
    records = [
        (n, line.line_id, words[line.sku], words[line.product_id] if line.product_id is not None else None,
         line.quantity, line.gross_minor, line.discount_minor, line.net_minor)
        for n, order in orders
        for line in order.lines
    ]  # fmt: skip
    await con.copy_records_to_table("fact_order_line", records=records, columns=LINE_COLUMNS)


async def upsert_paid(con: asyncpg.Connection, paid: Sequence[Told[OrderPaid]]) -> None:
    rows = [(one.event.order_id, one.event.paid_at, one.event.paid_minor, one.event_id, *one.stamp) for one in paid]
    await con.execute(UPSERT_PAID, *zip(*rows, strict=True))


async def upsert_rejected(con: asyncpg.Connection, rejected: Sequence[Told[OrderRejected]]) -> None:
    rows = [(one.event.order_id, one.event.at, one.event_id, *one.stamp) for one in rejected]
    await con.execute(UPSERT_REJECTED, *zip(*rows, strict=True))


async def insert_refunds(con: asyncpg.Connection, refunds: Sequence[Told[OrderRefunded]]) -> None:
    rows = [
        (one.event_id, one.event.order_id, one.event.amount_minor, one.event.reason, one.event.refunded_at)
        for one in refunds
    ]
    await con.execute(
        "INSERT INTO fact_refund (event_id, order_id, amount_minor, reason, refunded_at) "
        "SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[]) "
        "ON CONFLICT (event_id) DO NOTHING",
        *zip(*rows, strict=True),
    )
