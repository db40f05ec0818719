"""The relay: from the outbox to Kafka, in order per key, at least once (kit.md §2)."""

import asyncio
import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import orjson
import structlog
from aiokafka.partitioner import murmur2

from svc_kit import announcing, failpoints, producing
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
from svc_kit.telemetry import Metrics
from svc_kit.timers import pause
from svc_kit.transaction import Database

log = structlog.get_logger()

MEMBERS = uuid5(NAMESPACE_OID, "relays by their place")
HEARTBEAT_SECONDS = 1.0
PASS_ROWS_MAX = 500
# Where many change things at once, a pass waits for company: it costs the broker, the database and every consumer the
# same for one row as for twenty. What a single buyer causes leaves at once.
COMPANY_ROWS, PASS_EVERY_SECONDS = 4, 0.015
KEYS_KEPT = 8_192
IDLE_SECONDS = 0.5
ACKNOWLEDGED_WITHIN_SECONDS = 20.0
ARCHIVE_DAYS_AHEAD = 3
ARCHIVE_DAYS_KEPT = 7
KEEP_ARCHIVE_EVERY_SECONDS = 3_600.0

HEARTBEAT = (
    "INSERT INTO relay (owner, until) VALUES ($1, clock_timestamp() + make_interval(secs => $2)) "
    "ON CONFLICT (owner) DO UPDATE SET until = excluded.until"
)
TAKE = """
WITH free AS (
    SELECT lane FROM outbox_lane l
    WHERE owner IS NULL OR NOT EXISTS (SELECT 1 FROM relay r WHERE r.owner = l.owner AND until > clock_timestamp())
        OR (owner = $1 AND lane <> ALL($3::smallint[]))  -- ours, but an answer of the database was lost
    ORDER BY lane LIMIT $2 FOR UPDATE SKIP LOCKED)
UPDATE outbox_lane l SET owner = $1, epoch = epoch + 1 FROM free WHERE l.lane = free.lane RETURNING l.lane, l.epoch
"""
NEXT = """
SELECT id, lane, topic, key, headers, value, extract(epoch FROM clock_timestamp() - created_at)::float8 AS age_seconds
FROM outbox WHERE lane = ANY($1::smallint[]) ORDER BY id LIMIT $2
"""
ARCHIVE = """
WITH d AS (
    DELETE FROM outbox WHERE id = ANY($1::bigint[]) AND lane = ANY(ARRAY(
        SELECT lane FROM outbox_lane l JOIN unnest($2::smallint[], $3::bigint[]) AS e(lane, epoch) USING (lane, epoch)
        WHERE l.owner = $4))
    RETURNING *)
INSERT INTO outbox_archive (id, lane, event_id, topic, key, headers, value, created_at, published_at)
SELECT id, lane, event_id, topic, key, headers, value, created_at, clock_timestamp() FROM d
"""


@dataclass(slots=True)
class Relay:
    db: Database
    bootstrap: str
    metrics: Metrics
    owner: UUID = field(init=False)
    lanes: dict[int, int] = field(default_factory=dict)
    stopped: dict[int, Stopped] = field(default_factory=dict)
    beat_at: float = -math.inf
    archive_kept_at: float = -math.inf
    published: int = 0
    living: int = 1
    producer: Any = None
    # Whose place this is (host, slot, port): who is started again after a crash takes its lanes up at once, not when
    # the lease of the dead one ends.
    member: str = ""

    def __post_init__(self) -> None:
        self.owner = uuid5(MEMBERS, self.member) if self.member else self.db.ids.uuid7()

    def status(self) -> dict[str, Any]:
        return {"lanes": len(self.lanes), "published": self.published, "stopped_lanes": len(self.stopped)}

    def is_red(self) -> bool:
        """Without a lease, or with lanes that do not move."""
        return has_lost_lease(self.db.clock.monotonic(), self.beat_at) or bool(self.stopped)

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped; then its lanes are free at once."""
        aside = [
            asyncio.create_task(self._beat_until(stop)),
            asyncio.create_task(announcing.listen(self.db, stop)),
            asyncio.create_task(announcing.announce(self.db, stop, others=lambda: self.living > 1)),
        ]
        try:
            while not stop.is_set():
                began = self.db.clock.monotonic()
                try:
                    found = await self.pass_once()
                except (Exception, asyncio.CancelledError) as fault:
                    if producing.is_being_cancelled():
                        raise
                    log.warning("relay waits", error=repr(fault))
                    await pause(stop, 1.0)
                    continue
                if not found:
                    await self._idle(stop)
                elif COMPANY_ROWS <= found < PASS_ROWS_MAX:
                    await pause(stop, max(0.0, PASS_EVERY_SECONDS - (self.db.clock.monotonic() - began)))
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)
            await self._leave()

    async def _idle(self, stop: asyncio.Event) -> None:
        waits = [asyncio.create_task(self.db.wake.wait()), asyncio.create_task(stop.wait())]
        try:
            await asyncio.wait(waits, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:  # also where this task is cancelled
            for task in waits:
                task.cancel()

    # Leases

    async def _beat_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.db.lanes_left.clear()
            try:
                await self.beat()
            except Exception as fault:  # noqa: BLE001 - a lost lease is taken again later
                log.warning("relay heartbeat failed", error=repr(fault))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(announcing.either(self.db.lanes_left, stop), HEARTBEAT_SECONDS)

    async def beat(self) -> None:
        """Renews the lease, takes free lanes, gives back what is more than a fair share."""
        began = self.db.clock.monotonic()
        if math.isfinite(self.beat_at) and has_lost_lease(began, self.beat_at):
            # Under the old name the lanes would stay ours for others and nobody's for us.
            self.lanes.clear()
            self.owner = self.db.ids.uuid7()
        async with self.db.read() as con:
            await con.execute(HEARTBEAT, self.owner, LEASE_SECONDS)
            self.beat_at = began
            await con.execute("DELETE FROM relay WHERE until < clock_timestamp() - interval '1 minute'")
            living = await con.fetchval("SELECT count(*) FROM relay WHERE until > clock_timestamp()")
            self.living = max(1, living)
            share = fair_share(living)
            if missing := max(0, share - len(self.lanes)):
                rows = await con.fetch(TAKE, self.owner, missing, list(self.lanes))
                self.lanes |= {row["lane"]: row["epoch"] for row in rows}
                if rows:
                    self.db.wake.set()
            elif surplus := sorted(self.lanes)[share:]:
                for lane in surplus:
                    del self.lanes[lane]
                await con.execute(
                    "UPDATE outbox_lane SET owner = NULL WHERE owner = $1 AND lane = ANY($2::smallint[])",
                    self.owner,
                    surplus,
                )
            if began - self.archive_kept_at > KEEP_ARCHIVE_EVERY_SECONDS:
                today = self.db.clock.now().date()
                await con.execute("SELECT keep_archive($1, $2, $3)", today, ARCHIVE_DAYS_AHEAD, ARCHIVE_DAYS_KEPT)
                self.archive_kept_at = began

    async def _leave(self) -> None:
        await self._drop_producer()
        try:
            async with self.db.read() as con:
                await con.execute("UPDATE outbox_lane SET owner = NULL WHERE owner = $1", self.owner)
                await con.execute("DELETE FROM relay WHERE owner = $1", self.owner)
                await con.execute(f"NOTIFY {announcing.CHANNEL}, '{announcing.LEFT}'")
        except Exception as fault:  # noqa: BLE001 - the lease runs out by itself
            log.warning("relay left without a word", error=repr(fault))

    # Sending

    async def pass_once(self) -> int:
        """Sends what is there, archives what was acknowledged. Returns how many rows were found."""
        self.db.wake.clear()
        now = self.db.clock.monotonic()
        if not may_send(now, self.beat_at):
            return 0
        epochs = sendable(self.lanes, self.stopped, now)
        if not epochs:
            return 0
        async with self.db.relaying() as con:
            rows = await con.fetch(NEXT, list(epochs), PASS_ROWS_MAX)
        self.metrics.outbox_age.set(rows[0]["age_seconds"] if rows else 0)
        if not rows:
            return 0
        producer = await self._producer()
        counts = {topic: len(await producer.partitions_for(topic)) for topic in {row["topic"] for row in rows}}
        parts = by_partition(rows, lambda row: (row["topic"], partition_of(row["key"], counts[row["topic"]])))
        sent = await asyncio.gather(*(self._send(producer, *part, found) for part, found in parts.items()))
        await failpoints.reach("relay.after_send")
        acknowledged = [number for numbers in sent for number in numbers]
        self.stopped = after_pass(self.stopped, rows, set(acknowledged), now=now, jitter=self._jitter)
        if acknowledged:
            await failpoints.reach("relay.before_delete")
            held = {lane: epochs[lane] for lane in {row["lane"] for row in rows}}
            async with self.db.relaying() as con:
                told = await con.execute(ARCHIVE, acknowledged, list(held), list(held.values()), self.owner)
                if int(told.rpartition(" ")[2]) < len(acknowledged):
                    await self._look_for_twin(con, epochs)
            self.published += len(acknowledged)
            self.metrics.published.inc(len(acknowledged))
        else:
            await self._drop_producer()
        return len(rows)

    async def _look_for_twin(self, con: Any, epochs: dict[int, int]) -> None:
        """Rows stayed, so a lane is no longer ours. Held under our own name it is another process's that was given our
        place too: it keeps the name, or both would take the lanes from each other for ever.
        """
        held = await con.fetch("SELECT lane, epoch FROM outbox_lane WHERE owner = $1", self.owner)
        if any(row["epoch"] > epochs.get(row["lane"], row["epoch"]) for row in held):
            log.warning("another relay has our place", member=self.member)
            self.lanes.clear()
            self.owner = self.db.ids.uuid7()

    def _jitter(self) -> float:
        return 0.5 + int.from_bytes(self.db.ids.random_bytes(2), "big") / 131_072

    async def _send(self, producer: Any, topic: str, partition: int, rows: Sequence[Any]) -> list[int]:
        """The ids of the acknowledged prefix: the next batch leaves only when the last was acknowledged."""
        done: list[int] = []
        left = list(rows)
        try:
            while left and may_send(self.db.clock.monotonic(), self.beat_at):
                batch = producer.create_batch()
                size = 0
                while size < len(left) and append(batch, left[size]):
                    size += 1
                batch.close()
                await failpoints.reach("relay.before_send")
                async with asyncio.timeout(ACKNOWLEDGED_WITHIN_SECONDS):
                    await (await producer.send_batch(batch, topic, partition=partition))
                done += [row["id"] for row in left[:size]]
                left = left[size:]
        except Exception as fault:  # noqa: BLE001 - any failure of the client stops these lanes only
            log.warning("batch not acknowledged", topic=topic, partition=partition, rows=len(left), error=repr(fault))
        return done

    async def _producer(self) -> Any:
        if self.producer is None:
            self.producer = await producing.started(self.bootstrap)
        return self.producer

    async def _drop_producer(self) -> None:
        producer, self.producer = self.producer, None
        if producer is not None:
            await producing.throw_away(producer)


@lru_cache(maxsize=KEYS_KEPT)
def partition_of(key: str, count: int) -> int:
    """As every Kafka client computes it: murmur2 of the key. Remembered: in Python it takes as long as the sending."""
    return int((murmur2(key.encode()) & 0x7FFF_FFFF) % count)


def append(batch: Any, row: Any) -> bool:
    """False where the batch is full."""
    headers = [(name, value.encode()) for name, value in orjson.loads(row["headers"]).items()]
    return batch.append(key=row["key"].encode(), value=bytes(row["value"]), timestamp=None, headers=headers) is not None
