"""Trouble that lasts stops a consumer, which says so; relays share lanes and hear of each other's commits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from svc_contracts.events import Event
from svc_contracts.events.stock import StockReleased, StockReleaseRefused
from svc_contracts.ids import Ids
from svc_kit import announcing, progress, topics
from svc_kit.clock import SystemClock
from svc_kit.consumer import Consumer, Poison, Received
from svc_kit.consumer_rules import SYSTEMATIC_KEYS_OF_A_TYPE
from svc_kit.consuming import ConsumerRunner
from svc_kit.outbox import LANES
from svc_kit.relay import Relay, partition_of
from svc_kit.relay_rules import LEASE_SECONDS
from svc_kit.republish import RelaysLive, republish
from svc_kit.settings import KitSettings
from svc_kit.telemetry import Metrics
from svc_kit.transaction import Database, Tx
from svc_local.testing import KafkaForTests, eventually

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def pool(urls: Any) -> AsyncIterator[Database]:
    clock = SystemClock()
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as db:
        yield db


@asynccontextmanager
async def running(*works: Callable[[asyncio.Event], Any]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(work(stop)) for work in works]
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)


def runner_of(consumer: Consumer, db: Database, kafka: KafkaForTests) -> ConsumerRunner:
    settings = KitSettings(yunying_env="test", kafka_bootstrap_servers=kafka.bootstrap, kafka_cluster="c1")
    return ConsumerRunner(consumer, db, settings, Metrics())


async def say(db: Database, key: str, seq: int = 1, event: Event | None = None) -> None:
    async with db.transaction() as tx:
        tx.emit(event or StockReleased(order_id=key), seq=seq)


async def test_a_type_that_fails_on_every_key_stops_the_consumer_and_loses_nothing(
    database_of: Callable[[str], Any], kafka: KafkaForTests
) -> None:
    await topics.ensure(kafka.bootstrap)
    seen: list[str] = []
    is_broken = True

    async def handle(tx: Tx, events: Sequence[Received]) -> None:
        mine = [one.key for one in events if one.key.startswith("ord_stop_")]
        if mine and is_broken:
            raise Poison("a bug, not bad data")
        tx.after_commit(lambda: seen.extend(mine))

    # A type that no other test of this run says: a success of theirs would speak for it.
    consumer = Consumer(group="kit-stop", deciding=True, handles=(StockReleaseRefused,), handle=handle)
    keys = [f"ord_stop_{n}" for n in range(SYSTEMATIC_KEYS_OF_A_TYPE + 5)]
    async with pool(database_of("inventory_svc")) as db:
        relay = Relay(db, kafka.bootstrap, Metrics())
        broken = runner_of(consumer, db, kafka)
        async with running(relay.run, broken.run):
            for key in keys:
                await say(db, key, event=StockReleaseRefused(order_id=key, shipped_lines=[]))
            await eventually(lambda: broken.state == "stopped", within_seconds=30, because="it stops by itself")
        async with db.read() as con:
            parked = [row["key"] for row in await con.fetch("SELECT key FROM parked_key")]
        assert len(parked) == SYSTEMATIC_KEYS_OF_A_TYPE - 1

        is_broken = False
        async with running(runner_of(consumer, db, kafka).run):
            rest = len(keys) - len(parked)
            await eventually(lambda: len(seen) == rest, within_seconds=30, because="mended, it goes on where it stood")
    assert sorted(seen + parked) == sorted(keys)


async def test_what_the_topic_no_longer_holds_is_not_skipped_in_silence(
    database_of: Callable[[str], Any], kafka: KafkaForTests
) -> None:
    await topics.ensure(kafka.bootstrap)

    async def handle(tx: Tx, events: Sequence[Received]) -> None: ...

    consumer = Consumer(group="kit-gone", deciding=True, handles=(StockReleased,), handle=handle)
    async with pool(database_of("inventory_svc")) as db:
        first = runner_of(consumer, db, kafka)
        async with running(first.run):
            await eventually(lambda: len(first.pos) == 12, within_seconds=30, because="it stands on every partition")
        async with db.read() as con:
            await con.execute('UPDATE consumer_offset SET next_offset = 1000000 WHERE "partition" = 3')
        second = runner_of(consumer, db, kafka)
        async with running(second.run):
            await eventually(lambda: second.state == "stopped", within_seconds=30, because="that offset is not there")


async def test_a_lazy_commit_that_was_lost_with_the_database_is_made_up_for_without_another_event(
    database_of: Callable[[str], Any], kafka: KafkaForTests
) -> None:
    await topics.ensure(kafka.bootstrap)
    seen: list[int] = []

    async def handle(tx: Tx, events: Sequence[Received]) -> None:
        mine = [one.seq for one in events if one.key == "ord_lost"]
        tx.after_commit(lambda: seen.extend(mine))

    consumer = Consumer(group="kit-lost", deciding=False, handles=(StockReleased,), handle=handle)
    async with (
        pool(database_of("inventory_svc")) as db,
        running(Relay(db, kafka.bootstrap, Metrics()).run, runner_of(consumer, db, kafka).run),
    ):
        for seq in (1, 2):
            await say(db, "ord_lost", seq)
        await eventually(lambda: seen == [1, 2], within_seconds=30, because="both were read")
        # PostgreSQL went down before the last transaction was on its disk: offset, inbox and rows are of before.
        async with db.read() as con:
            await con.execute("DELETE FROM inbox")
            await con.execute(
                'UPDATE consumer_offset SET next_offset = next_offset - 2 WHERE "partition" = $1',
                partition_of("ord_lost", 12),
            )

        await eventually(lambda: seen == [1, 2, 1, 2], within_seconds=8, because="it looks every two seconds")


async def test_a_commit_in_another_process_wakes_the_relay(database_of: Callable[[str], Any]) -> None:
    urls = database_of("inventory_svc")
    async with pool(urls) as here, pool(urls) as there:

        async def tell(stop: asyncio.Event) -> None:
            await announcing.announce(here, stop, others=lambda: True)

        async with running(tell, lambda stop: announcing.listen(there, stop)):
            # It wakes once by itself when it begins to listen.
            await eventually(there.wake.is_set, within_seconds=10, because="it listens")
            there.wake.clear()

            await say(here, "ord_wake")

            await eventually(there.wake.is_set, within_seconds=10, because="it was told")


async def test_who_is_cancelled_while_idle_leaves_no_task_behind(database_of: Callable[[str], Any]) -> None:
    stop = asyncio.Event()
    async with pool(database_of("inventory_svc")) as db:
        before = asyncio.all_tasks()
        relay = Relay(db, "127.0.0.1:1", Metrics())
        works = announcing.announce(db, stop, others=lambda: True), relay._idle(stop)
        idle = [asyncio.create_task(work) for work in works]
        await asyncio.sleep(0.05)

        for task in idle:
            task.cancel()
        await asyncio.gather(*idle, return_exceptions=True)

        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == before


async def test_relays_share_the_lanes_and_one_takes_over_what_the_other_leaves(
    database_of: Callable[[str], Any], kafka: KafkaForTests
) -> None:
    await topics.ensure(kafka.bootstrap)
    urls = database_of("inventory_svc")
    async with pool(urls) as here, pool(urls) as there:
        first, second = Relay(here, kafka.bootstrap, Metrics()), Relay(there, kafka.bootstrap, Metrics())
        async with running(first.run):
            async with running(second.run):
                half = LANES // 2
                await eventually(
                    lambda: (len(first.lanes), len(second.lanes)) == (half, half),
                    within_seconds=20,
                    because="each has half of the lanes",
                )
                assert not first.lanes.keys() & second.lanes.keys()
            await eventually(lambda: len(first.lanes) == LANES, within_seconds=20, because="the other one left")


async def test_a_relay_that_slept_past_its_lease_has_all_its_lanes_again(
    database_of: Callable[[str], Any], kafka: KafkaForTests
) -> None:
    await topics.ensure(kafka.bootstrap)
    async with pool(database_of("inventory_svc")) as db:
        relay = Relay(db, kafka.bootstrap, Metrics())
        await relay.beat()
        assert len(relay.lanes) == LANES
        before = relay.owner

        relay.beat_at -= LEASE_SECONDS + 1
        async with db.read() as con:
            await con.execute("UPDATE relay SET until = clock_timestamp() - interval '1 second'")
        await relay.beat()

        assert relay.owner != before
        assert len(relay.lanes) == LANES


async def test_lanes_whose_taking_was_not_answered_are_taken_again(
    database_of: Callable[[str], Any], kafka: KafkaForTests
) -> None:
    async with pool(database_of("inventory_svc")) as db:
        relay = Relay(db, kafka.bootstrap, Metrics())
        await relay.beat()

        for lane in (3, 17):
            del relay.lanes[lane]
        await relay.beat()

        assert len(relay.lanes) == LANES
        assert relay.lanes[3] == relay.lanes[17] == 2


async def test_an_emptied_broker_gets_the_archive_again_in_order_and_nothing_counts_twice(
    database_of: Callable[[str], Any], kafka: KafkaForTests
) -> None:
    await topics.ensure(kafka.bootstrap)
    seen: list[tuple[str, int]] = []

    async def handle(tx: Tx, events: Sequence[Received]) -> None:
        mine = [(one.key, one.seq) for one in events if one.key.startswith("ord_again_")]
        tx.after_commit(lambda: seen.extend(mine))

    consumer = Consumer(group="kit-again", deciding=True, handles=(StockReleased,), handle=handle)
    fresh = Consumer(group="kit-again-fresh", deciding=True, handles=(StockReleased,), handle=handle)
    async with pool(database_of("inventory_svc")) as db:
        relay = Relay(db, kafka.bootstrap, Metrics())
        async with running(relay.run, runner_of(consumer, db, kafka).run):
            for seq in (1, 2):
                await say(db, "ord_again_1", seq)
            await eventually(lambda: len(seen) == 2, within_seconds=30, because="both were sent")
            async with db.transaction() as tx:
                with pytest.raises(RelaysLive):
                    await republish(tx, since=tx.now - timedelta(days=1))
        await say(db, "ord_again_1", 3)
        ends = await end_offsets(kafka)

        async with db.transaction() as tx:
            assert await republish(tx, since=tx.now - timedelta(days=1)) == 2
            assert await republish(tx, since=tx.now - timedelta(days=1)) == 0
        # Another incarnation of the broker: its offsets begin anew, here behind what the old one held.
        async with db.read() as con:
            await con.executemany(
                'INSERT INTO consumer_offset (consumer, cluster, topic, "partition", next_offset) '
                "VALUES ($1, 'c1', 'stock.events', $2, $3)",
                [(fresh.group, partition, offset) for partition, offset in ends.items()],
            )
        async with running(Relay(db, kafka.bootstrap, Metrics()).run, runner_of(consumer, db, kafka).run):
            await eventually(lambda: len(seen) == 3, within_seconds=30, because="only the new one counts")
            assert seen == [("ord_again_1", 1), ("ord_again_1", 2), ("ord_again_1", 3)]
            async with running(runner_of(fresh, db, kafka).run):
                await eventually(lambda: len(seen) == 6, within_seconds=30, because="who had none gets all")
    assert seen[3:] == seen[:3]


async def end_offsets(kafka: KafkaForTests) -> dict[int, int]:
    reader = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap)
    await reader.start()
    try:
        partitions = [TopicPartition("stock.events", n) for n in range(12)]
        return {tp.partition: offset for tp, offset in (await reader.end_offsets(partitions)).items()}
    finally:
        await reader.stop()


async def test_a_client_that_hears_nothing_any_more_is_replaced(
    database_of: Callable[[str], Any], kafka: KafkaForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is behind when it goes deaf, so nothing seems to be missing (aiokafka's issue 847)."""
    monkeypatch.setattr(progress, "NO_PROGRESS_SECONDS", 2.0)
    monkeypatch.setattr(progress, "SILENT_SECONDS", 1.0)
    seen: list[str] = []

    async def note(tx: Tx, events: Sequence[Received]) -> None:
        seen.extend(one.key for one in events if one.key.startswith("ord_deaf"))

    async with pool(database_of("inventory_svc")) as db:
        relay = Relay(db, kafka.bootstrap, Metrics())
        runner = runner_of(Consumer(group="kit-deaf", deciding=True, handles=(StockReleased,), handle=note), db, kafka)
        async with running(relay.run, runner.run):
            await say(db, "ord_deaf_1")
            await eventually(lambda: seen == ["ord_deaf_1"], within_seconds=30, because="it works")
            assert runner.status()["state"] == "running"

            runner.kafka._fetcher._fetch_task.cancel()
            await eventually(lambda: runner.status()["state"] == "silent", within_seconds=20, because="it says so")
            assert runner.is_red()
            await say(db, "ord_deaf_2")

            await eventually(lambda: seen[1:] == ["ord_deaf_2"], within_seconds=30, because="a new client works")
            assert (runner.status()["state"], runner.is_red()) == ("running", False)


async def nothing(tx: Tx, events: Sequence[Received]) -> None: ...
