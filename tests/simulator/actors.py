"""Relays and consumers as generators: at each `yield` the process may be interrupted, frozen or killed."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.simulator.memory import Bus, Clock, Place, Record, Row, Tables, Work, partition_of, place_of

from svc_kit.consumer_rules import (
    Failures,
    Next,
    after_failure,
    apart,
    around,
    first_of_each,
    halves,
    standing,
    to_seek,
)
from svc_kit.relay_rules import (
    LEASE_SECONDS,
    Stopped,
    after_pass,
    by_partition,
    fair_share,
    has_lost_lease,
    may_send,
    sendable,
)

HEARTBEAT_SECONDS = 1.0
PASS_ROWS = 12
POLL_RECORDS = 8
Step = Iterator[None]


class Passing(Exception):
    """The database was away for a moment."""


class PoisonSeen(Exception):
    """The handler cannot process some of them, now or ever; it may say which."""

    def __init__(self, event_ids: Sequence[int]) -> None:
        super().__init__(event_ids)
        self.event_ids = frozenset(event_ids)


@dataclass(slots=True)
class Relay:
    """A relay process. Killed, or asleep for longer than its lease, it goes on under another name."""

    tables: Tables
    bus: Bus
    clock: Clock
    chance: random.Random
    names: Iterator[int]

    def run(self) -> Step:
        me = ""
        lanes: dict[int, int] = {}
        stopped: dict[int, Stopped] = {}
        beat_at = float("-inf")
        while True:
            if self.clock.now - beat_at >= HEARTBEAT_SECONDS:
                if has_lost_lease(self.clock.now, beat_at):
                    me = f"relay-{next(self.names)}"
                    lanes.clear()
                beat_at = self._beat(me, lanes)
                yield
            now = self.clock.now
            epochs = sendable(lanes, stopped, now) if may_send(now, beat_at) else {}
            rows = [row for row in self.tables.outbox if row.lane in epochs][:PASS_ROWS]
            yield
            acknowledged: set[int] = set()
            parts = by_partition(rows, lambda row: (self.tables.topic, partition_of(row.key)))
            for place in sorted(parts, key=lambda _: self.chance.random()):
                yield from self._send(place, parts[place], acknowledged, beat_at)
            stopped = after_pass(stopped, rows, acknowledged, now=self.clock.now, jitter=self._jitter)  # type: ignore[arg-type]
            # A crash here sends the same again; a long sleep here wakes up after others have gone on.
            yield
            self._archive(me, acknowledged, epochs)
            yield

    def _jitter(self) -> float:
        return 0.5 + self.chance.random() / 2

    def _beat(self, me: str, lanes: dict[int, int]) -> float:
        now, tables = self.clock.now, self.tables
        tables.relays[me] = now + LEASE_SECONDS
        living = {name for name, until in tables.relays.items() if until > now}
        share = fair_share(len(living))
        free = [lane for lane, (owner, _) in tables.lanes.items() if owner not in living]
        for lane in free[: max(0, share - len(lanes))]:
            epoch = tables.lanes[lane][1] + 1
            tables.lanes[lane] = (me, epoch)
            lanes[lane] = epoch
        for lane in sorted(lanes)[share:]:
            if tables.lanes[lane][0] == me:
                tables.lanes[lane] = (None, tables.lanes[lane][1])
            del lanes[lane]
        return now

    def _send(self, place: Place, rows: Sequence[Row], acknowledged: set[int], beat_at: float) -> Step:
        left = list(rows)
        while left and may_send(self.clock.now, beat_at):
            size = self.chance.randint(1, 4)
            good = self.bus.send(place, left[:size])
            yield
            if not good:
                return
            acknowledged.update(row.id for row in left[:size])
            left = left[size:]

    def _archive(self, me: str, acknowledged: set[int], epochs: dict[int, int]) -> None:
        tables = self.tables
        mine = {
            row.id
            for row in tables.outbox
            if row.id in acknowledged and tables.lanes[row.lane] == (me, epochs[row.lane])
        }
        tables.sent += [row.event_id for row in tables.outbox if row.id in mine]
        tables.outbox = [row for row in tables.outbox if row.id not in mine]


@dataclass(slots=True)
class Group:
    """Who of a consumer group reads what, as the coordinator last said. Members may act on what was said before."""

    places: list[Place]
    members: int
    chance: random.Random
    shares: list[list[Place]] = field(default_factory=list)

    def rebalance(self) -> None:
        self.shares = [[] for _ in range(self.members)]
        for place in self.places:
            self.shares[self.chance.randrange(self.members)].append(place)


@dataclass(slots=True)
class Consumer:
    """A consumer process."""

    tables: Tables
    bus: Bus
    clock: Clock
    chance: random.Random
    group: Group
    member: int
    handle: Callable[[Work, Sequence[Record]], None]
    poison: dict[str, int]  # key → the one event of it that cannot be processed; 0: the next that comes
    failures: Failures = field(default_factory=Failures)

    def run(self) -> Step:
        pos: dict[Place, int] = {}
        while True:
            assigned = self.group.shares[self.member]
            for place in [place for place in pos if place not in assigned]:
                del pos[place]
            # Positions are looked at now, and used after others may have moved them.
            pos.update(to_seek({place: self.tables.offsets.get(place, 0) for place in assigned}, pos))
            yield
            records = self.bus.poll(assigned, pos, POLL_RECORDS)
            yield
            if records:
                yield from self._until_done(records, pos)

    def _until_done(self, records: Sequence[Record], pos: dict[Place, int]) -> Step:
        while True:
            try:
                yield from self._settle(records, pos)
            except Passing:
                yield
            else:
                return

    def _settle(
        self, records: Sequence[Record], pos: dict[Place, int], tries: int = 1, bad: frozenset[int] = frozenset()
    ) -> Step:
        try:
            self._commit(records, pos, bad)
        except (Passing, PoisonSeen) as fault:
            if isinstance(fault, PoisonSeen) and not fault.event_ids <= bad:
                yield
                yield from self._settle(records, pos, tries, bad | fault.event_ids)
                return
            match after_failure(len(records), tries, is_passing=isinstance(fault, Passing)):
                case Next.WAIT:
                    raise
                case Next.HALVE:
                    for half in halves(records):
                        yield
                        yield from self._settle(half, pos)
                case Next.AGAIN:
                    yield
                    yield from self._settle(records, pos, tries + 1)
                case Next.PARK:
                    self._commit(records, pos, frozenset({records[0].event_id}))
        else:
            if not bad:
                self.failures.forgive(["any"])
            yield

    def _commit(self, records: Sequence[Record], pos: dict[Place, int], bad: frozenset[int]) -> None:
        if self.bus.trouble and self.chance.random() < 0.05:
            raise Passing
        work = Work(self.tables)
        found = standing(records, place_of, stored=StoredFromZero(self.tables.offsets), pos=pos)
        for place in found.astray:
            pos.pop(place, None)
        fresh = first_of_each(found.mine, {r.event_id for r in found.mine} - self.tables.inbox)
        work.inbox = {record.event_id for record in fresh}
        work.offsets = dict(found.ahead)
        fresh, work.behind = apart(fresh, self.tables.parked)
        flowing, sick, later = around(fresh, bad)
        if poison := [record.event_id for record in flowing if self._is_poison(record)]:
            raise PoisonSeen(poison if self.chance.random() < 0.5 else [])
        if flowing:
            self.handle(work, flowing)
        for record in sick:
            self.failures.forgive(["any"] if flowing else [])
            self.failures.note("any", record.key, self.clock.now)
        work.behind += [*sick, *later]
        work.commit()
        pos.update({place: offset for place, offset in found.ahead.items() if place in pos})

    def _is_poison(self, record: Record) -> bool:
        """What follows it could be processed: only that its key is parked keeps it back."""
        if self.poison.get(record.key) == 0:
            self.poison[record.key] = record.event_id
        return self.poison.get(record.key) == record.event_id


class StoredFromZero(dict[Place, int]):
    """Offsets of partitions that nobody has read yet."""

    def __missing__(self, place: Place) -> int:
        return 0

    def get(self, place: Place, default: int | None = None) -> int:  # type: ignore[override]
        return self[place]
