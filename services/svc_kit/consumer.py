"""Events in: offset, inbox, effects and outbox commit together; poison parks its key, trouble waits (kit.md §3, §4)."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg
import orjson
import structlog
from pydantic import ValidationError

from svc_contracts.events import EVENTS, Event
from svc_kit.consumer_rules import Failures, apart, around, first_of_each
from svc_kit.transaction import Tx
from svc_kit.trouble import LOST

log = structlog.get_logger()
Headers = Mapping[str, str]
# Events that cannot be processed, and why.
Bad = Mapping[UUID, Exception]
NONE: Bad = MappingProxyType({})
PARK = """
INSERT INTO parked_event (consumer, key, event_id, topic, "partition", "offset", headers, value, reason, error, tries)
SELECT $1, e.key, e.event_id, e.topic, e."partition", e."offset", e.headers, e.value, $9, $10, $11
FROM unnest($2::text[], $3::uuid[], $4::text[], $5::int[], $6::bigint[], $7::bytea[], $8::bytea[])
WITH ORDINALITY AS e(key, event_id, topic, "partition", "offset", headers, value, n) ORDER BY e.n
"""
# FOR SHARE: a redrive must not delete the key meanwhile.
PARKED = "SELECT key FROM parked_key WHERE consumer = $1 AND key = ANY($2::text[]) ORDER BY key FOR SHARE"
LOOK = f"""
WITH fresh AS (
    INSERT INTO inbox (consumer, event_id) SELECT $1, e FROM unnest($3::uuid[]) AS e ORDER BY e
    ON CONFLICT DO NOTHING RETURNING event_id),
parked AS ({PARKED})
SELECT event_id, NULL AS key FROM fresh UNION ALL SELECT NULL, key FROM parked
"""  # noqa: S608 - nothing but our own words
# From so many events on, two round trips for a savepoint are nothing.
ATTEMPT_EVENTS = 32
NO_ID = uuid5(NAMESPACE_OID, "an event without a readable id")


class Poison(Exception):
    """This can never be processed: its key is parked. Whoever says which events, the first of each key, spares the
    search for them.
    """

    def __init__(self, why: str, *, event_ids: Collection[UUID] = ()) -> None:
        super().__init__(why)
        self.faults: dict[UUID, Poison] = dict.fromkeys(event_ids, self)


@dataclass(frozen=True, slots=True)
class Received:
    """A consumed event with its envelope."""

    event: Event
    event_id: UUID
    type: str
    key: str
    seq: int
    timeline: int
    at: datetime
    correlation_id: str
    causation_id: str | None
    headers: Headers
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Consumer:
    """One handler gets the whole batch in offset order. deciding: eager, may emit. Else projecting: lazy, may not."""

    group: str
    deciding: bool
    handles: tuple[type[Event], ...]
    handle: Callable[[Tx, Sequence[Received]], Awaitable[None]]
    skip: Callable[[Headers], bool] | None = None
    inbox: bool = True

    @property
    def topics(self) -> list[str]:
        return sorted({event.topic.name for event in self.handles})

    @property
    def types(self) -> frozenset[str]:
        return frozenset(event.type for event in self.handles)


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record as it came."""

    topic: str
    partition: int
    offset: int
    headers: Headers
    value: bytes

    @property
    def key(self) -> str:
        return self.headers.get("ce_subject", "")

    @property
    def event_id(self) -> UUID:
        """Where the envelope has none that can be read, one of its place: it is parked under it, never processed."""
        try:
            return UUID(self.headers.get("ce_id", ""))
        except ValueError:
            return uuid5(NO_ID, f"{self.topic}/{self.partition}/{self.offset}/{self.value.hex()}")


def record_of(place: Any, message: Any) -> Record:
    """Of what aiokafka hands out. Whatever stands there: a header may be empty, and PostgreSQL knows no U+0000."""
    headers = {
        name: (value or b"").decode("utf-8", "replace").replace("\0", "\ufffd") for name, value in message.headers
    }
    return Record(place.topic, place.partition, message.offset, headers, message.value or b"")


def wanted(consumer: Consumer, record: Record) -> bool:
    """By header, before anything is parsed."""
    if record.headers.get("ce_type") not in consumer.types:
        return False
    return consumer.skip is None or not consumer.skip(record.headers)


def received_of(record: Record) -> Received:
    """Raises Poison for what cannot be read."""
    headers = record.headers
    kind = EVENTS[headers["ce_type"]]
    if headers.get("ce_dataversion") != str(kind.version):
        raise Poison(f"version {headers.get('ce_dataversion')} of {kind.type}", event_ids=[record.event_id])
    try:
        return Received(
            event=kind.parse(record.value),
            event_id=UUID(headers["ce_id"]),
            type=kind.type,
            key=record.key,
            seq=int(headers.get("ce_seq", "0")),
            timeline=int(headers.get("ce_timeline", "1")),
            at=datetime.fromisoformat(headers["ce_time"]),
            correlation_id=headers.get("ce_correlationid", headers["ce_id"]),
            causation_id=headers.get("ce_causationid"),
            headers=headers,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )
    except (ValidationError, KeyError, ValueError) as fault:
        # The text of a validation error quotes its input, which may hold what must not be logged.
        words = f"unreadable {kind.type}: {type(fault).__name__}"
        raise Poison(words, event_ids=[record.event_id]) from fault


def received(records: Sequence[Record]) -> list[Received]:
    """Raises Poison that names the first of each key that cannot be read."""
    found: list[Received] = []
    first: dict[str, Poison] = {}
    for record in records:
        try:
            found.append(received_of(record))
        except Poison as fault:
            first.setdefault(record.key, fault)
    if first:
        whole = Poison(f"{len(first)} keys cannot be read")
        whole.faults = {name: fault for one in first.values() for name, fault in one.faults.items()}
        raise whole
    return found


def types_of(records: Sequence[Record]) -> set[str]:
    return {record.headers.get("ce_type", "") for record in records}


def named_in(records: Sequence[Record], fault: BaseException) -> dict[UUID, Exception]:
    """Which of them made it fail, and why, where the fault says so."""
    if not isinstance(fault, Poison) or not fault.faults:
        return {}
    ids = {record.event_id for record in records}
    return {name: why for name, why in fault.faults.items() if name in ids}


async def process(
    tx: Tx,
    consumer: Consumer,
    records: Sequence[Record],
    bad: Bad = NONE,
    failures: Failures | None = None,
    *,
    now: float = 0.0,
    tries: int = 1,
) -> set[str]:
    """The records' effects within `tx`: inbox, handler, parked keys. Returns the types that went well.

    The bad ones wait for a person from here on, and what follows on their keys behind them.
    Raises Poison, ValidationError or whatever the handler raises, and Systematic where too much is bad.
    """
    chosen = [record for record in records if wanted(consumer, record)]
    fresh = await _fresh(tx, consumer, chosen)
    bad = await _handle(tx, consumer, fresh, bad)
    flowing, sick, later = around(fresh, bad)
    done = types_of(flowing)
    for record in sick:
        kind, fault = record.headers.get("ce_type", ""), bad[record.event_id]
        if failures is not None:
            # A success of the type in the same transaction speaks for it.
            failures.forgive(done)
            failures.note(kind, record.key, now)
        log.error("key parked", consumer=consumer.group, type=kind, exc_info=fault)
        await _park(tx, consumer, record, fault, tries=tries)
    await _insert_parked(tx, consumer, later, reason="behind", error=None, tries=0)
    return done


async def _handle(tx: Tx, consumer: Consumer, fresh: Sequence[Record], bad: Bad) -> Bad:
    """Everything but the bad, which are returned with those found now.

    Among many, poison that says which events it means costs the handler's work alone, not the whole transaction.
    """
    while True:
        flowing, _, _ = around(fresh, bad)
        if len(flowing) < ATTEMPT_EVENTS:
            if flowing:
                await consumer.handle(tx, received(flowing))
            return bad
        try:
            events = received(flowing)
            async with tx.attempt():
                await consumer.handle(tx, events)
        except Poison as fault:
            if not (named := named_in(flowing, fault)):
                raise
            bad = {**bad, **named}
        else:
            return bad


async def _fresh(tx: Tx, consumer: Consumer, records: Sequence[Record]) -> list[Record]:
    """What the inbox had not. Later events of a parked key go behind it."""
    if not records:
        return []
    keys, ids = list({record.key for record in records}), list({record.event_id for record in records})
    found = await tx.con.fetch(LOOK if consumer.inbox else PARKED, consumer.group, keys, *([ids] * consumer.inbox))
    if consumer.inbox:
        records = first_of_each(records, {row["event_id"] for row in found})
    parked = {row["key"] for row in found if row["key"] is not None}
    flowing, behind = apart(records, parked)
    await _insert_parked(tx, consumer, behind, reason="behind", error=None, tries=0)
    return flowing


async def _park(tx: Tx, consumer: Consumer, record: Record, fault: Exception, *, tries: int) -> None:
    """The key waits for a person from here on, this event first."""
    await tx.con.execute(
        "INSERT INTO parked_key (consumer, key) VALUES ($1, $2) ON CONFLICT DO NOTHING", consumer.group, record.key
    )
    # A fault may quote what no text of PostgreSQL holds.
    error = f"{type(fault).__name__}: {fault}".replace("\0", "\ufffd")
    await _insert_parked(tx, consumer, [record], reason="poison", error=error, tries=tries)


async def _insert_parked(
    tx: Tx, consumer: Consumer, records: Sequence[Record], *, reason: str, error: str | None, tries: int
) -> None:
    """In this order."""
    if not records:
        return
    await tx.con.execute(
        PARK,
        consumer.group,
        [record.key for record in records],
        [record.event_id for record in records],
        [record.topic for record in records],
        [record.partition for record in records],
        [record.offset for record in records],
        [orjson.dumps(dict(record.headers)) for record in records],
        [record.value for record in records],
        reason,
        error,
        tries,
    )


def is_passing(fault: BaseException) -> bool:
    """Every trouble of the database but bad data (SQLSTATE 22, 23): retried in place, never parked (kit.md §4)."""
    if isinstance(fault, asyncpg.PostgresError):
        return not str(getattr(fault, "sqlstate", "") or "").startswith(("22", "23"))
    return isinstance(fault, LOST)
