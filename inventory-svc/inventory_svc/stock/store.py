"""The only SQL on stock levels, movements, receipts and alerts. Levels are locked in key order, always."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import asyncpg

from inventory_svc.conditions import Conditions
from inventory_svc.stock.rules import COUNTERS, CauseKind, Level, Movement, MovementKind, deltas

LEVEL_COLUMNS = ", ".join(field.name for field in fields(Level))
MOVEMENT_COLUMNS = (
    "s.id, s.key, s.kind, s.quantity, s.cause_kind, s.cause_id, s.line, s.reason, s.actor_kind, s.actor_id, s.at"
)


def level_of(row: asyncpg.Record) -> Level:
    """The level in a row that has all of LEVEL_COLUMNS, in their order."""
    return Level(*row)


async def lock_levels(con: asyncpg.Connection, keys: Collection[str]) -> dict[str, Level]:
    """The levels that exist among `keys`, locked in key order (every operation locks them so: no deadlock)."""
    rows = await con.fetch(
        f"SELECT {LEVEL_COLUMNS} FROM stock_level WHERE key = ANY($1::text[]) ORDER BY key FOR NO KEY UPDATE",  # noqa: S608
        sorted(keys),
    )
    return {row["key"]: level_of(row) for row in rows}


async def create_levels(con: asyncpg.Connection, keys: Iterable[tuple[str, str]]) -> None:
    """Make the missing levels of (sku, warehouse), all counters zero; in key order, before any level is locked."""
    pairs = sorted(set(keys), key=lambda pair: f"{pair[0]}@{pair[1]}")
    await con.execute(
        "INSERT INTO stock_level (key, sku, warehouse) SELECT sku || '@' || warehouse, sku, warehouse "
        "FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t(sku, warehouse, n) ORDER BY n ON CONFLICT DO NOTHING",
        [sku for sku, _ in pairs],
        [warehouse for _, warehouse in pairs],
    )


UPDATE_LEVELS = f"""
UPDATE stock_level AS l SET {", ".join(f"{counter} = l.{counter} + d.{counter}" for counter in COUNTERS)},
    deficit = d.deficit, event_seq = d.event_seq, announced_on_hand = d.announced_on_hand,
    announced_available = d.announced_available, announced_availability = d.announced_availability,
    announced_at = d.announced_at, announce_pending = d.announce_pending,
    alert_low = d.alert_low, alert_out = d.alert_out, alert_deficit = d.alert_deficit
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::timestamptz[], $14::boolean[],
    $15::boolean[], $16::boolean[], $17::boolean[]) AS d(key, {", ".join(COUNTERS)}, deficit, event_seq,
    announced_on_hand, announced_available, announced_availability, announced_at, announce_pending,
    alert_low, alert_out, alert_deficit)
WHERE l.key = d.key
"""  # noqa: S608 - only names of our own columns are put in


async def update_levels(
    con: asyncpg.Connection, levels: Sequence[Level], changes: Mapping[str, Mapping[str, int]]
) -> None:
    """Write what became of locked levels: the counters as deltas, the rest as it now is."""
    by_counter = [[changes.get(level.key, {}).get(counter, 0) for level in levels] for counter in COUNTERS]
    await con.execute(
        UPDATE_LEVELS,
        [level.key for level in levels],
        *by_counter,
        [level.deficit for level in levels],
        [level.event_seq for level in levels],
        [level.announced_on_hand for level in levels],
        [level.announced_available for level in levels],
        [level.announced_availability for level in levels],
        [level.announced_at for level in levels],
        [level.announce_pending for level in levels],
        [level.alert_low for level in levels],
        [level.alert_out for level in levels],
        [level.alert_deficit for level in levels],
    )


async def append_movements(
    con: asyncpg.Connection, movements: Sequence[Movement], *, actor: tuple[str, str], at: datetime
) -> None:
    await con.execute(
        "INSERT INTO stock_movement (key, kind, quantity, cause_kind, cause_id, line, reason, actor_kind, "
        "actor_id, at) SELECT t.*, $8, $9, $10 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], "
        "$5::text[], $6::text[], $7::text[]) AS t",
        [movement.key for movement in movements],
        [movement.kind.value for movement in movements],
        [movement.quantity for movement in movements],
        [movement.cause_kind.value for movement in movements],
        [movement.cause_id for movement in movements],
        [movement.line for movement in movements],
        [movement.reason for movement in movements],
        *actor,
        at,
    )


async def open_alerts(con: asyncpg.Connection, alerts: Sequence[tuple[str, str, str]], *, at: datetime) -> None:
    """`alerts`: (id, level key, kind)."""
    await con.execute(
        "INSERT INTO stock_alert (id, key, kind, state, opened_at) "
        "SELECT id, key, kind, 'open', $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS t(id, key, kind) "
        "ON CONFLICT (key, kind) WHERE state <> 'resolved' DO NOTHING",
        [alert[0] for alert in alerts],
        [alert[1] for alert in alerts],
        [alert[2] for alert in alerts],
        at,
    )


async def close_alerts(con: asyncpg.Connection, alerts: Sequence[tuple[str, str]], *, at: datetime) -> None:
    """`alerts`: (level key, kind)."""
    await con.execute(
        "UPDATE stock_alert AS a SET state = 'resolved', closed_at = $3 "
        "FROM unnest($1::text[], $2::text[]) AS t(key, kind) "
        "WHERE a.key = t.key AND a.kind = t.kind AND a.state <> 'resolved'",
        [alert[0] for alert in alerts],
        [alert[1] for alert in alerts],
        at,
    )


async def change_settings(
    con: asyncpg.Connection, key: str, *, safety_stock: int, reorder_point: int, backorder_limit: int
) -> None:
    """Settings of one locked level; its version rises by one."""
    await con.execute(
        "UPDATE stock_level SET safety_stock = $2, reorder_point = $3, backorder_limit = $4, version = version + 1 "
        "WHERE key = $1",
        key,
        safety_stock,
        reorder_point,
        backorder_limit,
    )


async def insert_receipt(con: asyncpg.Connection, receipt: Mapping[str, Any]) -> bool:
    """False where its reference is already taken (waits for whoever is just taking it)."""
    found = await con.fetchval(
        "INSERT INTO stock_receipt (id, reference, warehouse, fingerprint, lines, received_at) "
        "VALUES ($1, $2, $3, $4, $5::text::jsonb, $6) ON CONFLICT (reference) DO NOTHING RETURNING true",
        receipt["id"],
        receipt["reference"],
        receipt["warehouse"],
        receipt["fingerprint"],
        json.dumps(receipt["lines"]),
        receipt["received_at"],
    )
    return bool(found)


async def receipt_by_reference(con: asyncpg.Connection, reference: str) -> asyncpg.Record:
    [row] = await con.fetch(
        "SELECT id, reference, warehouse, fingerprint, lines::text AS lines, received_at "
        "FROM stock_receipt WHERE reference = $1",
        reference,
    )
    return row


async def page_of_levels(
    con: asyncpg.Connection, *, skus: Sequence[str], warehouse: str | None, after: str, limit: int
) -> list[Level]:
    asked = Conditions()
    asked.add("key > {}", after)
    if skus:
        asked.add("sku = ANY({}::text[])", list(skus))
    if warehouse is not None:
        asked.add("warehouse = {}", warehouse)
    rows = await con.fetch(
        f"SELECT {LEVEL_COLUMNS} FROM stock_level {asked.where} ORDER BY key LIMIT {asked.place(limit)}",  # noqa: S608
        *asked.values,
    )
    return [level_of(row) for row in rows]


async def keys_of(con: asyncpg.Connection, *, skus: Sequence[str], warehouse: str | None) -> list[str]:
    """The keys of the levels that these skus have, in one warehouse or in all."""
    rows = await con.fetch(
        "SELECT key FROM stock_level WHERE sku = ANY($1::text[]) AND ($2::text IS NULL OR warehouse = $2)",
        list(skus),
        warehouse,
    )
    return [row["key"] for row in rows]


async def movements_of_levels(
    con: asyncpg.Connection, keys: Sequence[str], *, before: int, limit: int
) -> list[asyncpg.Record]:
    """Newest first, each level through its own piece of the index."""
    rows: list[asyncpg.Record] = await con.fetch(
        f"SELECT m.* FROM unnest($1::text[]) AS k(key), LATERAL (SELECT {MOVEMENT_COLUMNS} FROM stock_movement s "  # noqa: S608
        "WHERE s.key = k.key AND s.id < $2 ORDER BY s.id DESC LIMIT $3) AS m ORDER BY m.id DESC LIMIT $3",
        list(keys),
        before,
        limit,
    )
    return rows


async def latest_movements(
    con: asyncpg.Connection, *, warehouse: str | None, before: int, limit: int
) -> list[asyncpg.Record]:
    """Newest first, of one warehouse or of all."""
    asked = Conditions()
    asked.add("s.id < {}", before)
    if warehouse is not None:
        asked.add("split_part(s.key, '@', 2) = {}", warehouse)
    rows: list[asyncpg.Record] = await con.fetch(
        f"SELECT {MOVEMENT_COLUMNS} FROM stock_movement s {asked.where} "  # noqa: S608
        f"ORDER BY s.id DESC LIMIT {asked.place(limit)}",
        *asked.values,
    )
    return rows


async def levels_off_the_ledger(con: asyncpg.Connection) -> dict[str, dict[str, tuple[int, int]]]:
    """Counters that are not the sum of their movements: {key: {counter: (counter, sum)}}; empty when all is well."""
    rows = await con.fetch(
        "SELECT key, kind, cause_kind, sum(quantity)::bigint AS quantity FROM stock_movement GROUP BY 1, 2, 3"
    )
    sums = deltas(
        Movement(row["key"], MovementKind(row["kind"]), row["quantity"], CauseKind(row["cause_kind"]), "", "")
        for row in rows
    )
    off: dict[str, dict[str, tuple[int, int]]] = {}
    for row in await con.fetch(f"SELECT {LEVEL_COLUMNS} FROM stock_level"):  # noqa: S608
        level, summed = level_of(row), sums.pop(row["key"], {})
        for counter in COUNTERS:
            if getattr(level, counter) != summed.get(counter, 0):
                off.setdefault(level.key, {})[counter] = (getattr(level, counter), summed.get(counter, 0))
    off.update({key: {counter: (0, total) for counter, total in summed.items()} for key, summed in sums.items()})
    return off
