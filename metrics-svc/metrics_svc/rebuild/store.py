"""The only SQL on whole schemas. Run by the owner role: the application makes no tables."""

# ruff: noqa: S608 - names of our own tables and schemas; no value comes from outside
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from metrics_svc.rebuild.rules import Difference

LIVE, REBUILT, BEFORE = "public", "metrics_rebuilt", "metrics_before"
TABLES = ("fact_order", "fact_order_line", "fact_refund", "fact_traffic", "fact_word", "product_copy", "shop_copy")
# Each table's rows without the numbers that only its own schema knows.
TOLD = {
    "fact_order": (
        "SELECT o.order_id, shop, channel, currency, p.word AS person_id, visitor_id, session_id, attempt, placed_at, "
        "received_at, line_count, units, gross_minor, discount_minor, net_minor, delivery_fee_minor, total_minor, "
        "placed_event, placed_timeline, placed_seq, paid_at, paid_minor, paid_event, paid_timeline, paid_seq, "
        "rejected_at, rejected_event, rejected_timeline, rejected_seq "
        "FROM {schema}.fact_order o LEFT JOIN {schema}.fact_word p ON p.n = o.person_n"
    ),
    "fact_order_line": (
        "SELECT o.order_id, line_id, s.word AS sku, p.word AS product_id, l.quantity, l.gross_minor, l.discount_minor, "
        "l.net_minor FROM {schema}.fact_order_line l JOIN {schema}.fact_order o ON o.n = l.order_n "
        "JOIN {schema}.fact_word s ON s.n = l.sku_n LEFT JOIN {schema}.fact_word p ON p.n = l.product_n"
    ),
    **{
        table: f"SELECT * FROM {{schema}}.{table}"
        for table in ("fact_refund", "fact_traffic", "product_copy", "shop_copy")
    },
}
Place = tuple[str, int]  # topic, partition


async def make_schema(con: asyncpg.Connection) -> None:
    """Empty tables like those in use, whatever migrations have made of them."""
    await drop_schema(con)
    await con.execute(f"CREATE SCHEMA {REBUILT}")
    for table in TABLES:
        await con.execute(f"CREATE TABLE {REBUILT}.{table} (LIKE {LIVE}.{table} INCLUDING ALL)")


async def drop_schema(con: asyncpg.Connection) -> None:
    await con.execute(f"DROP SCHEMA IF EXISTS {REBUILT} CASCADE")


async def take_time(con: asyncpg.Connection) -> None:
    """For the transaction at the end, which waits for Kafka and looks at everything."""
    await con.execute(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; "
        "SET LOCAL lock_timeout = '30s'; SET LOCAL work_mem = '128MB'"
    )


async def places(con: asyncpg.Connection, groups: Sequence[str], cluster: str, *, locked: bool) -> dict[Place, int]:
    """How far the consumers are. locked: they stand still until this transaction ends."""
    rows = await con.fetch(
        'SELECT topic, "partition", next_offset FROM consumer_offset WHERE consumer = ANY($1::text[]) AND cluster = $2 '
        f'ORDER BY consumer, topic, "partition"{" FOR UPDATE" if locked else ""}',
        list(groups),
        cluster,
    )
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def copy_old_traffic(con: asyncpg.Connection, *, before: datetime) -> int:
    """What was recorded before then and is told no more."""
    done = await con.execute(
        f"INSERT INTO {REBUILT}.fact_traffic SELECT * FROM {LIVE}.fact_traffic WHERE recorded_at < $1 "
        "ON CONFLICT DO NOTHING",
        before,
    )
    return int(done.rpartition(" ")[2])


async def difference(con: asyncpg.Connection, table: str) -> Difference:
    live, rebuilt = (TOLD[table].format(schema=schema) for schema in (LIVE, REBUILT))
    row = await con.fetchrow(
        f"SELECT (SELECT count(*) FROM {REBUILT}.{table}) AS rows, "
        f"(SELECT count(*) FROM ({live} EXCEPT ALL {rebuilt}) m) AS missing, "
        f"(SELECT count(*) FROM ({rebuilt} EXCEPT ALL {live}) e) AS extra"
    )
    assert row is not None
    return Difference(row["rows"], row["missing"], row["extra"])


async def swap(con: asyncpg.Connection) -> None:
    """The rebuilt tables in, those in use out, in one transaction. A question that runs is waited for."""
    await con.execute(f"DROP SCHEMA IF EXISTS {BEFORE} CASCADE")
    await con.execute(f"CREATE SCHEMA {BEFORE}")
    for table in TABLES:
        await con.execute(f"ALTER TABLE {LIVE}.{table} SET SCHEMA {BEFORE}")
        await con.execute(f"ALTER TABLE {REBUILT}.{table} SET SCHEMA {LIVE}")
    await drop_schema(con)
