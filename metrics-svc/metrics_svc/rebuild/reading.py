"""Reading topics from their beginning up to given offsets, for no group and without a trace."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from svc_kit.clock import Clock
from svc_kit.consumer import Record, record_of

RECORDS_MAX = 500
POLL_MS = 250
PATIENCE_SECONDS = 60.0

Place = tuple[str, int]  # topic, partition


class Stuck(RuntimeError):
    """The broker has not what the offsets promise."""


class Reader:
    def __init__(self, kafka: Any, clock: Clock) -> None:
        self.kafka = kafka
        self.clock = clock
        self.next: dict[TopicPartition, int] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, bootstrap: str, clock: Clock) -> "AsyncIterator[Reader]":
        kafka = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await kafka.start()
        try:
            yield cls(kafka, clock)
        finally:
            await kafka.stop()

    async def up_to(self, targets: Mapping[Place, int]) -> AsyncIterator[list[Record]]:
        """Batches of what was not read yet, in each partition up to its target and no further.

        Raises Stuck where nothing comes for a minute.
        """
        wanted = {TopicPartition(*place): target for place, target in targets.items()}
        await self._begin([tp for tp in wanted if tp not in self.next])
        moved_at = self.clock.monotonic()
        while pending := [tp for tp, target in wanted.items() if self.next[tp] < target]:
            polled = await self.kafka.getmany(*pending, timeout_ms=POLL_MS, max_records=RECORDS_MAX)
            batch: list[Record] = []
            for tp in sorted(polled):
                messages = [message for message in polled[tp] if message.offset < wanted[tp]]
                batch += [record_of(tp, message) for message in messages]
                # Offsets may have gaps: past the target is there as well.
                self.next[tp] = min(polled[tp][-1].offset + 1, wanted[tp])
                self.kafka.seek(tp, self.next[tp])
            if batch:
                yield batch
                moved_at = self.clock.monotonic()
            elif self.clock.monotonic() - moved_at > PATIENCE_SECONDS:
                raise Stuck(f"nothing more of {', '.join(f'{tp.topic}/{tp.partition}' for tp in pending)}")

    async def _begin(self, fresh: list[TopicPartition]) -> None:
        if not fresh:
            return
        self.kafka.assign([*self.next, *fresh])
        begins = await self.kafka.beginning_offsets(fresh)
        self.next |= begins
        for tp, offset in self.next.items():
            self.kafka.seek(tp, offset)
