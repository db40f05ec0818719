"""The topic itself, read apart from every consumer of ours: what arrived there, in which order, how often."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

READ_WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """`at`: seconds since 1970, when the relay's client sent it."""

    partition: int
    offset: int
    at: float
    event_id: str
    key: str
    seq: int
    correlation: str


@dataclass(slots=True)
class Topic:
    """From where it ended at `begin`; only keys that start with `marker`, as others write there too."""

    bootstrap: str
    name: str
    marker: str
    begins: dict[TopicPartition, int]

    @classmethod
    async def begin(cls, bootstrap: str, name: str, marker: str) -> "Topic":
        async with reader(bootstrap) as kafka:
            return cls(bootstrap, name, marker, await ends_of(kafka, name))

    async def ends(self) -> dict[int, int]:
        """Partition → where its next record will be."""
        async with reader(self.bootstrap) as kafka:
            return {tp.partition: offset for tp, offset in (await ends_of(kafka, self.name)).items()}

    async def read(self) -> list[Seen]:
        """All of it, partition by partition. Raises TimeoutError where it cannot be read."""
        found: list[Seen] = []
        async with asyncio.timeout(READ_WITHIN_SECONDS), reader(self.bootstrap) as kafka:
            ends = await ends_of(kafka, self.name)
            self._seek(kafka, self.begins)
            left = {tp for tp in ends if ends[tp] > self.begins[tp]}
            while left:
                for tp, messages in (await kafka.getmany(timeout_ms=200, max_records=5_000)).items():
                    found += self._mine(messages)
                    if messages[-1].offset + 1 >= ends[tp]:
                        left.discard(tp)
        return sorted(found, key=lambda one: (one.partition, one.offset))

    async def follow(self, hear: Callable[[Seen], None], following: asyncio.Event) -> None:
        """What arrives from now on, as it arrives, until cancelled. `following`: set when nothing more is missed."""
        async with reader(self.bootstrap) as kafka:
            self._seek(kafka, await ends_of(kafka, self.name))
            await kafka.getmany(timeout_ms=100)
            following.set()
            while True:
                for messages in (await kafka.getmany(timeout_ms=200)).values():
                    for one in self._mine(messages):
                        hear(one)

    def _seek(self, kafka: Any, offsets: Mapping[TopicPartition, int]) -> None:
        kafka.assign(list(offsets))
        for tp, offset in offsets.items():
            kafka.seek(tp, offset)

    def _mine(self, messages: Any) -> list[Seen]:
        return [seen for message in messages if (seen := seen_of(message)).key.startswith(self.marker)]


def seen_of(message: Any) -> Seen:
    headers = {name: value.decode() for name, value in message.headers}
    return Seen(
        message.partition,
        message.offset,
        message.timestamp / 1_000,
        headers["ce_id"],
        headers["ce_subject"],
        int(headers["ce_seq"]),
        headers["ce_correlationid"],
    )


async def ends_of(kafka: Any, name: str) -> dict[TopicPartition, int]:
    await kafka._client.force_metadata_update()
    tps = [TopicPartition(name, number) for number in sorted(kafka.partitions_for_topic(name) or ())]
    assert tps, f"{name} is not there"
    return dict(await kafka.end_offsets(tps))


@asynccontextmanager
async def reader(bootstrap: str) -> AsyncIterator[Any]:
    """Of no group: it disturbs nobody."""
    kafka = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="none")
    await kafka.start()
    try:
        yield kafka
    finally:
        await kafka.stop()
