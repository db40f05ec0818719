"""Each service's own word, read through its own role, in one snapshot per service."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

Con = asyncpg.Connection
ORDERS = """
SELECT o.id, o.status, o.total_minor, o.charged_minor, o.refunded_minor, o.shipped_units,
       o.benefit_state <> 'none' AS has_benefits,
       ARRAY(SELECT c.what FROM compensation c WHERE c.order_id = o.id AND c.settled_at IS NULL) AS owed
FROM orders o
"""
LEDGER = """
SELECT order_id, coalesce(sum(amount_minor) FILTER (WHERE kind = 'charge' AND phase = 'success'), 0)::bigint AS charged,
       coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund' AND phase = 'success'), 0)::bigint AS refunded
FROM payment_event GROUP BY order_id
"""
UNDER_WAY = "SELECT id AS order_id, refunding_minor AS minor FROM orders WHERE refunding_minor > 0"
LEVELS = """
SELECT key, on_hand, reserved, prelocked, damaged, quality_hold, incoming, backorder_limit, deficit FROM stock_level
"""
HELD = "SELECT key, sum(quantity)::bigint AS units FROM reservation WHERE state IN ('reserved', 'picked') GROUP BY key"
MOVED = (
    "SELECT key, kind, cause_kind, sum(quantity)::bigint AS units FROM stock_movement GROUP BY key, kind, cause_kind"
)
STOCK = "SELECT order_id, outcome FROM stock_order"
BENEFITS = "SELECT order_id, outcome FROM benefit_order"
FACTS = "SELECT order_id, total_minor, rejected_at IS NOT NULL AS rejected FROM fact_order WHERE placed_at IS NOT NULL"
WAITING = "SELECT count(*) FROM outbox"
PARKED = "SELECT count(*) FROM parked_key"

# models.md §2: what each kind of movement does to the counters.
SIGNS: Mapping[str, Mapping[str, int]] = {
    "received": {"on_hand": 1},
    "ordered": {"incoming": 1},
    "ordered_back": {"incoming": -1},
    "reserved": {"reserved": 1},
    "released": {"reserved": -1},
    "shipped": {"on_hand": -1, "reserved": -1},
    "prelocked": {"prelocked": 1},
    "unlocked": {"prelocked": -1},
    "damaged": {"damaged": 1},
    "restored": {"damaged": -1},
    "quarantined": {"quality_hold": 1},
    "cleared": {"quality_hold": -1},
    "written_off": {"on_hand": -1, "damaged": -1},
    "adjusted": {"on_hand": 1},
    "transfer_out": {"on_hand": -1},
    "transfer_in": {"on_hand": 1},
}
COUNTERS = ("on_hand", "reserved", "prelocked", "damaged", "quality_hold", "incoming")


@dataclass(slots=True)
class Words:
    """What everybody says."""

    orders: list[Any]
    ledger: dict[str, tuple[int, int]]
    under_way: dict[str, int]
    levels: list[Any]
    held: dict[str, int]
    moved: dict[str, dict[str, int]]
    stock: dict[str, str]
    benefits: dict[str, str]
    facts: dict[str, tuple[int, bool]]
    waiting: dict[str, int]
    parked: dict[str, int]


async def read(urls: Mapping[str, str]) -> Words:
    """`urls`: database → address, as `.local/suite.json` has them."""
    waiting: dict[str, int] = {}
    parked: dict[str, int] = {}
    async with snapshot(urls["orders"]) as con:
        orders = await con.fetch(ORDERS)
        ledger = {row["order_id"]: (row["charged"], row["refunded"]) for row in await con.fetch(LEDGER)}
        under_way = {row["order_id"]: row["minor"] for row in await con.fetch(UNDER_WAY)}
        waiting["orders"], parked["orders"] = await con.fetchval(WAITING), await con.fetchval(PARKED)
    async with snapshot(urls["inventory"]) as con:
        levels = await con.fetch(LEVELS)
        held = {row["key"]: row["units"] for row in await con.fetch(HELD)}
        moved = moved_of(await con.fetch(MOVED))
        stock = {row["order_id"]: row["outcome"] for row in await con.fetch(STOCK)}
        waiting["inventory"], parked["inventory"] = await con.fetchval(WAITING), await con.fetchval(PARKED)
    async with snapshot(urls["marketing"]) as con:
        benefits = {row["order_id"]: row["outcome"] for row in await con.fetch(BENEFITS)}
        waiting["marketing"], parked["marketing"] = await con.fetchval(WAITING), await con.fetchval(PARKED)
    async with snapshot(urls["metrics"]) as con:
        facts = {row["order_id"]: (row["total_minor"], row["rejected"]) for row in await con.fetch(FACTS)}
        parked["metrics"] = await con.fetchval(PARKED)
    return Words(orders, ledger, under_way, levels, held, moved, stock, benefits, facts, waiting, parked)


@asynccontextmanager
async def snapshot(url: str) -> "AsyncIterator[Con[Any]]":
    con = await asyncpg.connect(url, timeout=10)
    try:
        async with con.transaction(isolation="repeatable_read", readonly=True):
            yield con
    finally:
        await con.close()


def moved_of(rows: list[Any]) -> dict[str, dict[str, int]]:
    """The sums of the movements' signs, every counter named."""
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        level = sums.setdefault(row["key"], dict.fromkeys(COUNTERS, 0))
        for counter, sign in signs_of(row["kind"], row["cause_kind"]).items():
            level[counter] += sign * row["units"]
    return sums


def signs_of(kind: str, cause_kind: str) -> Mapping[str, int]:
    if kind == "received" and cause_kind == "purchase_receipt":
        return {"on_hand": 1, "incoming": -1}
    return SIGNS[kind]
