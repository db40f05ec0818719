"""The only SQL on counters, the ledger, uses and benefit orders. `benefit_order` by id, then counters by id."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from marketing_svc.benefits.rules.counting import Counter, Entry
from marketing_svc.benefits.rules.deciding import BenefitOrder, Outcome, Taken, Use
from marketing_svc.documents import dump, load
from svc_contracts.events.order import RefusedBenefit

COUNTER = "subject_id, cap, used, locked, hard_cap_minor, reserved_minor, spent_minor"
NUMBERS = ("used", "locked", "reserved_minor", "spent_minor")


async def remember_orders(con: asyncpg.Connection, attempts: dict[str, int], *, at: datetime) -> set[str]:
    """Make the rows that are missing, by id; returns whose are new."""
    ids = sorted(attempts)
    rows = await con.fetch(
        "INSERT INTO benefit_order (order_id, attempt, outcome, items, event_seq, decided_at) "
        "SELECT id, attempt, 'pending', '[]', 0, $3 FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY "
        "AS t(id, attempt, n) ORDER BY n ON CONFLICT DO NOTHING RETURNING order_id",
        ids,
        [attempts[order_id] for order_id in ids],
        at,
    )
    return {row["order_id"] for row in rows}


async def lock_orders(con: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, BenefitOrder]:
    rows = await con.fetch(
        "SELECT order_id, attempt, outcome, person_id, items::text AS items, refusals::text AS refusals, event_seq "
        "FROM benefit_order WHERE order_id = ANY($1::text[]) ORDER BY order_id FOR NO KEY UPDATE",
        sorted(order_ids),
    )
    return {row["order_id"]: _order(row) for row in rows}


def _order(row: asyncpg.Record) -> BenefitOrder:
    return BenefitOrder(
        row["order_id"],
        row["attempt"],
        None if row["outcome"] == "pending" else Outcome(row["outcome"]),
        row["event_seq"],
        row["person_id"],
        [Taken(**{**one, "subjects": tuple(one["subjects"])}) for one in load(row["items"])],
        [RefusedBenefit.model_validate(one) for one in load(row["refusals"] or "[]")],
    )


async def update_orders(con: asyncpg.Connection, orders: Sequence[BenefitOrder], *, at: datetime) -> None:
    await con.execute(
        "UPDATE benefit_order AS o SET attempt = t.attempt, outcome = t.outcome, person_id = t.person_id, "
        "items = t.items::jsonb, refusals = t.refusals::jsonb, event_seq = t.event_seq, decided_at = $8 "
        "FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[]) "
        "AS t(id, attempt, outcome, person_id, items, refusals, event_seq) WHERE o.order_id = t.id",
        [order.order_id for order in orders],
        [order.attempt for order in orders],
        [order.outcome.value if order.outcome else "pending" for order in orders],
        [order.person_id for order in orders],
        [dump([_item(item) for item in order.items]) for order in orders],
        [dump([one.model_dump() for one in order.refusals]) if order.refusals else None for order in orders],
        [order.event_seq for order in orders],
        at,
    )


def _item(item: Taken) -> dict[str, Any]:
    return {
        "promotion_id": item.promotion_id,
        "code": item.code,
        "amount_minor": item.amount_minor,
        "subjects": list(item.subjects),
    }


async def insert_counter(
    con: asyncpg.Connection, subject_id: str, *, cap: int | None, hard_cap_minor: int | None
) -> None:
    await con.execute(
        "INSERT INTO usage_counter (subject_id, cap, used, locked, hard_cap_minor, reserved_minor, spent_minor) "
        "VALUES ($1, $2, 0, 0, $3, 0, 0)",
        subject_id,
        cap,
        hard_cap_minor,
    )


async def change_caps(con: asyncpg.Connection, subject_id: str, *, cap: int | None, hard_cap_minor: int | None) -> None:
    await con.execute(
        "UPDATE usage_counter SET cap = $2, hard_cap_minor = $3 WHERE subject_id = $1", subject_id, cap, hard_cap_minor
    )


async def lock_counters(con: asyncpg.Connection, subject_ids: Collection[str]) -> dict[str, Counter]:
    rows = await con.fetch(
        f"SELECT {COUNTER} FROM usage_counter WHERE subject_id = ANY($1::text[]) "  # noqa: S608
        "ORDER BY subject_id FOR NO KEY UPDATE",
        sorted(subject_ids),
    )
    return {row["subject_id"]: Counter(**row) for row in rows}


async def counters(con: asyncpg.Connection, subject_ids: Collection[str]) -> dict[str, Counter]:
    rows = await con.fetch(
        f"SELECT {COUNTER} FROM usage_counter WHERE subject_id = ANY($1::text[])",  # noqa: S608
        sorted(subject_ids),
    )
    return {row["subject_id"]: Counter(**row) for row in rows}


async def append_entries(con: asyncpg.Connection, entries: Sequence[Entry], *, at: datetime) -> None:
    """The ledger, and what it does to the locked counters, as deltas."""
    await con.execute(
        "INSERT INTO budget_entry (subject_id, order_id, attempt, kind, uses, amount_minor, at) SELECT t.*, $7 "
        "FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) AS t",
        [entry.subject_id for entry in entries],
        [entry.order_id for entry in entries],
        [entry.attempt for entry in entries],
        [entry.kind.value for entry in entries],
        [entry.uses for entry in entries],
        [entry.amount_minor for entry in entries],
        at,
    )
    changes: dict[str, Counter] = {}
    for entry in entries:
        changes.setdefault(entry.subject_id, Counter(entry.subject_id)).post(entry)
    sets = ", ".join(f"{name} = c.{name} + t.{name}" for name in NUMBERS)
    await con.execute(
        f"UPDATE usage_counter AS c SET {sets} FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], "  # noqa: S608
        f"$5::bigint[]) AS t(id, {', '.join(NUMBERS)}) WHERE c.subject_id = t.id",
        list(changes),
        *[[getattr(change, name) for change in changes.values()] for name in NUMBERS],
    )


async def uses_of_orders(con: asyncpg.Connection, order_ids: Collection[str]) -> list[Use]:
    rows = await con.fetch(
        "SELECT order_id, subject_id, person_id, slot, amount_minor FROM benefit_use WHERE order_id = ANY($1::text[])",
        sorted(order_ids),
    )
    return [Use(**row) for row in rows]


async def slots_in_use(con: asyncpg.Connection, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], set[int]]:
    """{(counter, person): slots}. The counters are locked by whoever means to take one."""
    asked = sorted(pairs)
    rows = await con.fetch(
        "SELECT u.subject_id, u.person_id, u.slot FROM unnest($1::text[], $2::text[]) AS t(subject, person) "
        "JOIN benefit_use u ON u.subject_id = t.subject AND u.person_id = t.person WHERE u.slot IS NOT NULL",
        [subject for subject, _ in asked],
        [person for _, person in asked],
    )
    found: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        found.setdefault((row["subject_id"], row["person_id"]), set()).add(row["slot"])
    return found


async def end_uses(con: asyncpg.Connection, order_ids: Collection[str]) -> None:
    await con.execute("DELETE FROM benefit_use WHERE order_id = ANY($1::text[])", sorted(order_ids))


async def begin_uses(con: asyncpg.Connection, uses: Collection[Use]) -> None:
    ordered = sorted(uses, key=lambda use: (use.subject_id, use.order_id))
    await con.execute(
        "INSERT INTO benefit_use (order_id, subject_id, person_id, slot, amount_minor) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])",
        [use.order_id for use in ordered],
        [use.subject_id for use in ordered],
        [use.person_id for use in ordered],
        [use.slot for use in ordered],
        [use.amount_minor for use in ordered],
    )


async def counters_off_the_ledger(con: asyncpg.Connection) -> list[str]:
    """Counters that differ from the sum of their entries or from the uses that live: always none."""
    rows = await con.fetch(
        "SELECT c.subject_id FROM usage_counter c LEFT JOIN LATERAL (SELECT "
        "coalesce(sum(uses * CASE kind WHEN 'settle' THEN 1 WHEN 'return' THEN -1 ELSE 0 END), 0) AS used, "
        "coalesce(sum(amount_minor * CASE kind WHEN 'settle' THEN 1 WHEN 'return' THEN -1 ELSE 0 END), 0) AS spent, "
        "coalesce(sum(uses * CASE kind WHEN 'reserve' THEN 1 WHEN 'return' THEN 0 ELSE -1 END), 0) AS locked, "
        "coalesce(sum(amount_minor * CASE kind WHEN 'reserve' THEN 1 WHEN 'return' THEN 0 ELSE -1 END), 0) "
        "AS reserved FROM budget_entry e WHERE e.subject_id = c.subject_id) e ON true "
        "LEFT JOIN LATERAL (SELECT count(*) AS uses, coalesce(sum(amount_minor), 0) AS money FROM benefit_use u "
        "WHERE u.subject_id = c.subject_id) u ON true "
        "WHERE (c.used, c.locked, c.spent_minor, c.reserved_minor) <> (e.used, e.locked, e.spent, e.reserved) "
        "OR c.used + c.locked <> u.uses OR c.spent_minor + c.reserved_minor <> u.money"
    )
    return [row["subject_id"] for row in rows]
