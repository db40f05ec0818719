"""The only SQL on payments."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from order_svc.orders.rules.order import LedgerRow
from order_svc.payments.rules import Attempt, AttemptState, Callback, Charge, MoneyBack, RefundState

ATTEMPT = (
    "id, order_id, n, method, provider, key, amount_minor, currency, requested_at, state, sandbox_outcome, "
    "provider_ref, charged_minor, reason, ended_at"
)
REFUND = (
    "id, order_id, attempt, provider, charge_ref, amount_minor, currency, reason, requested_at, state, tries, "
    "provider_ref, ended_at"
)
Name = tuple[str, str, str, str]  # (provider, provider ref, kind, phase): what a row of the ledger counts once by


def name_of(row: LedgerRow) -> Name:
    return row.provider, row.provider_ref, row.kind, row.phase


def _attempt(row: asyncpg.Record) -> Attempt:
    return Attempt(**{**dict(row), "state": AttemptState(row["state"])})


def _refund(row: asyncpg.Record) -> MoneyBack:
    return MoneyBack(**{**dict(row), "state": RefundState(row["state"])})


# The ledger.


async def append(con: asyncpg.Connection, rows: Sequence[tuple[str, LedgerRow]], *, at: datetime) -> set[Name]:
    """Returns the names of those that were new."""
    written = await con.fetch(
        "INSERT INTO payment_event (order_id, attempt, kind, phase, provider, provider_ref, amount_minor, at, "
        "recorded_at) SELECT t.o, t.n, t.k, t.p, t.v, t.r, t.a, t.at, $9 FROM unnest($1::text[], $2::bigint[], "
        "$3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::timestamptz[]) "
        "WITH ORDINALITY AS t(o, n, k, p, v, r, a, at, i) ORDER BY i "
        "ON CONFLICT (provider, provider_ref, kind, phase) DO NOTHING RETURNING provider, provider_ref, kind, phase",
        [order_id for order_id, _ in rows],
        [row.attempt for _, row in rows],
        [row.kind for _, row in rows],
        [row.phase for _, row in rows],
        [row.provider for _, row in rows],
        [row.provider_ref for _, row in rows],
        [row.amount_minor for _, row in rows],
        [row.at for _, row in rows],
        at,
    )
    return {(row["provider"], row["provider_ref"], row["kind"], row["phase"]) for row in written}


async def recorded(con: asyncpg.Connection, names: Collection[Name]) -> set[Name]:
    """Those of them that the ledger has."""
    rows = await con.fetch(
        "SELECT provider, provider_ref, kind, phase FROM payment_event WHERE (provider, provider_ref, kind, phase) IN "
        "(SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]))",
        *(list(column) for column in zip(*names, strict=True)),
    )
    return {(row["provider"], row["provider_ref"], row["kind"], row["phase"]) for row in rows}


async def is_recorded(con: asyncpg.Connection, name: Name) -> bool:
    found: bool = await con.fetchval(
        "SELECT EXISTS (SELECT FROM payment_event WHERE provider = $1 AND provider_ref = $2 AND kind = $3 "
        "AND phase = $4)",
        *name,
    )
    return found


async def lock_reference(con: asyncpg.Connection, provider: str, reference: str) -> None:
    """Until the commit: two people may type the same reference for two orders, which no row's lock would tell apart."""
    await con.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"payment {provider} {reference}")


async def ledger(con: asyncpg.Connection, order_id: str) -> list[LedgerRow]:
    """In the order in which it was written."""
    rows = await con.fetch(
        "SELECT attempt, kind, phase, provider, provider_ref, amount_minor, at FROM payment_event "
        "WHERE order_id = $1 ORDER BY id",
        order_id,
    )
    return [LedgerRow(**dict(row)) for row in rows]


async def charges(con: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, list[Charge]]:
    """{order: what came in, the oldest first, with what is going or gone back of it}."""
    rows = await con.fetch(
        "SELECT e.order_id, e.provider, e.provider_ref, e.attempt, e.amount_minor, coalesce((SELECT "
        "sum(r.amount_minor) FROM payment_refund r WHERE r.order_id = e.order_id AND r.provider = e.provider "
        "AND r.charge_ref = e.provider_ref), 0)::bigint AS refunded_minor FROM payment_event e "
        "WHERE e.order_id = ANY($1::text[]) AND e.kind = 'charge' AND e.phase = 'success' ORDER BY e.id",
        sorted(order_ids),
    )
    found: dict[str, list[Charge]] = {}
    for row in rows:
        facts: dict[str, Any] = dict(row)
        found.setdefault(facts.pop("order_id"), []).append(Charge(**facts))
    return found


# Attempts.


async def insert_attempts(con: asyncpg.Connection, attempts: Sequence[Attempt]) -> None:
    await con.execute(
        "INSERT INTO payment_attempt (id, order_id, n, method, provider, key, amount_minor, currency, state, "
        "sandbox_outcome, requested_at) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], "
        "$5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::timestamptz[])",
        [one.id for one in attempts],
        [one.order_id for one in attempts],
        [one.n for one in attempts],
        [one.method for one in attempts],
        [one.provider for one in attempts],
        [one.key for one in attempts],
        [one.amount_minor for one in attempts],
        [one.currency for one in attempts],
        [one.state.value for one in attempts],
        [one.sandbox_outcome for one in attempts],
        [one.requested_at for one in attempts],
    )


async def update_attempts(con: asyncpg.Connection, attempts: Sequence[Attempt]) -> None:
    """The orders are locked."""
    if not attempts:
        return
    await con.execute(
        "UPDATE payment_attempt AS a SET state = t.state, provider_ref = t.ref, charged_minor = t.charged, "
        "reason = t.reason, ended_at = t.ended_at FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], "
        "$5::text[], $6::timestamptz[]) AS t(id, state, ref, charged, reason, ended_at) WHERE a.id = t.id",
        [one.id for one in attempts],
        [one.state.value for one in attempts],
        [one.provider_ref for one in attempts],
        [one.charged_minor for one in attempts],
        [one.reason for one in attempts],
        [one.ended_at for one in attempts],
    )


async def attempt(con: asyncpg.Connection, attempt_id: str) -> Attempt | None:
    row = await con.fetchrow(f"SELECT {ATTEMPT} FROM payment_attempt WHERE id = $1", attempt_id)  # noqa: S608
    return _attempt(row) if row else None


async def attempts_by_id(con: asyncpg.Connection, attempt_ids: Collection[str]) -> dict[str, Attempt]:
    rows = await con.fetch(
        f"SELECT {ATTEMPT} FROM payment_attempt WHERE id = ANY($1::text[]) ORDER BY id",  # noqa: S608
        sorted(attempt_ids),
    )
    return {row["id"]: _attempt(row) for row in rows}


async def ended_attempts(con: asyncpg.Connection, attempt_ids: Collection[str]) -> dict[str, Attempt]:
    """Those of them whose outcome is known."""
    return {name: one for name, one in (await attempts_by_id(con, attempt_ids)).items() if not one.is_open}


async def attempts_of_keys(con: asyncpg.Connection, provider: str, keys: Collection[str]) -> dict[str, Attempt]:
    """By key."""
    rows = await con.fetch(
        f"SELECT {ATTEMPT} FROM payment_attempt WHERE provider = $1 AND key = ANY($2::text[])",  # noqa: S608
        provider,
        sorted(keys),
    )
    return {row["key"]: _attempt(row) for row in rows}


async def attempts(con: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, list[Attempt]]:
    rows = await con.fetch(
        f"SELECT {ATTEMPT} FROM payment_attempt WHERE order_id = ANY($1::text[]) ORDER BY order_id, n",  # noqa: S608
        sorted(order_ids),
    )
    found: dict[str, list[Attempt]] = {}
    for row in rows:
        found.setdefault(row["order_id"], []).append(_attempt(row))
    return found


# Money that goes back.


async def insert_refunds(con: asyncpg.Connection, refunds: Sequence[MoneyBack]) -> None:
    await con.execute(
        "INSERT INTO payment_refund (id, order_id, attempt, provider, charge_ref, amount_minor, currency, reason, "
        "state, tries, requested_at) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], "
        "$5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::timestamptz[])",
        [one.id for one in refunds],
        [one.order_id for one in refunds],
        [one.attempt for one in refunds],
        [one.provider for one in refunds],
        [one.charge_ref for one in refunds],
        [one.amount_minor for one in refunds],
        [one.currency for one in refunds],
        [one.reason for one in refunds],
        [one.state.value for one in refunds],
        [one.tries for one in refunds],
        [one.requested_at for one in refunds],
    )


async def update_refund(con: asyncpg.Connection, refund: MoneyBack) -> None:
    """The order is locked."""
    await con.execute(
        "UPDATE payment_refund SET state = $2, tries = $3, provider_ref = $4, amount_minor = $5, ended_at = $6 "
        "WHERE id = $1",
        refund.id,
        refund.state.value,
        refund.tries,
        refund.provider_ref,
        refund.amount_minor,
        refund.ended_at,
    )


async def refund(con: asyncpg.Connection, refund_id: str) -> MoneyBack | None:
    row = await con.fetchrow(f"SELECT {REFUND} FROM payment_refund WHERE id = $1", refund_id)  # noqa: S608
    return _refund(row) if row else None


async def refunds_by_id(con: asyncpg.Connection, refund_ids: Collection[str]) -> dict[str, MoneyBack]:
    rows = await con.fetch(
        f"SELECT {REFUND} FROM payment_refund WHERE id = ANY($1::text[]) ORDER BY id",  # noqa: S608
        sorted(refund_ids),
    )
    return {row["id"]: _refund(row) for row in rows}


async def refunds(con: asyncpg.Connection, order_id: str) -> list[MoneyBack]:
    rows = await con.fetch(
        f"SELECT {REFUND} FROM payment_refund WHERE order_id = $1 ORDER BY id",  # noqa: S608
        order_id,
    )
    return [_refund(row) for row in rows]


# What providers tell by themselves.


async def keep_callbacks(
    con: asyncpg.Connection, callbacks: Sequence[tuple[Callback, str | None]], *, at: datetime
) -> set[tuple[str, str]]:
    """Each with the order it is about. Returns (provider, event id) of those that were new; waits for whoever is
    keeping the same one right now.
    """
    rows = await con.fetch(
        "INSERT INTO payment_callback (provider, event_id, kind, key, state, amount_minor, currency, provider_ref, "
        "order_id, received_at) SELECT t.*, $10 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], "
        "$5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[]) AS t(p, e, k, key, s, a, c, r, o) "
        "ORDER BY t.p, t.e ON CONFLICT (provider, event_id) DO NOTHING RETURNING provider, event_id",
        [one.provider for one, _ in callbacks],
        [one.event_id for one, _ in callbacks],
        [one.kind for one, _ in callbacks],
        [one.key for one, _ in callbacks],
        [one.told.state for one, _ in callbacks],
        [one.told.amount_minor for one, _ in callbacks],
        [one.told.currency for one, _ in callbacks],
        [one.told.provider_ref for one, _ in callbacks],
        [order_id for _, order_id in callbacks],
        at,
    )
    return {(row["provider"], row["event_id"]) for row in rows}
