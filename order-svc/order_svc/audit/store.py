"""The only SQL on holds."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from order_svc.audit.rules import Contact, Hold, HoldReason, HoldState, Severity
from order_svc.conditions import Conditions

HOLD = (
    "id, order_id, shop, reason, severity, evidence::text AS evidence, state, opened_at, due_at, on_deadline, "
    "ended_at, ended_why, released_by, note, version"
)


def _hold(row: asyncpg.Record) -> Hold:
    facts: dict[str, Any] = dict(row)
    facts |= {
        "reason": HoldReason(row["reason"]),
        "severity": Severity(row["severity"]),
        "evidence": orjson.loads(row["evidence"]),
    }
    return Hold(**facts)


async def insert(con: asyncpg.Connection, holds: Sequence[Hold]) -> set[str]:
    """Returns the ids that were written: not those whose order has an open hold for the same reason."""
    rows = await con.fetch(
        "INSERT INTO order_hold (id, order_id, shop, reason, severity, evidence, state, opened_at, due_at, "
        "on_deadline, version) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], "
        "$6::jsonb[], $7::text[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::bigint[]) "
        "ON CONFLICT (order_id, reason) WHERE state = 'open' DO NOTHING RETURNING id",
        [one.id for one in holds],
        [one.order_id for one in holds],
        [one.shop for one in holds],
        [one.reason.value for one in holds],
        [one.severity.value for one in holds],
        [orjson.dumps(one.evidence).decode() for one in holds],
        [one.state for one in holds],
        [one.opened_at for one in holds],
        [one.due_at for one in holds],
        [one.on_deadline for one in holds],
        [one.version for one in holds],
    )
    return {row["id"] for row in rows}


async def close_open(con: asyncpg.Connection, order_ids: Collection[str], *, why: str, at: datetime) -> list[Hold]:
    rows = await con.fetch(
        "UPDATE order_hold SET state = 'closed', ended_at = $2, ended_why = $3, version = version + 1 "  # noqa: S608
        f"WHERE order_id = ANY($1::text[]) AND state = 'open' RETURNING {HOLD}",
        sorted(order_ids),
        at,
        why,
    )
    return [_hold(row) for row in rows]


async def close(con: asyncpg.Connection, hold_id: str, *, why: str, at: datetime) -> None:
    await con.execute(
        "UPDATE order_hold SET state = 'closed', ended_at = $2, ended_why = $3, version = version + 1 "
        "WHERE id = $1 AND state = 'open'",
        hold_id,
        at,
        why,
    )


async def release(con: asyncpg.Connection, hold_id: str, *, by: str, note: str | None, at: datetime) -> Hold:
    """The hold is open and its order locked."""
    row = await con.fetchrow(
        "UPDATE order_hold SET state = 'released', ended_at = $2, ended_why = 'released', released_by = $3, "  # noqa: S608
        f"note = $4, version = version + 1 WHERE id = $1 AND state = 'open' RETURNING {HOLD}",
        hold_id,
        at,
        by,
        note,
    )
    assert row is not None, hold_id
    return _hold(row)


async def touch(con: asyncpg.Connection, hold_id: str) -> Hold:
    row = await con.fetchrow(
        f"UPDATE order_hold SET version = version + 1 WHERE id = $1 RETURNING {HOLD}",  # noqa: S608
        hold_id,
    )
    assert row is not None, hold_id
    return _hold(row)


async def hold(con: asyncpg.Connection, hold_id: str) -> Hold | None:
    row = await con.fetchrow(f"SELECT {HOLD} FROM order_hold WHERE id = $1", hold_id)  # noqa: S608
    return _hold(row) if row else None


async def open_holds(con: asyncpg.Connection, order_ids: Collection[str]) -> list[Hold]:
    rows = await con.fetch(
        f"SELECT {HOLD} FROM order_hold WHERE order_id = ANY($1::text[]) AND state = 'open' ORDER BY id",  # noqa: S608
        sorted(order_ids),
    )
    return [_hold(row) for row in rows]


async def page(
    con: asyncpg.Connection,
    *,
    order_id: str | None,
    states: Sequence[HoldState],
    reasons: Sequence[HoldReason],
    shops: Collection[str] | None,
    due_until: datetime | None,
    after: str,
    limit: int,
) -> list[Hold]:
    asked = Conditions()
    asked.add("id > {}", after)
    if order_id is not None:
        asked.add("order_id = {}", order_id)
    if states:
        asked.add("state = ANY({}::text[])", list(states))
    if reasons:
        asked.add("reason = ANY({}::text[])", [one.value for one in reasons])
    if shops is not None:
        asked.add("shop = ANY({}::text[])", sorted(shops))
    if due_until is not None:
        asked.add("due_at <= {}", due_until)
    bound = asked.place(limit)
    rows = await con.fetch(
        f"SELECT {HOLD} FROM order_hold {asked.where} ORDER BY id LIMIT {bound}",  # noqa: S608
        *asked.values,
    )
    return [_hold(row) for row in rows]


async def insert_contact(con: asyncpg.Connection, contact: Contact) -> None:
    await con.execute(
        "INSERT INTO contact_attempt (id, hold_id, kind, outcome, note, next_at, made_by, made_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        contact.id,
        contact.hold_id,
        contact.kind,
        contact.outcome,
        contact.note,
        contact.next_at,
        contact.made_by,
        contact.made_at,
    )


async def contacts(con: asyncpg.Connection, hold_ids: Collection[str]) -> dict[str, list[Contact]]:
    rows = await con.fetch(
        "SELECT id, hold_id, kind, outcome, note, next_at, made_by, made_at FROM contact_attempt "
        "WHERE hold_id = ANY($1::text[]) ORDER BY hold_id, id",
        sorted(hold_ids),
    )
    found: dict[str, list[Contact]] = {}
    for row in rows:
        found.setdefault(row["hold_id"], []).append(Contact(**dict(row)))
    return found
