"""From memory to traffic.events: no outbox, acks=all, batched. A click lost in a crash is accepted and counted."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from prometheus_client import Counter, Gauge

from gateway.tracking.rules import KINDS, Click, Visit
from svc_contracts.events.base import rfc3339
from svc_contracts.topics import TRAFFIC
from svc_kit import producing
from svc_kit.assembly import Runtime
from svc_kit.refusals import Overloaded, UpstreamUnavailable
from svc_kit.relay import partition_of

log = structlog.get_logger()
# One round trip to the broker: twelve partitions, half a megabyte each.
PASS_MAX = 10_000
ACKNOWLEDGED_WITHIN_SECONDS = 20.0
BACK_OFF_FIRST_SECONDS = 0.1
BACK_OFF_LAST_SECONDS = 5.0
FLUSH_SECONDS = 5.0


# What the headers say of the kind of event.
KIND_HEADERS = {
    kind: [("ce_type", kind.type.encode()), ("ce_dataversion", b"%d" % kind.version)] for kind in KINDS.values()
}


class Waiting(NamedTuple):
    key: str
    value: bytes
    headers: list[tuple[str, bytes]]


class Traffic:
    """A bounded queue and the one task that empties it. Without a broker in the settings nothing is accepted."""

    def __init__(self, runtime: Runtime) -> None:
        self._bootstrap: str = runtime.settings.kafka_bootstrap_servers
        self._max: int = runtime.settings.tracking_queue_max
        self._queue: deque[Waiting] = deque()
        self._wake = asyncio.Event()
        self._producer: Any = None
        registry = runtime.metrics.registry
        self._waiting = Gauge("traffic_waiting_events", "Events that wait for the broker", registry=registry)
        self._lost = Counter("traffic_lost_events_total", "Accepted events that never left", registry=registry)
        self._sent = Counter("traffic_sent_events_total", "Events acknowledged by the broker", registry=registry)

    @classmethod
    @asynccontextmanager
    async def open(cls, runtime: Runtime) -> "AsyncIterator[Traffic]":
        """On the way out what waits has five seconds to leave."""
        traffic = cls(runtime)
        sending = asyncio.create_task(traffic.run())
        try:
            yield traffic
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    while traffic._queue and not sending.done():
                        await asyncio.sleep(0.05)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await traffic._drop_producer()
            if traffic._queue:
                log.warning("traffic lost", events=len(traffic._queue))
                traffic._lost.inc(len(traffic._queue))

    def require_room(self, count: int) -> None:
        """Before any work is spent on them. Raises Overloaded where too many wait."""
        if len(self._queue) + count > self._max:
            raise Overloaded(retry_after_seconds=2)

    def accept(self, clicks: Sequence[Click], visit: Visit, *, at: datetime, correlation_id: str) -> None:
        """All or none. Raises UpstreamUnavailable without a broker. Nothing was awaited since room was required."""
        if not self._bootstrap:
            raise UpstreamUnavailable(retry_after_seconds=5, part="kafka")
        self._queue.extend(waiting_of(clicks, visit, at=at, correlation_id=correlation_id))
        self._waiting.set(len(self._queue))
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. What was not acknowledged is sent again: the event's id makes it count once."""
        back_off = BACK_OFF_FIRST_SECONDS
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                taken = [self._queue.popleft() for _ in range(min(PASS_MAX, len(self._queue)))]
                left = taken
                try:
                    left = await self._send(taken)
                finally:
                    self._queue.extendleft(reversed(left))
                self._sent.inc(len(taken) - len(left))
                self._waiting.set(len(self._queue))
                if left:
                    await self._drop_producer()
                    await asyncio.sleep(back_off)
                    back_off = min(back_off * 2, BACK_OFF_LAST_SECONDS)
                else:
                    back_off = BACK_OFF_FIRST_SECONDS

    async def _send(self, taken: Sequence[Waiting]) -> list[Waiting]:
        """What was not acknowledged."""
        try:
            producer = await self._started()
            count = len(await producer.partitions_for(TRAFFIC.name))
        except Exception as fault:  # noqa: BLE001 - any failure of the client: the broker comes back
            log.warning("traffic waits for the broker", error=repr(fault))
            return list(taken)
        parts: dict[int, list[Waiting]] = {}
        for one in taken:
            parts.setdefault(partition_of(one.key, count), []).append(one)
        left = await asyncio.gather(*(self._send_part(producer, *part) for part in parts.items()))
        return [one for part in left for one in part]

    async def _send_part(self, producer: Any, partition: int, part: list[Waiting]) -> list[Waiting]:
        left = part
        try:
            while left:
                batch, size = producer.create_batch(), 0
                while size < len(left) and append(batch, left[size]):
                    size += 1
                batch.close()
                async with asyncio.timeout(ACKNOWLEDGED_WITHIN_SECONDS):
                    await (await producer.send_batch(batch, TRAFFIC.name, partition=partition))
                left = left[size:]
        except Exception as fault:  # noqa: BLE001 - any failure of the client: sent again
            log.warning("traffic not acknowledged", partition=partition, events=len(left), error=repr(fault))
        return left

    async def _started(self) -> Any:
        if self._producer is None:
            self._producer = await producing.started(self._bootstrap)
        return self._producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producing.throw_away(producer)


def waiting_of(clicks: Sequence[Click], visit: Visit, *, at: datetime, correlation_id: str) -> list[Waiting]:
    """All of one visitor: what their headers have in common is made once."""
    common = [
        ("ce_specversion", b"1.0"),
        ("ce_source", b"/gateway"),
        ("ce_subject", visit.visitor.encode()),
        ("ce_time", rfc3339(at).encode()),
        ("ce_timeline", b"1"),
        ("ce_correlationid", correlation_id.encode()),
        ("ce_actor", f"customer:{visit.person_id or visit.visitor}".encode()),
        ("content-type", b"application/json"),
    ]
    return [
        Waiting(visit.visitor, one.value, [("ce_id", one.event_id.encode()), *KIND_HEADERS[one.kind], *common])
        for one in clicks
    ]


def append(batch: Any, one: Waiting) -> bool:
    """False where the batch is full."""
    return batch.append(key=one.key.encode(), value=one.value, timestamp=None, headers=one.headers) is not None
