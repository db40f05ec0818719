"""What administrators do to a broker's topics and groups, on purpose or not."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import DeleteGroupsRequest


class Administration:
    def __init__(self, admin: Any) -> None:
        self.admin = admin

    async def grow(self, topic: str, partitions: int) -> None:
        await self.admin.create_partitions({topic: NewPartitions(partitions)})

    async def offsets_of(self, group: str) -> int:
        """Of how many partitions the broker remembers one."""
        return len([one for one in (await self.admin.list_consumer_group_offsets(group)).values() if one.offset >= 0])

    async def forget(self, group: str) -> None:
        """All offsets of a group, once no member is left in it. Raises KafkaError while there is one."""
        coordinator = await self.admin.find_coordinator(group)
        answer = await self.admin._send_request_to_node(coordinator, DeleteGroupsRequest([group]))
        for _, code in answer.results:
            if code:
                raise for_code(code)(f"{group} not deleted")

    async def truncate(self, topic: str, before: Mapping[int, int]) -> None:
        """Partition → the first offset that stays."""
        records = {TopicPartition(topic, number): RecordsToDelete(offset) for number, offset in before.items()}
        await self.admin.delete_records(records)


@asynccontextmanager
async def administration(bootstrap: str) -> AsyncIterator[Administration]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield Administration(admin)
    finally:
        await admin.close()


__all__ = ["Administration", "KafkaError", "administration"]
