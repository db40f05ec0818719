"""A member that is about to stop says so to its group at once, and goes on until another has taken over: what the two
do meanwhile is done once, for the offsets lie in the database. Waiting for the successor would stop its partitions for
as long as a process takes to start.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

# The others hear of it with their next heartbeat (two seconds); with a shorter notice the successor is as quick.
NOTICE_SECONDS_MIN = 2.5
LEAVE_WITHIN_SECONDS = 2.0


def has_fellows(kafka: Any, topics: Iterable[str]) -> bool:
    """Others have partitions too. Who is alone keeps its place: nobody else would take over."""
    whole = sum(len(kafka.partitions_for_topic(topic) or ()) for topic in topics)
    return 0 < len(kafka.assignment()) < whole


async def leave(kafka: Any) -> None:
    """Its partitions are still fetched afterwards. Raises what aiokafka raises."""
    coordinator = kafka._coordinator
    # aiokafka says goodbye only for members without a name of their own.
    coordinator._group_instance_id = None
    await asyncio.wait_for(coordinator.close(), LEAVE_WITHIN_SECONDS)
