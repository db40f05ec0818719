"""Parked keys, by a person's word: run again in order, or discarded with a reason (kit.md §4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import structlog

from svc_kit.consumer import Consumer, Record, received_of
from svc_kit.transaction import Database, Tx

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """`error`: why its first event could not be processed; `waiting`: how many events stand behind it, itself too."""

    consumer: str
    key: str
    parked_at: datetime
    waiting: int
    type: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Redriven:
    """`error` is None when the key flows again."""

    processed: int
    left: int
    error: str | None


async def parked_keys(con: Any, consumer: str | None = None, *, limit: int = 200) -> list[ParkedKey]:
    """The oldest first."""
    rows = await con.fetch(
        "SELECT k.consumer, k.key, k.parked_at, e.headers, e.error, "
        "(SELECT count(*) FROM parked_event n WHERE n.consumer = k.consumer AND n.key = k.key) AS waiting "
        "FROM parked_key k JOIN LATERAL (SELECT headers, error FROM parked_event f WHERE f.consumer = k.consumer "
        "AND f.key = k.key ORDER BY n LIMIT 1) e ON true WHERE $1::text IS NULL OR k.consumer = $1 "
        "ORDER BY k.parked_at, k.consumer, k.key LIMIT $2",
        consumer,
        limit,
    )
    return [
        ParkedKey(
            row["consumer"],
            row["key"],
            row["parked_at"],
            row["waiting"],
            orjson.loads(row["headers"]).get("ce_type", ""),
            row["error"],
        )
        for row in rows
    ]


async def redrive(db: Database, consumer: Consumer, key: str) -> Redriven:
    """The key's events in order, one transaction each; stops at the first that fails.

    The key's row is locked anew in each transaction: an event that arrives meanwhile either waits behind it or, once
    the last one has taken the row away, is processed by the consumer itself.
    """
    processed = 0
    while True:
        try:
            async with db.transaction(may_emit=consumer.deciding) as tx:
                left = await _redrive_first(tx, consumer, key)
        except Exception as fault:  # noqa: BLE001 - told to the person who asked
            log.warning("redrive stopped", consumer=consumer.group, error=type(fault).__name__)
            async with db.read() as con:
                return Redriven(processed, await _waiting(con, consumer, key), f"{type(fault).__name__}: {fault}")
        if left is None:
            return Redriven(processed, 0, None)
        processed += 1
        if left == 0:
            return Redriven(processed, 0, None)


async def _redrive_first(tx: Tx, consumer: Consumer, key: str) -> int | None:
    """How many are left, or None where the key is not parked."""
    if not await _locked(tx, consumer, key):
        return None
    row = await tx.con.fetchrow(
        'SELECT n, topic, "partition", "offset", headers, value FROM parked_event '
        "WHERE consumer = $1 AND key = $2 ORDER BY n LIMIT 1",
        consumer.group,
        key,
    )
    if row is not None:
        # The inbox knows these events already: it is not asked.
        record = Record(row["topic"], row["partition"], row["offset"], orjson.loads(row["headers"]), row["value"])
        await consumer.handle(tx, [received_of(record)])
        await _delete(tx, consumer, key, [row["n"]])
    left = await _waiting(tx.con, consumer, key)
    if left == 0:
        await _delete_key(tx, consumer, key)
    return left


async def discard(tx: Tx, consumer: Consumer, key: str, *, reason: str) -> int:
    """Gives the key's events up. Returns how many; each leaves a row with who and why.

    Raises ValueError without a reason.
    """
    if not reason.strip():
        raise ValueError("a discarded event needs a reason")
    if not await _locked(tx, consumer, key):
        return 0
    rows = await tx.con.fetch(
        "INSERT INTO discarded_event (consumer, key, event_id, topic, headers, value, error, reason, discarded_by, "
        "discarded_at) SELECT consumer, key, event_id, topic, headers, value, error, $3, $4, $5 FROM parked_event "
        "WHERE consumer = $1 AND key = $2 ORDER BY n RETURNING event_id",
        consumer.group,
        key,
        reason,
        f"{tx.actor.kind}:{tx.actor.id}",
        tx.now,
    )
    await tx.con.execute("DELETE FROM parked_event WHERE consumer = $1 AND key = $2", consumer.group, key)
    await _delete_key(tx, consumer, key)
    return len(rows)


async def _locked(tx: Tx, consumer: Consumer, key: str) -> bool:
    found = await tx.con.fetchval(
        "SELECT true FROM parked_key WHERE consumer = $1 AND key = $2 FOR UPDATE", consumer.group, key
    )
    return bool(found)


async def _waiting(con: Any, consumer: Consumer, key: str) -> int:
    count = await con.fetchval(
        "SELECT count(*) FROM parked_event WHERE consumer = $1 AND key = $2", consumer.group, key
    )
    return int(count)


async def _delete(tx: Tx, consumer: Consumer, key: str, numbers: Sequence[int]) -> None:
    await tx.con.execute(
        "DELETE FROM parked_event WHERE consumer = $1 AND key = $2 AND n = ANY($3::bigint[])",
        consumer.group,
        key,
        list(numbers),
    )


async def _delete_key(tx: Tx, consumer: Consumer, key: str) -> None:
    await tx.con.execute("DELETE FROM parked_key WHERE consumer = $1 AND key = $2", consumer.group, key)
