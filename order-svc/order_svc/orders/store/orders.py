"""The row of an order: locked by id, written from the order as it has become."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from order_svc.conditions import Conditions
from order_svc.orders.rules.order import Order
from order_svc.orders.rules.placing import NewOrder
from order_svc.orders.rules.states import BenefitState, Status, StockState
from svc_contracts.events.order import Benefit, Promise, RefusedBenefit, Shortage
from svc_contracts.events.stock import Allocation


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


def _models(values: Sequence[Any]) -> str | None:
    return _json([one.model_dump(mode="json") for one in values])


# column → (its type, how it is read from an order). Those of the first table never change after placing.
FIXED: dict[str, tuple[str, Callable[[Order], Any]]] = {
    "id": ("text", lambda o: o.id),
    "number": ("bigint", lambda o: o.number),
    "shop": ("text", lambda o: o.shop),
    "channel": ("text", lambda o: o.channel),
    "external_id": ("text", lambda o: o.external_id),
    "person_id": ("text", lambda o: o.person_id),
    "visitor_id": ("text", lambda o: o.visitor_id),
    "session_id": ("text", lambda o: o.session_id),
    "cart_id": ("text", lambda o: o.cart_id),
    "currency": ("text", lambda o: o.currency),
    "gross_minor": ("bigint", lambda o: o.gross_minor),
    "discount_minor": ("bigint", lambda o: o.discount_minor),
    "delivery_fee_minor": ("bigint", lambda o: o.delivery_fee_minor),
    "total_minor": ("bigint", lambda o: o.total_minor),
    "payment_method": ("text", lambda o: o.payment_method),
    "region": ("jsonb", lambda o: orjson.dumps(o.region).decode()),
    "benefits": ("jsonb", lambda o: _models(o.benefits)),
    "bundles": ("jsonb", lambda o: _json(o.bundles)),
    "units": ("bigint", lambda o: o.units),
    "address_ref": ("text", lambda o: o.address_ref),
    "address_missing": ("text", lambda o: ",".join(o.address_missing)),
    "unpaid_expiry_seconds": ("bigint", lambda o: o.unpaid_expiry_seconds),
    "placed_at": ("timestamptz", lambda o: o.placed_at),
    "received_at": ("timestamptz", lambda o: o.received_at),
}
CHANGING: dict[str, tuple[str, Callable[[Order], Any]]] = {
    "status": ("text", lambda o: o.status.value),
    "attempt": ("bigint", lambda o: o.attempt),
    "stock_state": ("text", lambda o: o.stock_state.value),
    "benefit_state": ("text", lambda o: o.benefit_state.value),
    "allocations": ("jsonb", lambda o: _models(o.allocations)),
    "shortages": ("jsonb", lambda o: _models(o.shortages)),
    "refusals": ("jsonb", lambda o: _models(o.refusals)),
    "waived": ("text", lambda o: ",".join(o.waived)),
    "reason": ("text", lambda o: o.reason),
    "paid_at": ("timestamptz", lambda o: o.paid_at),
    "expires_at": ("timestamptz", lambda o: o.expires_at),
    "promise": ("jsonb", lambda o: o.promise.model_dump_json() if o.promise else None),
    "open_attempt": ("bigint", lambda o: o.open_attempt),
    "charged_minor": ("bigint", lambda o: o.charged_minor),
    "refunded_minor": ("bigint", lambda o: o.refunded_minor),
    "refunding_minor": ("bigint", lambda o: o.refunding_minor),
    "shipped_units": ("bigint", lambda o: o.shipped_units),
    "delivered_units": ("bigint", lambda o: o.delivered_units),
    "prepaid_at": ("timestamptz", lambda o: o.prepaid_at),
    "version": ("bigint", lambda o: o.version),
    "event_seq": ("bigint", lambda o: o.event_seq),
}
OF_NEW: dict[str, tuple[str, Callable[[NewOrder], Any]]] = {
    "fingerprint": ("text", lambda n: n.fingerprint),
    "quote_id": ("text", lambda n: n.quote_id),
    "delivery_method": ("text", lambda n: n.delivery_method),
    "remark": ("text", lambda n: n.remark),
}
# unnest takes one level of arrays: lists of words travel as one text with commas, which none of them has.
ARRAYS = frozenset({"address_missing", "waived"})


def _selected(name: str) -> str:
    return f"string_to_array(t.{name}, ',')" if name in ARRAYS else f"t.{name}"


def _unnest(types: Sequence[str], names: Sequence[str]) -> str:
    places = ", ".join(f"${n}::{type_}[]" for n, type_ in enumerate(types, start=1))
    return f"unnest({places}) AS t({', '.join(names)})"


ORDER_COLUMNS = FIXED | CHANGING
INSERT_NAMES = [*ORDER_COLUMNS, *OF_NEW]
INSERT = (
    f"INSERT INTO orders ({', '.join(INSERT_NAMES)}) SELECT {', '.join(map(_selected, INSERT_NAMES))} FROM "  # noqa: S608
    + _unnest([*(kind for kind, _ in ORDER_COLUMNS.values()), *(kind for kind, _ in OF_NEW.values())], INSERT_NAMES)
    + " ORDER BY t.channel, t.external_id, t.id ON CONFLICT (channel, external_id) DO NOTHING RETURNING id"
)
UPDATE = (
    f"UPDATE orders AS o SET {', '.join(f'{name} = {_selected(name)}' for name in CHANGING)} FROM "  # noqa: S608
    + _unnest(["text", *(kind for kind, _ in CHANGING.values())], ["id", *CHANGING])
    + " WHERE o.id = t.id"
)
READ = ", ".join(f"{name}::text AS {name}" if kind == "jsonb" else name for name, (kind, _) in ORDER_COLUMNS.items())


async def numbers(con: asyncpg.Connection, count: int) -> list[int]:
    """Order numbers for people; gaps are allowed."""
    rows = await con.fetch("SELECT nextval('order_number') AS number FROM generate_series(1, $1)", count)
    return [row["number"] for row in rows]


async def insert(con: asyncpg.Connection, placed: Sequence[NewOrder]) -> set[str]:
    """Returns the ids that were written: not those whose (channel, external id) was there before."""
    columns = [[read(one.order) for one in placed] for _, read in ORDER_COLUMNS.values()]
    columns += [[take(one) for one in placed] for _, take in OF_NEW.values()]
    return {row["id"] for row in await con.fetch(INSERT, *columns)}


async def lock(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, Order]:
    rows = await con.fetch(
        f"SELECT {READ} FROM orders WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE",  # noqa: S608
        sorted(ids),
    )
    return {row["id"]: order_of(row) for row in rows}


async def read(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, Order]:
    rows = await con.fetch(f"SELECT {READ} FROM orders WHERE id = ANY($1::text[]) ORDER BY id", sorted(ids))  # noqa: S608
    return {row["id"]: order_of(row) for row in rows}


async def update(con: asyncpg.Connection, orders: Sequence[Order]) -> None:
    """The rows are locked."""
    columns = [[read(order) for order in orders] for _, read in CHANGING.values()]
    await con.execute(UPDATE, [order.id for order in orders], *columns)


def order_of(row: asyncpg.Record) -> Order:
    facts = {name: row[name] for name in ORDER_COLUMNS}
    facts |= {
        "region": orjson.loads(row["region"]),
        "benefits": [Benefit.model_validate(one) for one in orjson.loads(row["benefits"] or "[]")],
        "bundles": orjson.loads(row["bundles"] or "{}"),
        "address_missing": tuple(row["address_missing"]),
        "status": Status(row["status"]),
        "stock_state": StockState(row["stock_state"]),
        "benefit_state": BenefitState(row["benefit_state"]),
        "allocations": [Allocation.model_validate(one) for one in orjson.loads(row["allocations"] or "[]")],
        "shortages": [Shortage.model_validate(one) for one in orjson.loads(row["shortages"] or "[]")],
        "refusals": [RefusedBenefit.model_validate(one) for one in orjson.loads(row["refusals"] or "[]")],
        "waived": tuple(row["waived"]),
        "promise": Promise.model_validate_json(row["promise"]) if row["promise"] else None,
    }
    return Order(**facts)


async def unpaid_counts(con: asyncpg.Connection, persons: Collection[str]) -> dict[str, int]:
    rows = await con.fetch(
        "SELECT person_id, count(*) AS n FROM orders WHERE person_id = ANY($1::text[]) "
        "AND status IN ('placed', 'awaiting_payment') GROUP BY person_id",
        sorted(persons),
    )
    return {row["person_id"]: row["n"] for row in rows}


async def by_external(
    con: asyncpg.Connection, names: Collection[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, str | None]]:
    """{(channel, external id): (order id, fingerprint)}."""
    asked = sorted(names)
    rows = await con.fetch(
        "SELECT channel, external_id, id, fingerprint FROM orders "
        "WHERE (channel, external_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        [channel for channel, _ in asked],
        [external for _, external in asked],
    )
    return {(row["channel"], row["external_id"]): (row["id"], row["fingerprint"]) for row in rows}


async def decided(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, Order]:
    """Those that are no longer `placed`."""
    rows = await con.fetch(f"SELECT {READ} FROM orders WHERE id = ANY($1::text[]) AND status <> 'placed'", list(ids))  # noqa: S608
    return {row["id"]: order_of(row) for row in rows}


async def set_address(con: asyncpg.Connection, order: Order) -> None:
    """What an order says of where it goes. Locked."""
    await con.execute(
        "UPDATE orders SET address_missing = $2::text[], region = $3::text::jsonb WHERE id = $1",
        order.id,
        list(order.address_missing),
        orjson.dumps(order.region).decode(),
    )


async def statuses(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, Status]:
    rows = await con.fetch("SELECT id, status FROM orders WHERE id = ANY($1::text[])", list(ids))
    return {row["id"]: Status(row["status"]) for row in rows}


async def shops_of(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, str]:
    rows = await con.fetch("SELECT id, shop FROM orders WHERE id = ANY($1::text[])", list(ids))
    return {row["id"]: row["shop"] for row in rows}


async def unpaid_orders_with(con: asyncpg.Connection, person_id: str, skus: Collection[str]) -> dict[str, str]:
    """{sku: the person's latest unpaid order that has it}."""
    rows = await con.fetch(
        "SELECT l.sku, max(o.id) AS id FROM orders o JOIN order_line l ON l.order_id = o.id "
        "WHERE o.person_id = $1 AND o.status IN ('placed', 'awaiting_payment') AND l.sku = ANY($2::text[]) "
        "GROUP BY l.sku",
        person_id,
        list(skus),
    )
    return {row["sku"]: row["id"] for row in rows}


async def page(
    con: asyncpg.Connection, where: Conditions, *, before: tuple[datetime, str] | None, limit: int
) -> list[Order]:
    """The latest first, by when they were placed."""
    if before is not None:
        where.add("(placed_at, id) < ({}::timestamptz, {}::text)", *before)
    place = where.place(limit)
    rows = await con.fetch(
        f"SELECT {READ} FROM orders {where.where} ORDER BY placed_at DESC, id DESC LIMIT {place}",  # noqa: S608
        *where.values,
    )
    return [order_of(row) for row in rows]
