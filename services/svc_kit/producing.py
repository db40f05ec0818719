"""A Kafka producer: begun the one way that keeps its order, thrown away when it is dead."""

import asyncio
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer

log = structlog.get_logger()

STOP_WITHIN_SECONDS = 5
CLOSE_WITHIN_SECONDS = 2


async def started(bootstrap: str) -> Any:
    """Raises what aiokafka raises where no broker answers."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=524_288,
        max_request_size=1_048_576,
        metadata_max_age_ms=30_000,
        request_timeout_ms=10_000,
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


async def throw_away(producer: Any) -> None:
    """What it still delivers are duplicates, which consumers drop."""
    try:
        await asyncio.wait_for(producer.stop(), STOP_WITHIN_SECONDS)
    except (Exception, asyncio.CancelledError) as fault:
        if is_being_cancelled():
            raise
        log.warning("producer did not stop", error=repr(fault))
        # aiokafka's stop waits for a flush that never comes: end its parts ourselves.
        if (sender := producer._sender._sender_task) is not None:
            sender.cancel()
        try:
            await asyncio.wait_for(producer.client.close(), CLOSE_WITHIN_SECONDS)
        except (Exception, asyncio.CancelledError) as late:
            if is_being_cancelled():
                raise
            log.warning("producer's connections left open", error=repr(late))


def is_being_cancelled() -> bool:
    """Whether somebody wants this task to end. aiokafka hands out futures that it has cancelled itself (a connection
    whose close was not waited for to the end): to await one looks the same, and the work would end in silence.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
