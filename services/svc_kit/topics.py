"""The topics of the suite exist before anybody writes or reads them."""

import asyncio
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from svc_contracts.topics import TOPICS

TRIES = 20
PAUSE_SECONDS = 0.5
ALREADY_EXISTS = 36
EVENT_BYTES_MAX = 1_048_576


async def ensure(bootstrap: str, *, replication: int = 1) -> None:
    """Creates what is missing, changes nothing. Raises the last error where the broker stays away for 10 s."""
    for tries_left in range(TRIES - 1, -1, -1):
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await admin.start()
            await _create_missing(admin, replication)
        except Exception:
            if not tries_left:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
        finally:
            await admin.close()


async def _create_missing(admin: Any, replication: int) -> None:
    existing = set(await admin.list_topics())
    missing = [topic for topic in TOPICS.values() if topic.name not in existing]
    new = [
        NewTopic(
            name=topic.name,
            num_partitions=topic.partitions,
            replication_factor=replication,
            topic_configs={"retention.ms": str(topic.retention_ms), "max.message.bytes": str(EVENT_BYTES_MAX)},
        )
        for topic in missing
    ]
    if not new:
        return
    answer = await admin.create_topics(new)
    failed = [error for error in answer.topic_errors if error[1] not in (0, ALREADY_EXISTS)]
    if failed:
        raise RuntimeError(f"topics not created: {failed}")
