"""The only SQL on stock orders and reservations. `stock_order` rows are locked first, by id."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from inventory_svc.conditions import Conditions
from inventory_svc.reservations.rules import Outcome, ReservationState, Reserved, StockOrder
from svc_contracts.events.order import Shortage


async def remember_orders(con: asyncpg.Connection, attempts: dict[str, int], *, at: datetime) -> set[str]:
    """Make the rows that are missing, by id; returns whose are new.

    They are written as the usual end of the story, reserved with one event, so that only the others are written twice.
    """
    ids = sorted(attempts)
    rows = await con.fetch(
        "INSERT INTO stock_order (order_id, attempt, outcome, event_seq, decided_at) "
        "SELECT id, attempt, 'reserved', 1, $3 FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY "
        "AS t(id, attempt, n) ORDER BY n ON CONFLICT DO NOTHING RETURNING order_id",
        ids,
        [attempts[order_id] for order_id in ids],
        at,
    )
    return {row["order_id"] for row in rows}


async def lock_orders(con: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, StockOrder]:
    rows = await con.fetch(
        "SELECT order_id, attempt, outcome, shortages::text AS shortages, issued, event_seq FROM stock_order "
        "WHERE order_id = ANY($1::text[]) ORDER BY order_id FOR NO KEY UPDATE",
        sorted(order_ids),
    )
    return {
        row["order_id"]: StockOrder(
            row["order_id"],
            row["attempt"],
            Outcome(row["outcome"]),
            row["event_seq"],
            [Shortage.model_validate(one) for one in json.loads(row["shortages"] or "[]")],
            row["issued"],
        )
        for row in rows
    }


async def update_orders(con: asyncpg.Connection, orders: Sequence[StockOrder], *, at: datetime) -> None:
    await con.execute(
        "UPDATE stock_order AS o SET attempt = t.attempt, outcome = t.outcome, shortages = t.shortages::jsonb, "
        "issued = t.issued, event_seq = t.event_seq, decided_at = $7 "
        "FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::boolean[], $6::bigint[]) "
        "AS t(id, attempt, outcome, shortages, issued, event_seq) WHERE o.order_id = t.id",
        [order.order_id for order in orders],
        [order.attempt for order in orders],
        [order.outcome.value if order.outcome else None for order in orders],
        [json.dumps([one.model_dump() for one in order.shortages]) if order.shortages else None for order in orders],
        [order.issued for order in orders],
        [order.event_seq for order in orders],
        at,
    )


async def raise_event_seq(con: asyncpg.Connection, seqs: dict[str, int]) -> None:
    """The new `event_seq` of locked orders."""
    await con.execute(
        "UPDATE stock_order AS o SET event_seq = t.seq FROM unnest($1::text[], $2::bigint[]) AS t(id, seq) "
        "WHERE o.order_id = t.id",
        list(seqs),
        list(seqs.values()),
    )


async def held_for(con: asyncpg.Connection, order_ids: Collection[str]) -> list[Reserved]:
    """Every reservation of the orders, whatever became of it."""
    rows = await con.fetch(
        "SELECT order_id, line_id, key, quantity, per_unit, state FROM reservation "
        "WHERE order_id = ANY($1::text[]) ORDER BY order_id, line_id, key",
        list(order_ids),
    )
    return [_reserved(row) for row in rows]


def _reserved(row: asyncpg.Record) -> Reserved:
    sku, _, warehouse = row["key"].rpartition("@")
    state = ReservationState(row["state"])
    return Reserved(row["order_id"], row["line_id"], sku, warehouse, row["quantity"], row["per_unit"], state)


async def insert_reservations(con: asyncpg.Connection, reserved: Sequence[Reserved], *, at: datetime) -> None:
    await con.execute(
        "INSERT INTO reservation (order_id, line_id, key, quantity, per_unit, state, reserved_at) "
        "SELECT t.*, 'reserved', $6 FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS t",
        [one.order_id for one in reserved],
        [one.line_id for one in reserved],
        [one.key for one in reserved],
        [one.quantity for one in reserved],
        [one.per_unit for one in reserved],
        at,
    )


async def release_live(con: asyncpg.Connection, order_ids: Collection[str]) -> None:
    await con.execute(
        "UPDATE reservation SET state = 'released' "
        "WHERE order_id = ANY($1::text[]) AND state IN ('reserved', 'picked')",
        list(order_ids),
    )


async def move_state(
    con: asyncpg.Connection, parcels: Sequence[tuple[str, str]], *, before: ReservationState, after: ReservationState
) -> None:
    """All reservations of each (order, warehouse) that are in state `before`."""
    await con.execute(
        "UPDATE reservation AS r SET state = $4 FROM unnest($1::text[], $2::text[]) AS t(order_id, warehouse) "
        "WHERE r.order_id = t.order_id AND right(r.key, length(t.warehouse) + 1) = '@' || t.warehouse AND r.state = $3",
        [order_id for order_id, _ in parcels],
        [warehouse for _, warehouse in parcels],
        before.value,
        after.value,
    )


async def page(
    con: asyncpg.Connection,
    *,
    order_id: str | None,
    keys: Sequence[str] | None,
    warehouse: str | None,
    states: Sequence[str],
    after: tuple[str, str, str],
    limit: int,
) -> list[tuple[Reserved, datetime]]:
    """`keys` None: of all levels."""
    asked = Conditions()
    asked.add("(order_id, line_id, key) > ({}, {}, {})", *after)
    if order_id is not None:
        asked.add("order_id = {}", order_id)
    if keys is not None:
        asked.add("key = ANY({}::text[])", list(keys))
    if warehouse is not None:
        asked.add("split_part(key, '@', 2) = {}", warehouse)
    if states:
        asked.add("state = ANY({}::text[])", list(states))
    rows = await con.fetch(
        f"SELECT order_id, line_id, key, quantity, per_unit, state, reserved_at FROM reservation {asked.where} "  # noqa: S608
        f"ORDER BY order_id, line_id, key LIMIT {asked.place(limit)}",
        *asked.values,
    )
    return [(_reserved(row), row["reserved_at"]) for row in rows]


async def live_off_the_levels(con: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    """Levels whose `reserved` is not the sum of live reservations: {key: (reserved, sum)}; empty when all is well."""
    rows = await con.fetch(
        "SELECT key, coalesce(l.reserved, 0) AS reserved, coalesce(r.live, 0)::bigint AS live FROM stock_level l "
        "FULL JOIN (SELECT key, sum(quantity) AS live FROM reservation WHERE state IN ('reserved', 'picked') "
        "GROUP BY key) r USING (key) WHERE coalesce(l.reserved, 0) <> coalesce(r.live, 0)"
    )
    return {row["key"]: (row["reserved"], row["live"]) for row in rows}
