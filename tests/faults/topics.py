"""What lies in the topics, and what each consumer took of it, in which order."""

import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from tests.faults.lifetimes import connected

from svc_contracts.suite import SERVICES
from svc_contracts.topics import TOPICS
from svc_kit.consumer import Consumer

TRAFFIC = "traffic.events"  # no sequence: facts of visitors
SEEN = "SELECT event_id, processed_at FROM inbox WHERE consumer = $1"
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Lying:
    """A record. `is_skipped` by those who look at this header."""

    topic: str
    partition: int
    offset: int
    key: str
    seq: int
    type: str
    event_id: UUID
    headers: Mapping[str, str]


@asynccontextmanager
async def reader(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    topics = [name for name in TOPICS if name != TRAFFIC]
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def ends(bootstrap: str) -> dict[Place, int]:
    async with reader(bootstrap) as consumer:
        found = await consumer.end_offsets(list(consumer.assignment()))
    return {(place.topic, place.partition): offset for place, offset in found.items()}


async def lying_since(bootstrap: str, begin: Mapping[Place, int]) -> list[Lying]:
    """Per partition in order of offsets, which is the order in which everybody sees them."""
    found: list[Lying] = []
    async with reader(bootstrap) as consumer:
        for (topic, partition), offset in begin.items():
            consumer.seek(TopicPartition(topic, partition), offset)
        last = await consumer.end_offsets(list(consumer.assignment()))
        while any([await consumer.position(place) < end for place, end in last.items()]):
            for place, records in (await consumer.getmany(timeout_ms=200, max_records=5_000)).items():
                for record in records:
                    headers = {name: value.decode() for name, value in record.headers}
                    found.append(lying(place, record.offset, headers))
    return found


def lying(place: TopicPartition, offset: int, headers: Mapping[str, str]) -> Lying:
    return Lying(
        place.topic,
        place.partition,
        offset,
        headers["ce_subject"],
        int(headers["ce_seq"]),
        headers["ce_type"],
        UUID(headers["ce_id"]),
        headers,
    )


def consumers() -> list[tuple[str, Consumer]]:
    """(database, consumer) of every service; without those that keep no inbox."""
    found: list[tuple[str, Consumer]] = []
    for entry in SERVICES.values():
        service = importlib.import_module(f"{entry.package}.app").SERVICE
        found += [(entry.database, one) for one in service.consumers if one.inbox]
    return found


async def taken_by(databases: Mapping[str, str], database: str, consumer: Consumer) -> dict[UUID, datetime]:
    """When the transaction began in which it did what follows from an event."""
    async with connected(databases[database]) as con:
        return {row["event_id"]: row["processed_at"] for row in await con.fetch(SEEN, consumer.group)}


def meant_for(consumer: Consumer, records: Sequence[Lying]) -> list[Lying]:
    """Each event once, at first sight."""
    found: dict[UUID, Lying] = {}
    for one in records:
        skipped = consumer.skip is not None and consumer.skip(one.headers)
        if one.type in consumer.types and not skipped:
            found.setdefault(one.event_id, one)
    return list(found.values())
