"""What everybody has of each order: read from every service's own database, and asked of the provider."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import orjson
from tests.checkers.lives import Life

ORDERS = """
SELECT o.id, o.status, o.total_minor, o.charged_minor, o.refunded_minor, o.payment_method,
  o.benefit_state <> 'none' AS has_benefits,
  (SELECT jsonb_agg(jsonb_build_array(l.sku, l.quantity, l.components)) FROM order_line l WHERE l.order_id = o.id)::text
    AS lines,
  (SELECT jsonb_object_agg(d.kind, CASE WHEN d.parked THEN NULL ELSE extract(epoch FROM d.due_at) END) FROM deadline d
    WHERE d.aggregate_id = o.id)::text AS deadlines,
  (SELECT count(*) FROM order_hold h WHERE h.order_id = o.id AND h.state = 'open') AS open_holds,
  (SELECT count(*) FROM payment_attempt p WHERE p.order_id = o.id AND p.state IN ('requested', 'unknown')
    AND p.method = 'sandbox')
    + (SELECT count(*) FROM payment_refund r WHERE r.order_id = o.id AND r.state <> 'succeeded') AS open_payments
FROM orders o WHERE o.shop = $1 ORDER BY o.id
"""
CHARGES = """
SELECT p.order_id, p.key FROM payment_attempt p JOIN orders o ON o.id = p.order_id
WHERE o.shop = $1 AND p.method = 'sandbox' ORDER BY p.key
"""
REFUNDS = """
SELECT r.order_id, r.id || '-' || n AS key FROM payment_refund r JOIN orders o ON o.id = r.order_id,
  generate_series(1, r.tries) n WHERE o.shop = $1 AND r.provider = 'sandbox' ORDER BY 2
"""
HELD = """
SELECT order_id, coalesce(sum(quantity) FILTER (WHERE state IN ('reserved', 'picked')), 0)::bigint AS held,
  coalesce(sum(quantity) FILTER (WHERE state = 'shipped'), 0)::bigint AS shipped
FROM reservation WHERE order_id = ANY($1::text[]) GROUP BY order_id
"""
FULFILMENTS = "SELECT order_id, array_agg(state) AS states FROM fulfilment WHERE order_id = ANY($1::text[]) GROUP BY 1"
BENEFITS = """
SELECT b.order_id, b.outcome, (SELECT count(*) FROM benefit_use u WHERE u.order_id = b.order_id) AS uses
FROM benefit_order b WHERE b.order_id = ANY($1::text[])
"""
# Counters that differ from the uses that are there, in times and in money.
COUNTERS = """
SELECT c.subject_id FROM usage_counter c LEFT JOIN benefit_use u USING (subject_id)
GROUP BY c.subject_id, c.used, c.locked, c.spent_minor, c.reserved_minor
HAVING c.used + c.locked <> count(u.order_id) OR c.spent_minor + c.reserved_minor <> coalesce(sum(u.amount_minor), 0)
"""
ASKED_AT_ONCE = 16


async def lives_of(databases: Mapping[str, str], shop: str, provider: Mapping[str, tuple[int, int]]) -> list[Life]:
    """`provider`: order → (in, back), from `asked_of_provider`."""
    async with connected(databases["orders"]) as con:
        orders = await con.fetch(ORDERS, shop)
    ids = [row["id"] for row in orders]
    async with connected(databases["inventory"]) as con:
        held = {row["order_id"]: row for row in await con.fetch(HELD, ids)}
        fulfilments = {row["order_id"]: tuple(row["states"]) for row in await con.fetch(FULFILMENTS, ids)}
    async with connected(databases["marketing"]) as con:
        benefits = {row["order_id"]: row for row in await con.fetch(BENEFITS, ids)}
    return [
        life_of(row, held.get(row["id"]), fulfilments.get(row["id"], ()), benefits.get(row["id"]), provider)
        for row in orders
    ]


def life_of(
    row: Any, held: Any, fulfilments: tuple[str, ...], benefit: Any, provider: Mapping[str, tuple[int, int]]
) -> Life:
    due: dict[str, float | None] = orjson.loads(row["deadlines"] or "{}")
    paid_in, paid_back = provider.get(row["id"], (0, 0))
    return Life(
        id=row["id"],
        status=row["status"],
        total_minor=row["total_minor"],
        charged_minor=row["charged_minor"],
        refunded_minor=row["refunded_minor"],
        by_provider=row["payment_method"] == "sandbox",
        paid_in=paid_in,
        paid_back=paid_back,
        open_payments=row["open_payments"],
        open_holds=row["open_holds"],
        deadlines={kind: None if at is None else datetime.fromtimestamp(at, UTC) for kind, at in due.items()},
        wanted=units_of(orjson.loads(row["lines"])),
        held=held["held"] if held else 0,
        shipped=held["shipped"] if held else 0,
        fulfilments=fulfilments,
        has_benefits=row["has_benefits"],
        benefit=benefit["outcome"] if benefit else None,
        uses=benefit["uses"] if benefit else 0,
    )


def units_of(lines: Sequence[Any]) -> int:
    """Off the shelf."""
    return sum(quantity * sum(part["quantity"] for part in parts or [{"quantity": 1}]) for _, quantity, parts in lines)


async def asked_of_provider(databases: Mapping[str, str], shop: str, url: str) -> dict[str, tuple[int, int]]:
    """What really came in and went back, of every key that was ever used."""
    async with connected(databases["orders"]) as con:
        keys = [("charges", row["order_id"], row["key"]) for row in await con.fetch(CHARGES, shop)]
        keys += [("refunds", row["order_id"], row["key"]) for row in await con.fetch(REFUNDS, shop)]
    found: dict[str, tuple[int, int]] = {}
    turn = asyncio.Semaphore(ASKED_AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=20.0, trust_env=False) as client:

        async def look(kind: str, order_id: str, key: str) -> None:
            async with turn:
                answer = await client.get(f"/{kind}/{key}")
            if answer.status_code != 404 and (told := answer.json())["state"] == "succeeded":
                came_in, went_back = found.get(order_id, (0, 0))
                amount = told["amount_minor"]
                is_in = kind == "charges"
                found[order_id] = (came_in + amount * is_in, went_back + amount * (not is_in))

        await asyncio.gather(*(look(*one) for one in keys))
    return found


async def odd_counters(databases: Mapping[str, str]) -> list[str]:
    async with connected(databases["marketing"]) as con:
        return [row["subject_id"] for row in await con.fetch(COUNTERS)]


@asynccontextmanager
async def connected(url: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    con = await asyncpg.connect(url, timeout=10)
    try:
        yield con
    finally:
        await con.close()
