"""The only SQL on fulfilments, shipments and parcels. Writers hold the order's lock (reservations.lock_orders)."""

import json
from collections.abc import Collection, Sequence

import asyncpg

from inventory_svc.conditions import Conditions
from inventory_svc.fulfilment.rules import Fulfilment, FulfilmentState, Line, Shipment, ShipmentState

FULFILMENT_COLUMNS = (
    "id, order_id, warehouse, state, lines::text AS lines, address_ref, ship_by, accept_by, issued_at, reason, version"
)
SHIPMENT_COLUMNS = (
    "id, fulfilment_id, state, scans::text AS scans, weight_g, carrier, tracking_no, shipped_at, delivered_at, version"
)


def _fulfilment(row: asyncpg.Record) -> Fulfilment:
    lines = tuple(Line(*line) for line in json.loads(row["lines"]))
    return Fulfilment(**{**dict(row), "state": FulfilmentState(row["state"]), "lines": lines})


def _shipment(row: asyncpg.Record) -> Shipment:
    return Shipment(**{**dict(row), "state": ShipmentState(row["state"]), "scans": json.loads(row["scans"])})


async def orders_of(con: asyncpg.Connection, fulfilment_ids: Collection[str]) -> dict[str, str]:
    """{fulfilment: order}: what has to be locked before the fulfilments may be believed."""
    rows = await con.fetch("SELECT id, order_id FROM fulfilment WHERE id = ANY($1::text[])", list(fulfilment_ids))
    return {row["id"]: row["order_id"] for row in rows}


async def fulfilment_of_shipment(con: asyncpg.Connection, shipment_id: str) -> str | None:
    found: str | None = await con.fetchval("SELECT fulfilment_id FROM shipment WHERE id = $1", shipment_id)
    return found


async def by_ids(con: asyncpg.Connection, fulfilment_ids: Collection[str]) -> dict[str, Fulfilment]:
    rows = await con.fetch(
        f"SELECT {FULFILMENT_COLUMNS} FROM fulfilment WHERE id = ANY($1::text[])",  # noqa: S608
        list(fulfilment_ids),
    )
    return await _with_shipments(con, [_fulfilment(row) for row in rows])


async def by_orders(con: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, Fulfilment]:
    rows = await con.fetch(
        f"SELECT {FULFILMENT_COLUMNS} FROM fulfilment WHERE order_id = ANY($1::text[]) ORDER BY id",  # noqa: S608
        list(order_ids),
    )
    return await _with_shipments(con, [_fulfilment(row) for row in rows])


async def page(
    con: asyncpg.Connection,
    *,
    states: Sequence[str],
    warehouse: str | None,
    order_id: str | None,
    after: str,
    limit: int,
) -> list[Fulfilment]:
    asked = Conditions()
    asked.add("id > {}", after)
    if len(states) == 1:
        asked.add("state = {}", states[0])  # equality lets the index on (state, id) keep the order
    elif states:
        asked.add("state = ANY({}::text[])", list(states))
    if warehouse is not None:
        asked.add("warehouse = {}", warehouse)
    if order_id is not None:
        asked.add("order_id = {}", order_id)
    rows = await con.fetch(
        f"SELECT {FULFILMENT_COLUMNS} FROM fulfilment {asked.where} "  # noqa: S608
        f"ORDER BY id LIMIT {asked.place(limit)}",
        *asked.values,
    )
    return list((await _with_shipments(con, [_fulfilment(row) for row in rows])).values())


async def _with_shipments(con: asyncpg.Connection, fulfilments: list[Fulfilment]) -> dict[str, Fulfilment]:
    found = {fulfilment.id: fulfilment for fulfilment in fulfilments}
    rows = await con.fetch(
        f"SELECT {SHIPMENT_COLUMNS} FROM shipment WHERE fulfilment_id = ANY($1::text[]) ORDER BY id",  # noqa: S608
        list(found),
    )
    for row in rows:
        found[row["fulfilment_id"]].shipments.append(_shipment(row))
    return found


async def insert_fulfilments(con: asyncpg.Connection, fulfilments: Sequence[Fulfilment]) -> None:
    await con.execute(
        "INSERT INTO fulfilment (id, order_id, warehouse, state, lines, address_ref, ship_by, accept_by, issued_at, "
        "version) SELECT id, order_id, warehouse, state, lines::jsonb, ref, ship_by, accept_by, issued_at, 1 "
        "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], "
        "$8::timestamptz[], $9::timestamptz[]) "
        "AS t(id, order_id, warehouse, state, lines, ref, ship_by, accept_by, issued_at)",
        [one.id for one in fulfilments],
        [one.order_id for one in fulfilments],
        [one.warehouse for one in fulfilments],
        [one.state.value for one in fulfilments],
        [_lines(one) for one in fulfilments],
        [one.address_ref for one in fulfilments],
        [one.ship_by for one in fulfilments],
        [one.accept_by for one in fulfilments],
        [one.issued_at for one in fulfilments],
    )


def _lines(fulfilment: Fulfilment) -> str:
    return json.dumps([[line.line_id, line.sku, line.quantity, line.per_unit] for line in fulfilment.lines])


async def update_fulfilments(con: asyncpg.Connection, fulfilments: Sequence[Fulfilment]) -> None:
    await con.execute(
        "UPDATE fulfilment AS f SET state = t.state, reason = t.reason, version = t.version "
        "FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS t(id, state, reason, version) "
        "WHERE f.id = t.id",
        [one.id for one in fulfilments],
        [one.state.value for one in fulfilments],
        [one.reason for one in fulfilments],
        [one.version for one in fulfilments],
    )


async def upsert_shipments(con: asyncpg.Connection, shipments: Sequence[Shipment]) -> None:
    await con.execute(
        "INSERT INTO shipment (id, fulfilment_id, state, scans, weight_g, carrier, tracking_no, shipped_at, "
        "delivered_at, version) SELECT id, fulfilment_id, state, scans::jsonb, weight_g, carrier, tracking_no, "
        "shipped_at, delivered_at, version FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], "
        "$6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[], $10::bigint[]) AS t(id, fulfilment_id, state, "
        "scans, weight_g, carrier, tracking_no, shipped_at, delivered_at, version) "
        "ON CONFLICT (id) DO UPDATE SET state = excluded.state, scans = excluded.scans, "
        "weight_g = excluded.weight_g, carrier = excluded.carrier, tracking_no = excluded.tracking_no, "
        "shipped_at = excluded.shipped_at, delivered_at = excluded.delivered_at, version = excluded.version",
        [one.id for one in shipments],
        [one.fulfilment_id for one in shipments],
        [one.state.value for one in shipments],
        [json.dumps(one.scans) for one in shipments],
        [one.weight_g for one in shipments],
        [one.carrier for one in shipments],
        [one.tracking_no for one in shipments],
        [one.shipped_at for one in shipments],
        [one.delivered_at for one in shipments],
        [one.version for one in shipments],
    )


async def take_tracking_numbers(
    con: asyncpg.Connection, parcels: Sequence[tuple[str, str, str]]
) -> set[tuple[str, str]]:
    """`parcels`: (carrier, tracking number, shipment), each number once. Returns the numbers that are now theirs."""
    ordered = sorted(parcels)
    rows = await con.fetch(
        "INSERT INTO parcel (carrier, tracking_no, shipment_id) SELECT carrier, tracking_no, shipment_id "
        "FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS t(carrier, tracking_no, shipment_id, n) "
        "ORDER BY n ON CONFLICT DO NOTHING RETURNING carrier, tracking_no",
        [parcel[0] for parcel in ordered],
        [parcel[1] for parcel in ordered],
        [parcel[2] for parcel in ordered],
    )
    return {(row["carrier"], row["tracking_no"]) for row in rows}


async def give_back_tracking_numbers(con: asyncpg.Connection, shipment_ids: Collection[str]) -> None:
    """Of shipments that could not leave after all, in the same transaction that took them."""
    await con.execute("DELETE FROM parcel WHERE shipment_id = ANY($1::text[])", list(shipment_ids))


async def address_ref(con: asyncpg.Connection, fulfilment_id: str) -> tuple[FulfilmentState, str] | None:
    row = await con.fetchrow("SELECT state, address_ref FROM fulfilment WHERE id = $1", fulfilment_id)
    return (FulfilmentState(row["state"]), row["address_ref"]) if row else None
