"""Running a consumer against Kafka: one poll is one transaction over all partitions (kit.md §3)."""

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from svc_contracts.events import EVENTS
from svc_kit import failpoints, leaving, producing
from svc_kit.consumer import NONE, Bad, Consumer, Record, is_passing, named_in, process, record_of, wanted
from svc_kit.consumer_rules import (
    Failures,
    Next,
    Systematic,
    after_failure,
    halves,
    standing,
    to_seek,
    torn,
)
from svc_kit.progress import Progress
from svc_kit.settings import KitSettings
from svc_kit.telemetry import Metrics
from svc_kit.timers import pause
from svc_kit.transaction import Database

log = structlog.get_logger()

POLL_RECORDS_MAX = 500
POLL_MS = 250
PROJECTING_PAUSE_SECONDS = 0.2
# A projecting consumer lets the broker gather: one fetch in a quarter of a second instead of one for every batch that
# a relay sends.
PROJECTING_FETCH_BYTES, PROJECTING_FETCH_MS = 262_144, 250
# So long a consumer keeps its offset back where nothing of what came was for it.
HELD_SECONDS = 1.0
HELD_RECORDS_MAX = 2_000
CHECK_EVERY_SECONDS = 2.0
COMMIT_EVERY_SECONDS = 5.0
BACKOFF_FIRST_SECONDS = 0.05
BACKOFF_LAST_SECONDS = 5.0
# aiokafka's poll may hang for ever; a consumer that makes no attempt for so long is built anew.
POLL_WITHIN_SECONDS = 60.0
PARKED_EVERY_SECONDS = 10.0

STANDS = (
    'SELECT topic, "partition", next_offset FROM consumer_offset WHERE consumer = $1 AND cluster = $2 AND '
    '(topic, "partition") IN (SELECT * FROM unnest($3::text[], $4::int[]))'
)
# Locks what it moves until the commit. Whoever waited for another sees where that one left it.
ADVANCE = (
    "UPDATE consumer_offset o SET next_offset = n.next "
    'FROM unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[]) AS n(topic, "partition", first, next) '
    "WHERE o.consumer = $1 AND o.cluster = $2 AND o.topic = n.topic "
    'AND o."partition" = n."partition" AND o.next_offset = n.first RETURNING o.topic, o."partition"'
)


class ConsumerRunner:
    """One consumer of one process."""

    def __init__(self, consumer: Consumer, db: Database, settings: KitSettings, metrics: Metrics) -> None:
        self.consumer = consumer
        self.db = db
        self.settings = settings
        self.metrics = metrics
        self.pos: dict[TopicPartition, int] = {}
        self.failures = Failures()
        self.records = 0
        self.state = "starting"
        self.kafka: Any = None
        # `leaving`: the process is told to stop. `given`: what others have done since we left; None before.
        self.leaving = asyncio.Event()
        self.given: set[TopicPartition] | None = None
        self.checked_at = -CHECK_EVERY_SECONDS
        self.committed_at = 0.0
        self.parked_seen_at = -PARKED_EVERY_SECONDS
        self.progress = Progress()
        metrics.silence.labels(consumer.group).set_function(lambda: self.progress.silence(db.clock.monotonic()))
        self.held: list[Record] = []
        self.held_at = 0.0

    def status(self) -> dict[str, Any]:
        """state: starting (no client yet, or a new one), running, waiting (for the database), silent (the broker does
        not answer), stopped (a person has to look).
        """
        return {"state": self._state(), "records": self.records, "partitions": len(self.pos)}

    def is_red(self) -> bool:
        return self._state() in ("starting", "silent", "stopped")

    def _state(self) -> str:
        is_silent = self.state == "running" and self.progress.is_silent(self.db.clock.monotonic())
        return "silent" if is_silent else self.state

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped, or until trouble is systematic."""
        wait = BACKOFF_FIRST_SECONDS
        while not stop.is_set():
            try:
                await self._follow(stop)
                wait = BACKOFF_FIRST_SECONDS
            except Systematic as fault:
                self.state = "stopped"
                log.error("consumer stopped", consumer=self.consumer.group, reason=str(fault))
                await self._close()
                await stop.wait()
            except Exception as fault:  # noqa: BLE001 - the outermost loop: built anew
                log.warning("consumer is built anew", consumer=self.consumer.group, error=repr(fault))
                await self._close()
                await pause(stop, wait)
                wait = min(wait * 2, BACKOFF_LAST_SECONDS)
        await self._close()

    async def _follow(self, stop: asyncio.Event) -> None:
        if self.kafka is None:
            if self.leaving.is_set():
                await stop.wait()
                return
            await self._open()
        while not stop.is_set():
            if self.leaving.is_set() and self.given is None:
                await self._leave_to_others()
            async with asyncio.timeout(POLL_WITHIN_SECONDS):
                polled = await self._poll()
            if records := self._ripe(polled):
                await self._until_done(records, stop)
            self._require_progress(bool(polled))
            if not self.consumer.deciding and len(polled) < POLL_RECORDS_MAX:
                await pause(stop, PROJECTING_PAUSE_SECONDS)
            await self._measure()

    def _ripe(self, polled: Sequence[Record]) -> Sequence[Record]:
        """What is to be done now. Where nothing of it is for this consumer, the records wait for the next ones: a
        transaction that only moves offsets costs as much as one that decides.
        """
        now = self.db.clock.monotonic()
        for tp in torn(self.held, polled, place_of):
            self._forget(tp)
        if not self.held:
            self.held_at = now
        self.held += polled
        is_due = now - self.held_at > HELD_SECONDS or len(self.held) > HELD_RECORDS_MAX
        if not self.held or not (is_due or any(wanted(self.consumer, record) for record in polled)):
            return []
        records, self.held = sorted(self.held, key=place_of), []
        return records

    def _require_progress(self, moved: bool) -> None:
        """Raises Stuck."""
        now = self.db.clock.monotonic()
        self.progress.look(now, has_share=bool(self.pos), moved=moved, behind=self._behind(), heard=self._heard())

    def _behind(self) -> int:
        """Records that are there and not yet done, of what is still ours: the client fails for what was taken away."""
        return sum(max(0, (self.kafka.highwater(tp) or 0) - self.pos[tp]) for tp in self._ours())

    def _heard(self) -> int:
        """When the broker last answered for one of them."""
        return max((self.kafka.last_poll_timestamp(tp) or 0 for tp in self._ours()), default=0)

    def _ours(self) -> list[TopicPartition]:
        assigned = self.kafka.assignment()
        return [tp for tp in self.pos if tp in assigned]

    async def _poll(self) -> list[Record]:
        await self._align()
        try:
            polled = await self.kafka.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS_MAX)
        except NoOffsetForPartitionError:
            # Dealt out anew since the last look, maybe what was ours before: sought again before the next poll.
            for tp in list(self.pos):
                self._forget(tp)
            return []
        except OffsetOutOfRangeError as fault:
            # What was deleted before it was read cannot be read again: a person has to decide.
            raise Systematic(f"the topic no longer holds what comes next: {fault}") from fault
        return [record_of(tp, message) for tp in sorted(polled) for message in polled[tp]]

    async def _open(self) -> None:
        host = socket.gethostname()
        self.kafka = AIOKafkaConsumer(
            *self.consumer.topics,
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            group_id=self.consumer.group,
            group_instance_id=f"{host}-{self.consumer.group}-{self.settings.slot}-{self.settings.port or os.getpid()}",
            enable_auto_commit=False,
            # Positions come from the database alone; nothing may be skipped in silence.
            auto_offset_reset="none",
            max_poll_records=POLL_RECORDS_MAX,
            metadata_max_age_ms=30_000,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            fetch_min_bytes=1 if self.consumer.deciding else PROJECTING_FETCH_BYTES,
            fetch_max_wait_ms=500 if self.consumer.deciding else PROJECTING_FETCH_MS,
        )
        # To join may take for ever, too.
        async with asyncio.timeout(POLL_WITHIN_SECONDS):
            await self.kafka.start()
        self.pos.clear()
        self.progress.begin(self.db.clock.monotonic())
        self.state = "running"

    async def _close(self) -> None:
        kafka, self.kafka = self.kafka, None
        self.state = "stopped" if self.state == "stopped" else "starting"
        self.pos.clear()
        self.held.clear()
        if kafka is not None:
            try:
                await asyncio.wait_for(kafka.stop(), 5)
            except (Exception, asyncio.CancelledError) as fault:
                if producing.is_being_cancelled():
                    raise
                log.warning("consumer did not close", error=repr(fault))

    async def _leave_to_others(self) -> None:
        """As soon as there are some: who is alone may be just about to hear of another."""
        if leaving.has_fellows(self.kafka, self.consumer.topics):
            self.given = set()
            await leaving.leave(self.kafka)

    def _give(self, tp: TopicPartition) -> None:
        """To whoever moved its offset; as long as we stay we look for it again."""
        self._forget(tp)
        if self.given is not None:
            self.given.add(tp)
            self.kafka.pause(*{tp} & self.kafka.assignment())

    async def _align(self) -> None:
        """What was assigned is sought; every 2 s also what differs (a lazy commit may be lost with PostgreSQL)."""
        assigned = self.kafka.assignment() - (self.given or set())
        for tp in [tp for tp in self.pos if tp not in assigned]:
            self._forget(tp)
        now = self.db.clock.monotonic()
        missing = [tp for tp in assigned if tp not in self.pos]
        if not missing and now - self.checked_at < CHECK_EVERY_SECONDS:
            return
        self.checked_at = now
        stored = await self._stored(sorted(assigned))
        # Some may have been taken away meanwhile.
        still = self.kafka.assignment()
        for tp, offset in to_seek({tp: at for tp, at in stored.items() if tp in still}, self.pos).items():
            if self.given is not None and tp in self.pos:
                self._give(tp)
            else:
                self._forget(tp)
                self.kafka.seek(tp, offset)
                self.pos[tp] = offset

    def _forget(self, tp: TopicPartition) -> None:
        self.pos.pop(tp, None)
        self.held = [record for record in self.held if place_of(record) != tp]

    async def _stored(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        names = [tp.topic for tp in tps], [tp.partition for tp in tps]
        group, cluster = self.consumer.group, self.settings.kafka_cluster
        async with self.db.read() as con:
            rows = await con.fetch(STANDS, group, cluster, *names)
            if len(rows) < len(tps):
                begins = await self.kafka.beginning_offsets(list(tps))
                await con.execute(
                    'INSERT INTO consumer_offset (consumer, cluster, topic, "partition", next_offset) '
                    "SELECT $1, $2, t, p, o FROM unnest($3::text[], $4::int[], $5::bigint[]) AS n(t, p, o) "
                    "ON CONFLICT DO NOTHING",
                    group,
                    cluster,
                    *names,
                    [begins[tp] for tp in tps],
                )
                rows = await con.fetch(STANDS, group, cluster, *names)
        return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def _until_done(self, records: Sequence[Record], stop: asyncio.Event) -> None:
        """Passing trouble is waited out in place, for ever; nothing is skipped."""
        wait = BACKOFF_FIRST_SECONDS
        while not stop.is_set():
            try:
                await self._settle(records)
                self.state = "running"
                return
            except Exception as fault:
                if not is_passing(fault):
                    raise
                self.state = "waiting"
                log.warning("consumer waits", consumer=self.consumer.group, error=repr(fault))
                jitter = int.from_bytes(self.db.ids.random_bytes(2), "big") / 65_536
                await pause(stop, wait * jitter)
                wait = min(wait * 2, BACKOFF_LAST_SECONDS)

    async def _settle(self, records: Sequence[Record], tries: int = 1, bad: Bad = NONE) -> None:
        """One transaction, and one around the bad where poison says which they are; else they are found by halves."""
        try:
            await self._commit(records, bad, tries)
        except Systematic:
            raise
        except Exception as fault:
            if not named_in(records, fault).keys() <= bad.keys():
                await self._settle(records, tries, {**bad, **named_in(records, fault)})
                return
            match after_failure(len(records), tries, is_passing=is_passing(fault)):
                case Next.WAIT:
                    raise
                case Next.HALVE:
                    for half in halves(records):
                        await self._settle(half)
                case Next.AGAIN:
                    await self._settle(records, tries + 1)
                case Next.PARK:
                    await self._commit(records, {records[0].event_id: fault}, tries)

    async def _commit(self, records: Sequence[Record], bad: Bad, tries: int) -> None:
        lazily = not self.consumer.deciding
        async with self.db.transaction(may_emit=self.consumer.deciding, lazily=lazily) as tx:
            mine, ahead = await self._advanced(tx, records)
            now = self.db.clock.monotonic()
            done = await process(tx, self.consumer, mine, bad, self.failures, now=now, tries=tries)
            await failpoints.reach("consumer.before_commit")
        await failpoints.reach("consumer.after_commit")
        if not bad:
            self.failures.forgive(done)
        self.pos |= {tp: offset for tp, offset in ahead.items() if tp in self.pos}
        self.records += len(mine)
        self.metrics.consumed.labels(self.consumer.group).inc(len(mine))
        if unknown := sum(record.headers.get("ce_type") not in EVENTS for record in mine):
            self.metrics.unknown.labels(self.consumer.group).inc(unknown)

    async def _advanced(self, tx: Any, records: Sequence[Record]) -> tuple[list[Record], dict[TopicPartition, int]]:
        """The records whose partition stood exactly where the database and we say, and where it stands now; the others
        are sought again.
        """
        first: dict[TopicPartition, int] = {}
        for record in records:
            first.setdefault(place_of(record), record.offset)
        nexts = {place_of(record): record.offset + 1 for record in records}
        ours = sorted(tp for tp, offset in first.items() if self.pos.get(tp) == offset)
        rows = await tx.con.fetch(
            ADVANCE,
            self.consumer.group,
            self.settings.kafka_cluster,
            [tp.topic for tp in ours],
            [tp.partition for tp in ours],
            [first[tp] for tp in ours],
            [nexts[tp] for tp in ours],
        )
        moved = [TopicPartition(row["topic"], row["partition"]) for row in rows]
        found = standing(records, place_of, stored={tp: first[tp] for tp in moved}, pos=self.pos)
        for tp in found.astray:
            self._give(tp)
        if found.astray:
            # Somebody else has done them meanwhile: this member woke too late, or its share was dealt out anew.
            log.info("records refused", consumer=self.consumer.group, partitions=len(found.astray))
        return found.mine, found.ahead

    async def _measure(self) -> None:
        self.metrics.lag.labels(self.consumer.group).set(self._behind())
        now = self.db.clock.monotonic()
        if self.pos and self.given is None and now - self.committed_at > COMMIT_EVERY_SECONDS:
            # For lag tools only: the truth is in the database.
            self.committed_at = now
            task = asyncio.ensure_future(self.kafka.commit(dict(self.pos)))
            task.add_done_callback(lambda done: done.cancelled() or isinstance(done.exception(), KafkaError))
        if now - self.parked_seen_at > PARKED_EVERY_SECONDS:
            self.parked_seen_at = now
            await self._count_parked()

    async def _count_parked(self) -> None:
        try:
            async with self.db.read() as con:
                keys = await con.fetchval("SELECT count(*) FROM parked_key WHERE consumer = $1", self.consumer.group)
        except Exception as fault:
            if not is_passing(fault):
                raise
            log.warning("parked keys not counted", consumer=self.consumer.group, error=repr(fault))
        else:
            self.metrics.parked.labels(self.consumer.group).set(keys)


def place_of(record: Record) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)
