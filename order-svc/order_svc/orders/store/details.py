"""What hangs on an order: lines, parcels, timeline, what has to come back."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from order_svc.orders.rules.order import Entry, What
from order_svc.orders.rules.placing import Line, NewOrder
from svc_contracts.events.base import Components
from svc_contracts.events.stock import ShipmentDelivered, ShipmentShipped
from svc_kit.transaction import Actor


async def insert_lines(con: asyncpg.Connection, placed: Sequence[NewOrder]) -> None:
    rows = [(one.order.id, n, line) for one in placed for n, line in enumerate(one.lines, start=1)]
    await con.execute(
        "INSERT INTO order_line (order_id, line_id, n, sku, product_id, title, image, quantity, components, "
        "gross_minor, discount_minor, net_minor, trace) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], "
        "$4::text[], $5::text[], $6::jsonb[], $7::text[], $8::bigint[], $9::jsonb[], $10::bigint[], $11::bigint[], "
        "$12::bigint[], $13::jsonb[])",
        [order_id for order_id, _, _ in rows],
        [line.line_id for _, _, line in rows],
        [n for _, n, _ in rows],
        [line.sku for _, _, line in rows],
        [line.product_id for _, _, line in rows],
        [orjson.dumps(line.title).decode() for _, _, line in rows],
        [line.image for _, _, line in rows],
        [line.quantity for _, _, line in rows],
        [_parts(line) for _, _, line in rows],
        [line.gross_minor for _, _, line in rows],
        [line.discount_minor for _, _, line in rows],
        [line.net_minor for _, _, line in rows],
        [orjson.dumps(line.trace).decode() if line.trace else None for _, _, line in rows],
    )


def _parts(line: Line) -> str | None:
    return orjson.dumps([part.model_dump() for part in line.components]).decode() if line.components else None


async def lines(con: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, list[tuple[Line, int, int]]]:
    """{order: [(line, shipped, delivered)]} in the order in which they were placed."""
    rows = await con.fetch(
        "SELECT order_id, line_id, sku, product_id, title::text AS title, image, quantity, "
        "components::text AS components, gross_minor, discount_minor, trace::text AS trace, shipped, delivered "
        "FROM order_line WHERE order_id = ANY($1::text[]) ORDER BY order_id, n",
        list(order_ids),
    )
    found: dict[str, list[tuple[Line, int, int]]] = {order_id: [] for order_id in order_ids}
    for row in rows:
        line = Line(
            line_id=row["line_id"],
            sku=row["sku"],
            product_id=row["product_id"],
            title=orjson.loads(row["title"]),
            quantity=row["quantity"],
            gross_minor=row["gross_minor"],
            discount_minor=row["discount_minor"],
            components=tuple(Components.model_validate(one) for one in orjson.loads(row["components"] or "[]")),
            image=row["image"],
            trace=tuple(orjson.loads(row["trace"] or "[]")),
        )
        found[row["order_id"]].append((line, row["shipped"], row["delivered"]))
    return found


async def insert_timeline(
    con: asyncpg.Connection, entries: Sequence[tuple[str, Entry]], *, actors: Sequence[Actor], at: datetime
) -> None:
    await con.execute(
        "INSERT INTO order_timeline (order_id, at, kind, actor_kind, actor_id, facts) "
        "SELECT t.id, $6, t.kind, t.actor_kind, t.actor_id, t.facts FROM "
        "unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[]) "
        "WITH ORDINALITY AS t(id, kind, actor_kind, actor_id, facts, n) ORDER BY n",
        [order_id for order_id, _ in entries],
        [entry.kind for _, entry in entries],
        [actor.kind for actor in actors],
        [actor.id for actor in actors],
        [orjson.dumps(entry.facts).decode() for _, entry in entries],
        at,
    )


async def timeline(con: asyncpg.Connection, order_id: str, *, after: int, limit: int) -> list[dict[str, Any]]:
    rows = await con.fetch(
        "SELECT id, at, kind, actor_kind, actor_id, facts::text AS facts FROM order_timeline "
        "WHERE order_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        order_id,
        after,
        limit,
    )
    return [{**dict(row), "facts": orjson.loads(row["facts"])} for row in rows]


async def ask_back(con: asyncpg.Connection, asked: Sequence[tuple[str, What]], *, at: datetime) -> None:
    await con.execute(
        "INSERT INTO compensation (order_id, what, asked_at) SELECT t.id, t.what, $3 "
        "FROM unnest($1::text[], $2::text[]) AS t(id, what) "
        "ON CONFLICT (order_id, what) DO UPDATE SET asked_at = excluded.asked_at, settled_at = NULL",
        [order_id for order_id, _ in asked],
        [what for _, what in asked],
        at,
    )


async def settle(con: asyncpg.Connection, settled: Sequence[tuple[str, What]], *, at: datetime) -> None:
    await con.execute(
        "UPDATE compensation AS c SET settled_at = $3 FROM unnest($1::text[], $2::text[]) AS t(id, what) "
        "WHERE c.order_id = t.id AND c.what = t.what AND c.settled_at IS NULL",
        [order_id for order_id, _ in settled],
        [what for _, what in settled],
        at,
    )


async def compensations(con: asyncpg.Connection, order_id: str) -> list[dict[str, Any]]:
    rows = await con.fetch(
        "SELECT what, asked_at, settled_at FROM compensation WHERE order_id = $1 ORDER BY what", order_id
    )
    return [dict(row) for row in rows]


async def keep_parcels(
    con: asyncpg.Connection, parcels: Sequence[ShipmentShipped | ShipmentDelivered]
) -> set[tuple[str, str]]:
    """Make the rows that are missing. Returns (order, shipment) of those that were."""
    rows = await con.fetch(
        "INSERT INTO order_shipment (order_id, shipment_id, warehouse, carrier, tracking_no, lines, shipped_at) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], "
        "$7::timestamptz[]) ON CONFLICT DO NOTHING RETURNING order_id, shipment_id",
        [one.order_id for one in parcels],
        [one.shipment_id for one in parcels],
        [one.warehouse for one in parcels],
        [one.carrier for one in parcels],
        [one.tracking_no for one in parcels],
        [orjson.dumps([line.model_dump() for line in one.lines]).decode() for one in parcels],
        [one.at for one in parcels],
    )
    return {(row["order_id"], row["shipment_id"]) for row in rows}


async def mark_delivered(con: asyncpg.Connection, parcels: Sequence[ShipmentDelivered]) -> set[tuple[str, str]]:
    """Returns (order, shipment) of those that had not been delivered before."""
    rows = await con.fetch(
        "UPDATE order_shipment AS s SET delivered_at = t.at FROM unnest($1::text[], $2::text[], $3::timestamptz[]) "
        "AS t(order_id, shipment_id, at) WHERE s.order_id = t.order_id AND s.shipment_id = t.shipment_id "
        "AND s.delivered_at IS NULL RETURNING s.order_id, s.shipment_id",
        [one.order_id for one in parcels],
        [one.shipment_id for one in parcels],
        [one.at for one in parcels],
    )
    return {(row["order_id"], row["shipment_id"]) for row in rows}


async def count_units(con: asyncpg.Connection, units: Sequence[tuple[str, str, int, int]]) -> None:
    """`units`: (order, line, shipped, delivered) to be added; one each."""
    await con.execute(
        "UPDATE order_line AS l SET shipped = l.shipped + t.shipped, delivered = l.delivered + t.delivered FROM "
        "unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS t(order_id, line_id, shipped, delivered) "
        "WHERE l.order_id = t.order_id AND l.line_id = t.line_id",
        [one[0] for one in units],
        [one[1] for one in units],
        [one[2] for one in units],
        [one[3] for one in units],
    )


async def shipments(con: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    rows = await con.fetch(
        "SELECT order_id, shipment_id, warehouse, carrier, tracking_no, lines::text AS lines, shipped_at, "
        "delivered_at FROM order_shipment WHERE order_id = ANY($1::text[]) ORDER BY order_id, shipped_at, shipment_id",
        list(order_ids),
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["order_id"], []).append({**dict(row), "lines": orjson.loads(row["lines"])})
    return found
