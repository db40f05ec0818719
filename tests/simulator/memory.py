"""What stands in for PostgreSQL and Kafka: tables whose transactions are all or nothing, and a bus that misbehaves."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from svc_contracts.events import Event
from svc_kit.outbox import LANES, lane_of

PARTITIONS = 3
Place = tuple[str, int]


@dataclass(slots=True)
class Clock:
    """Seconds; moves only when the simulator says so."""

    now: float = 1_000.0


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the outbox, read by name as a database's."""

    id: int
    lane: int
    event_id: int
    key: str
    seq: int
    event: Event

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


@dataclass(frozen=True, slots=True)
class Record:
    place: Place
    offset: int
    event_id: int
    key: str
    seq: int
    event: Event


def place_of(record: Record) -> Place:
    return record.place


def partition_of(key: str) -> int:
    return lane_of(key) % PARTITIONS


class Bus:
    """Each partition is a log. A send may be lost, or arrive without its acknowledgement."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.logs: dict[Place, list[Record]] = {}
        self.shown: dict[Place, int] = {}
        self.trouble = True
        self.owes_double = True
        self.doubled = 0

    def send(self, place: Place, rows: Iterable[Row]) -> bool:
        """Whether it was acknowledged."""
        fate = self.chance.random() if self.trouble else 1.0
        if self.owes_double and fate >= 0.08:
            # Every run has at least one: sent, and not known to be.
            self.owes_double, fate = False, 0.1
        if fate < 0.08:
            return False
        log = self.logs.setdefault(place, [])
        known = {record.event_id for record in log}
        for row in rows:
            self.doubled += row.event_id in known
            log.append(Record(place, len(log), row.event_id, row.key, row.seq, row.event))
        return fate >= 0.16

    def poll(self, places: Iterable[Place], positions: Mapping[Place, int], most: int) -> list[Record]:
        """Of each partition a stretch from its position; what was sent a moment ago may not be visible yet."""
        found: list[Record] = []
        for place in places:
            log = self.logs.get(place, [])
            end = len(log)
            if self.trouble and end and self.chance.random() < 0.3:
                end = self.chance.randint(self.shown.get(place, 0), end)
            self.shown[place] = max(end, self.shown.get(place, 0))
            found += log[positions[place] : end][:most]
        return found


@dataclass(slots=True)
class Tables:
    """One service's database: the kit's tables here, the domain's in `rows`."""

    topic: str
    ids: Any
    outbox: list[Row] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    lanes: dict[int, tuple[str | None, int]] = field(default_factory=lambda: dict.fromkeys(range(LANES), (None, 0)))
    relays: dict[str, float] = field(default_factory=dict)
    offsets: dict[Place, int] = field(default_factory=dict)
    inbox: set[int] = field(default_factory=set)
    parked: dict[str, list[Record]] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)
    effects: list[tuple[int, str, int]] = field(default_factory=list)  # (event, key, seq) in the order of commits
    emitted: int = 0


@dataclass(slots=True)
class Work:
    """An open transaction: everything is kept aside until `commit`."""

    tables: Tables
    rows: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[Event, int]] = field(default_factory=list)
    inbox: set[int] = field(default_factory=set)
    offsets: dict[Place, int] = field(default_factory=dict)
    behind: list[Record] = field(default_factory=list)
    effects: list[tuple[int, str, int]] = field(default_factory=list)

    def emit(self, event: Event, seq: int) -> None:
        self.events.append((event, seq))

    def commit(self) -> None:
        tables = self.tables
        tables.rows.update(self.rows)
        tables.inbox |= self.inbox
        tables.offsets.update(self.offsets)
        tables.effects += self.effects
        for record in self.behind:
            tables.parked.setdefault(record.key, []).append(record)
        for event, seq in self.events:
            tables.emitted += 1
            tables.outbox.append(Row(tables.emitted, lane_of(event.key), next(tables.ids), event.key, seq, event))
