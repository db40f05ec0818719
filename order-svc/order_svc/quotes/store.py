"""The only SQL on quotes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson

from order_svc.orders.rules.placing import Line
from order_svc.quotes.rules import Quote
from svc_contracts.events.base import Components
from svc_contracts.events.order import Benefit

# A buyer who checks out again finds the order for so long after the quote expired.
KEPT_AFTER_EXPIRY = timedelta(days=1)
# More than one leaves for each that comes, so the table stays as long as a day's quotes.
SWEPT_PER_INSERT = 4

PLAIN = (
    "id, shop, channel, currency, cart_id, person_id, visitor_key, delivery_method, "
    "delivery_fee_minor, discount_minor, total_minor, benefits_state, expires_at, order_id"
)
COLUMNS = f"{PLAIN}, region::text AS region, lines::text AS lines, benefits::text AS benefits"


async def insert(con: asyncpg.Connection, quote: Quote, now: datetime) -> None:
    """Effects: some quotes that expired long ago go."""
    await con.execute(
        "WITH old AS (SELECT id FROM quote WHERE expires_at < $19 ORDER BY expires_at LIMIT $20 "  # noqa: S608
        "FOR UPDATE SKIP LOCKED), gone AS (DELETE FROM quote USING old WHERE quote.id = old.id) "
        f"INSERT INTO quote ({PLAIN}, region, lines, benefits, gross_minor, created_at) VALUES ($1, $2, $3, $4, $5, "
        "$6, $7, $8, $9, $10, $11, $12, $13, $14, $15::text::jsonb, $16::text::jsonb, $17::text::jsonb, $18, $21)",
        quote.id,
        quote.shop,
        quote.channel,
        quote.currency,
        quote.cart_id,
        quote.person_id,
        quote.visitor_key,
        quote.delivery_method,
        quote.delivery_fee_minor,
        quote.discount_minor,
        quote.total_minor,
        quote.benefits_state,
        quote.expires_at,
        quote.order_id,
        _dump(dict(quote.region)),
        _dump([_line_row(line) for line in quote.lines]),
        _dump([benefit.model_dump() for benefit in quote.benefits]),
        quote.gross_minor,
        now - KEPT_AFTER_EXPIRY,
        SWEPT_PER_INSERT,
        now,
    )


async def by_id(con: asyncpg.Connection, quote_id: str) -> Quote | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM quote WHERE id = $1", quote_id)  # noqa: S608
    return _quote(row) if row else None


async def lock(con: asyncpg.Connection, quote_ids: Sequence[str]) -> list[Quote]:
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM quote WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE",  # noqa: S608
        sorted(set(quote_ids)),
    )
    return [_quote(row) for row in rows]


async def set_orders(con: asyncpg.Connection, placed: Sequence[tuple[str, str]]) -> None:
    """Of (quote, order); the quotes are locked by the caller."""
    await con.execute(
        "UPDATE quote SET order_id = t.order_id FROM unnest($1::text[], $2::text[]) AS t(id, order_id) "
        "WHERE quote.id = t.id",
        [quote_id for quote_id, _ in placed],
        [order_id for _, order_id in placed],
    )


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


def _line_row(line: Line) -> dict[str, Any]:
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "product_id": line.product_id,
        "title": line.title,
        "quantity": line.quantity,
        "gross_minor": line.gross_minor,
        "discount_minor": line.discount_minor,
        "components": [part.model_dump() for part in line.components],
        "image": line.image,
        "trace": list(line.trace),
    }


def _line(row: dict[str, Any]) -> Line:
    parts = tuple(Components.model_validate(part) for part in row["components"])
    return Line(**{**row, "components": parts, "trace": tuple(row["trace"])})


def _quote(row: asyncpg.Record) -> Quote:
    documents = {
        "region": orjson.loads(row["region"]),
        "lines": tuple(_line(line) for line in orjson.loads(row["lines"])),
        "benefits": tuple(Benefit.model_validate(one) for one in orjson.loads(row["benefits"])),
    }
    return Quote(**{**dict(row), **documents})
