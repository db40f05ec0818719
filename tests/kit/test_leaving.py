"""A member that is about to stop goes on until another has taken over: nothing waits, nothing is done twice."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count, pairwise
from typing import Any

import pytest

from svc_contracts.ids import Ids
from svc_kit import topics
from svc_kit.clock import SystemClock
from svc_kit.consuming import ConsumerRunner
from svc_kit.relay import Relay
from svc_kit.settings import KitSettings
from svc_kit.telemetry import Metrics
from svc_kit.transaction import Database
from svc_local.testing import KafkaForTests, eventually

from .test_backbone import Seen, running, say

pytestmark = pytest.mark.anyio
KEYS = [f"ord_leave_{n}" for n in range(24)]
# Half the session of a member that says nothing (10 s).
PAUSE_SECONDS_MAX = 5.0


def member(seen: Seen, db: Database, kafka: KafkaForTests, slot: int, leaving: asyncio.Event) -> ConsumerRunner:
    settings = KitSettings(
        yunying_env="test", kafka_bootstrap_servers=kafka.bootstrap, kafka_cluster="c1", slot=str(slot), port=1
    )
    runner = ConsumerRunner(seen.consumer, db, settings, Metrics())
    runner.leaving = leaving
    return runner


async def test_two_share_and_the_one_that_leaves_is_relieved_without_a_pause(
    database_of: Callable[[str], Any], kafka: KafkaForTests
) -> None:
    await topics.ensure(kafka.bootstrap)
    clock, urls, leaving = SystemClock(), database_of("inventory_svc"), asyncio.Event()
    done_at: list[tuple[int, float]] = []
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as db:
        seen = Seen("kit-leave", marker="ord_leave_")
        watched = replace(seen.consumer, handle=noting(seen, done_at))
        seen.consumer = watched
        going, staying = member(seen, db, kafka, 0, leaving), member(seen, db, kafka, 1, asyncio.Event())
        async with running(Relay(db, kafka.bootstrap, Metrics()), staying):
            async with running(going):
                shared = lambda: len(going.pos) == len(staying.pos) > 0  # noqa: E731
                await eventually(shared, within_seconds=30, because="each has half")
                over = asyncio.Event()
                saying = asyncio.create_task(say_until(over, db))
                await asyncio.sleep(1.0)
                left = {tp.partition for tp in going.pos}
                leaving.set()
                taken = lambda: left <= {tp.partition for tp in staying.pos}  # noqa: E731
                await eventually(taken, within_seconds=10, because="the other one has taken over")
                await asyncio.sleep(0.5)
            over.set()
            said = await saying
            await eventually(lambda: len(seen.events) >= said, within_seconds=20, because="all arrive")

    assert len(seen.events) == len(set(seen.events)) == said
    for key in KEYS:
        seqs = [seq for name, seq in seen.events if name == key]
        assert seqs == sorted(seqs)
    theirs = [at for partition, at in done_at if partition in left]
    assert max(later - earlier for earlier, later in pairwise(theirs)) < PAUSE_SECONDS_MAX


def noting(seen: Seen, done_at: list[tuple[int, float]]) -> Any:
    async def handle(tx: Any, events: Any) -> None:
        await seen.handle(tx, events)
        now = tx.db.clock.monotonic()
        tx.after_commit(lambda: done_at.extend((one.partition, now) for one in events))

    return handle


async def say_until(over: asyncio.Event, db: Database) -> int:
    for seq in count(1):
        for key in KEYS:
            await say(db, key, seq)
        if over.is_set():
            return seq * len(KEYS)
        await asyncio.sleep(0.05)
    return 0


async def test_who_is_alone_keeps_its_place(database_of: Callable[[str], Any], kafka: KafkaForTests) -> None:
    await topics.ensure(kafka.bootstrap)
    clock, urls, leaving = SystemClock(), database_of("inventory_svc"), asyncio.Event()
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as db:
        seen = Seen("kit-alone", marker="ord_alone_")
        alone = member(seen, db, kafka, 0, leaving)
        async with running(Relay(db, kafka.bootstrap, Metrics()), alone):
            await eventually(lambda: bool(alone.pos), within_seconds=30, because="it has everything")
            leaving.set()
            await asyncio.sleep(0.6)
            await say(db, "ord_alone_1", 1)
            await eventually(lambda: len(seen.events) == 1, within_seconds=10, because="it goes on")

            assert alone.given is None
