"""The only SQL on quotes."""

from collections.abc import Callable, Sequence
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

# column → (its type, how it is read from a quote)
INSERTED: dict[str, tuple[str, Callable[[Quote], Any]]] = {
    "id": ("text", lambda q: q.id),
    "shop": ("text", lambda q: q.shop),
    "channel": ("text", lambda q: q.channel),
    "currency": ("text", lambda q: q.currency),
    "cart_id": ("text", lambda q: q.cart_id),
    "person_id": ("text", lambda q: q.person_id),
    "visitor_key": ("text", lambda q: q.visitor_key),
    "delivery_method": ("text", lambda q: q.delivery_method),
    "delivery_fee_minor": ("bigint", lambda q: q.delivery_fee_minor),
    "discount_minor": ("bigint", lambda q: q.discount_minor),
    "total_minor": ("bigint", lambda q: q.total_minor),
    "benefits_state": ("text", lambda q: q.benefits_state),
    "expires_at": ("timestamptz", lambda q: q.expires_at),
    "order_id": ("text", lambda q: q.order_id),
    "region": ("jsonb", lambda q: _dump(dict(q.region))),
    "lines": ("jsonb", lambda q: _dump([_line_row(line) for line in q.lines])),
    "benefits": ("jsonb", lambda q: _dump([benefit.model_dump() for benefit in q.benefits])),
    "gross_minor": ("bigint", lambda q: q.gross_minor),
}
_places = [f"${n}::{kind}[]" for n, (kind, _) in enumerate(INSERTED.values(), start=1)]
_n = len(_places)
INSERT = (
    f"WITH old AS (SELECT id FROM quote WHERE expires_at < ${_n + 1} ORDER BY expires_at LIMIT ${_n + 2} "  # noqa: S608
    "FOR UPDATE SKIP LOCKED), gone AS (DELETE FROM quote USING old WHERE quote.id = old.id) "
    f"INSERT INTO quote ({', '.join(INSERTED)}, created_at) SELECT t.*, ${_n + 3} "
    f"FROM unnest({', '.join(_places)}) AS t"
)


async def insert(con: asyncpg.Connection, quotes: Sequence[Quote], now: datetime) -> None:
    """Effects: some quotes that expired long ago go."""
    columns = [[read(quote) for quote in quotes] for _, read in INSERTED.values()]
    await con.execute(INSERT, *columns, now - KEPT_AFTER_EXPIRY, SWEPT_PER_INSERT * len(quotes), now)


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
