"""A fact from a transaction in one service to its effect in another: real PostgreSQL, real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from svc_contracts.events.stock import StockReleased
from svc_contracts.ids import Ids
from svc_kit import redrive, topics
from svc_kit.clock import SystemClock
from svc_kit.consumer import Consumer, Poison, Received
from svc_kit.consuming import ConsumerRunner
from svc_kit.relay import Relay
from svc_kit.settings import KitSettings
from svc_kit.telemetry import Metrics
from svc_kit.transaction import Actor, Database, EmitRefused, Tx
from svc_local.testing import KafkaForTests, eventually

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def database(urls: Any) -> AsyncIterator[Database]:
    clock = SystemClock()
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as db:
        yield db


@pytest.fixture
async def db(database_of: Callable[[str], Any]) -> AsyncIterator[Database]:
    async with database(database_of("inventory_svc")) as opened:
        yield opened


@asynccontextmanager
async def running(*runners: Any) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(runner.run(stop)) for runner in runners]
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)


class Seen:
    """A consumer that remembers, and whose own replies leave with its transaction."""

    def __init__(self, group: str, *, marker: str, poison: str = "") -> None:
        self.events: list[tuple[str, int]] = []
        self.marker = marker
        self.poison = poison
        self.consumer = Consumer(group=group, deciding=True, handles=(StockReleased,), handle=self.handle)

    async def handle(self, tx: Tx, events: Sequence[Received]) -> None:
        mine = [one for one in events if one.key.startswith(self.marker)]
        if any(one.key == self.poison for one in mine):
            raise Poison("a test says so")
        seen = [(one.key, one.seq) for one in mine]
        tx.after_commit(lambda: self.events.extend(seen))

    def runner(self, db: Database, kafka: KafkaForTests) -> ConsumerRunner:
        settings = KitSettings(yunying_env="test", kafka_bootstrap_servers=kafka.bootstrap, kafka_cluster="c1")
        return ConsumerRunner(self.consumer, db, settings, Metrics())


async def say(db: Database, key: str, seq: int) -> None:
    async with db.transaction() as tx:
        tx.emit(StockReleased(order_id=key), seq=seq)


async def count(db: Database, table: str) -> int:
    async with db.read() as con:
        return int(await con.fetchval(f"SELECT count(*) FROM {table}"))


async def test_events_arrive_once_and_in_the_order_of_their_key(db: Database, kafka: KafkaForTests) -> None:
    await topics.ensure(kafka.bootstrap)
    seen = Seen("kit-order", marker="ord_order_")
    keys = [f"ord_order_{n}" for n in range(20)]

    async with running(Relay(db, kafka.bootstrap, Metrics()), seen.runner(db, kafka)):
        for seq in range(1, 11):
            await asyncio.gather(*(say(db, key, seq) for key in keys))
        await eventually(lambda: len(seen.events) >= 200, within_seconds=30, because="all were sent")
        async with db.read() as con:
            published = "SELECT count(*) FROM outbox_archive"
            await eventually(
                lambda: con.fetchval(f"SELECT ({published}) = 200"), within_seconds=5, because="sent rows are archived"
            )

    for key in keys:
        assert [seq for name, seq in seen.events if name == key] == list(range(1, 11))
    assert await count(db, "outbox") == 0
    assert await count(db, "outbox_lane WHERE owner IS NOT NULL") == 0


async def test_a_rolled_back_transaction_says_nothing(db: Database) -> None:
    async def failing() -> None:
        async with db.transaction() as tx:
            tx.emit(StockReleased(order_id="ord_1"), seq=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()

    assert await count(db, "outbox") == 0


async def test_what_is_sent_twice_has_one_effect(db: Database, kafka: KafkaForTests) -> None:
    await topics.ensure(kafka.bootstrap)
    seen = Seen("kit-twice", marker="ord_twice_")

    async with running(Relay(db, kafka.bootstrap, Metrics()), seen.runner(db, kafka)):
        await say(db, "ord_twice_1", 1)
        await eventually(lambda: len(seen.events) == 1, within_seconds=30, because="it was sent")
        # As after a crash between the broker's acknowledgement and the DELETE.
        async with db.read() as con:
            await con.execute(
                "INSERT INTO outbox (lane, event_id, topic, key, headers, value) "
                "SELECT lane, event_id, topic, key, headers, value FROM outbox_archive"
            )
        await say(db, "ord_twice_1", 2)
        await eventually(lambda: len(seen.events) == 2, within_seconds=30, because="the next one was sent")

    assert seen.events == [("ord_twice_1", 1), ("ord_twice_1", 2)]


async def test_poison_parks_its_key_and_what_follows_it_while_others_flow(db: Database, kafka: KafkaForTests) -> None:
    await topics.ensure(kafka.bootstrap)
    seen = Seen("kit-poison", marker="ord_poison_", poison="ord_poison_bad")

    async with running(Relay(db, kafka.bootstrap, Metrics()), seen.runner(db, kafka)):
        for seq in (1, 2):
            for key in ("ord_poison_bad", "ord_poison_good", "ord_poison_fine"):
                await say(db, key, seq)
        await eventually(lambda: len(seen.events) == 4, within_seconds=30, because="the others flow")

        async def parked() -> bool:
            return await count(db, "parked_event") == 2

        await eventually(parked, within_seconds=30, because="both events of the bad key wait")

    async with db.read() as con:
        rows = await con.fetch("SELECT key, reason FROM parked_event ORDER BY n")
    assert {row["key"] for row in rows} == {"ord_poison_bad"}
    assert rows[0]["reason"] == "poison"
    assert {key for key, _ in seen.events} == {"ord_poison_good", "ord_poison_fine"}


async def test_a_consumer_goes_on_where_its_database_says(db: Database, kafka: KafkaForTests) -> None:
    await topics.ensure(kafka.bootstrap)
    first, second = (Seen("kit-resume", marker="ord_resume_") for _ in range(2))

    async with running(Relay(db, kafka.bootstrap, Metrics())):
        async with running(first.runner(db, kafka)):
            await say(db, "ord_resume_1", 1)
            await eventually(lambda: len(first.events) == 1, within_seconds=30, because="the first run reads it")
        await say(db, "ord_resume_1", 2)
        async with running(second.runner(db, kafka)):
            await eventually(lambda: len(second.events) == 1, within_seconds=30, because="the second run reads on")

    assert (first.events, second.events) == ([("ord_resume_1", 1)], [("ord_resume_1", 2)])


async def test_a_projecting_transaction_must_not_emit(db: Database) -> None:
    with pytest.raises(EmitRefused):
        async with db.transaction(may_emit=False) as tx:
            tx.emit(StockReleased(order_id="ord_1"), seq=1)


async def test_the_envelope_is_a_cloud_event(db: Database) -> None:
    before = datetime.now(UTC)
    await say(db, "ord_envelope", 7)

    from svc_kit.testing import outbox_of

    [sent] = await outbox_of(SimpleNamespace(db=db))  # type: ignore[arg-type]
    at = datetime.fromisoformat(sent.headers.pop("ce_time"))
    event_id = sent.headers.pop("ce_id")
    assert before <= at <= datetime.now(UTC)
    assert sent.headers == {
        "ce_specversion": "1.0",
        "ce_type": "stock.released",
        "ce_dataversion": "1",
        "ce_source": "/inventory-svc",
        "ce_subject": "ord_envelope",
        "ce_seq": "7",
        "ce_timeline": "1",
        "ce_correlationid": event_id,
        "ce_actor": "system:system",
        "content-type": "application/json",
    }


async def test_a_parked_key_is_redriven_in_order_and_flows_again(db: Database, kafka: KafkaForTests) -> None:
    await topics.ensure(kafka.bootstrap)
    seen = Seen("kit-redrive", marker="ord_redrive_", poison="ord_redrive_bad")

    async with running(Relay(db, kafka.bootstrap, Metrics()), seen.runner(db, kafka)):
        for seq in (1, 2, 3):
            await say(db, "ord_redrive_bad", seq)

        async def parked() -> bool:
            return await count(db, "parked_event") == 3

        await eventually(parked, within_seconds=30, because="the bad key's events wait")
        async with db.read() as con:
            [found] = await redrive.parked_keys(con, "kit-redrive")
        assert (found.key, found.waiting, found.type) == ("ord_redrive_bad", 3, "stock.released")
        assert found.error == "Poison: a test says so"

        still = await redrive.redrive(db, seen.consumer, "ord_redrive_bad")
        assert (still.processed, still.left, still.error) == (0, 3, "Poison: a test says so")
        seen.poison = ""
        done = await redrive.redrive(db, seen.consumer, "ord_redrive_bad")
        assert (done.processed, done.left, done.error) == (3, 0, None)

        await say(db, "ord_redrive_bad", 4)
        await eventually(lambda: len(seen.events) == 4, within_seconds=30, because="the key flows again")

    assert seen.events == [("ord_redrive_bad", seq) for seq in (1, 2, 3, 4)]
    assert await count(db, "parked_key") == 0


async def test_a_discarded_key_leaves_who_and_why(db: Database, kafka: KafkaForTests) -> None:
    await topics.ensure(kafka.bootstrap)
    seen = Seen("kit-discard", marker="ord_discard_", poison="ord_discard_bad")

    async with running(Relay(db, kafka.bootstrap, Metrics()), seen.runner(db, kafka)):
        await say(db, "ord_discard_bad", 1)

        async def parked() -> bool:
            return await count(db, "parked_event") == 1

        await eventually(parked, within_seconds=30, because="the bad key waits")

    async with db.transaction(actor=Actor("staff", "stf_1")) as tx:
        with pytest.raises(ValueError, match="reason"):
            await redrive.discard(tx, seen.consumer, "ord_discard_bad", reason=" ")
        assert await redrive.discard(tx, seen.consumer, "ord_discard_bad", reason="a test order") == 1
        assert await redrive.discard(tx, seen.consumer, "ord_discard_bad", reason="again") == 0

    async with db.read() as con:
        row = await con.fetchrow("SELECT key, reason, error, discarded_by FROM discarded_event")
    assert tuple(row) == ("ord_discard_bad", "a test order", "Poison: a test says so", "staff:stf_1")
    assert await count(db, "parked_key") == 0
