"""What a relay does with rows and acknowledgements: real PostgreSQL, and a broker that answers as the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from svc_contracts.events.stock import StockReleased
from svc_contracts.ids import Ids
from svc_kit.clock import FixedClock, SystemClock
from svc_kit.outbox import LANES, lane_of
from svc_kit.relay import ARCHIVE, NEXT, PASS_ROWS_MAX, Relay, partition_of
from svc_kit.relay_rules import LEASE_SECONDS, SEND_WITHIN_SECONDS
from svc_kit.telemetry import Metrics
from svc_kit.transaction import Database
from svc_local.testing import eventually

pytestmark = pytest.mark.anyio
PARTITIONS = 12
BATCH_RECORDS = 2


@dataclass(slots=True)
class Batch:
    records: list[tuple[str, int]] = field(default_factory=list)

    def append(self, *, key: bytes, headers: list[tuple[str, bytes]], **_: Any) -> object | None:
        if len(self.records) == BATCH_RECORDS:
            return None
        self.records.append((key.decode(), int(dict(headers)["ce_seq"])))
        return self

    def close(self) -> None: ...


@dataclass(slots=True)
class Broker:
    """In the place of Kafka's client. `refuses(batch)`: it is taken, and its acknowledgement never comes."""

    refuses: Callable[[Batch], bool] = lambda batch: False
    log: list[tuple[str, int]] = field(default_factory=list)

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(PARTITIONS))

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> "asyncio.Future[None]":
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.refuses(batch):
            answer.set_exception(TimeoutError("no acknowledgement"))
            answer.exception()  # looked at, so that who does not wait for it hears nothing of it
        else:
            self.log += batch.records
            answer.set_result(None)
        return answer

    async def stop(self) -> None: ...


@pytest.fixture
async def db(database_of: Callable[[str], Any]) -> AsyncIterator[Database]:
    clock, urls = FixedClock(), database_of("inventory_svc")
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as opened:
        yield opened


async def relay_with(db: Database, broker: Broker, metrics: Any = None) -> Relay:
    relay = Relay(db, "nowhere:1", metrics or Metrics(), producer=broker)
    await relay.beat()
    return relay


async def say(db: Database, key: str, *seqs: int) -> None:
    async with db.transaction() as tx:
        for seq in seqs:
            tx.emit(StockReleased(order_id=key), seq=seq)


async def count(db: Database, table: str) -> int:
    async with db.read() as con:
        return int(await con.fetchval(f"SELECT count(*) FROM {table}"))


async def test_the_next_batch_leaves_only_when_the_last_was_acknowledged(db: Database) -> None:
    await say(db, "ord_1", 1, 2, 3, 4, 5)
    broker = Broker(refuses=lambda batch: ("ord_1", 3) in batch.records)
    relay = await relay_with(db, broker)

    assert await relay.pass_once() == 5

    assert broker.log == [("ord_1", 1), ("ord_1", 2)]
    assert (await count(db, "outbox"), await count(db, "outbox_archive")) == (3, 2)
    broker.refuses = lambda batch: False
    db.clock.advance(1)  # type: ignore[attr-defined]
    assert await relay.pass_once() == 3
    assert broker.log == [("ord_1", seq) for seq in (1, 2, 3, 4, 5)]
    assert (await count(db, "outbox"), await count(db, "outbox_archive")) == (0, 5)


async def test_a_pass_finds_its_rows_by_the_index_whatever_postgresql_thinks_of_the_size(db: Database) -> None:
    await say(db, "ord_1", *range(1, 501))
    async with db.relaying() as con:
        await con.execute("DELETE FROM outbox")
        await say(db, "ord_1", 501)

        lanes = list(range(LANES))
        found = await con.fetch(f"EXPLAIN {NEXT}", lanes, PASS_ROWS_MAX)
        gone = await con.fetch(f"EXPLAIN {ARCHIVE}", [501], lanes, [1] * LANES, db.ids.uuid7())

    looked = "\n".join(row[0] for row in found)
    assert "Index Scan using outbox_pkey" in looked
    assert not any(word in looked for word in ("Seq Scan", "Bitmap", "Sort"))
    assert "Index Scan using outbox_pkey" in "\n".join(row[0] for row in gone)


async def test_a_partition_that_fails_stops_its_own_lanes_and_no_others(db: Database) -> None:
    bad = "ord_0"
    good = next(
        key
        for key in (f"ord_{n}" for n in range(1, 99))
        if partition_of(key, PARTITIONS) != partition_of(bad, PARTITIONS) and lane_of(key) != lane_of(bad)
    )
    await say(db, bad, 1)
    await say(db, good, 1)
    broker = Broker(refuses=lambda batch: (bad, 1) in batch.records)
    relay = await relay_with(db, broker)
    await relay.pass_once()
    assert relay.stopped.keys() == {lane_of(bad)}

    await say(db, bad, 2)
    await say(db, good, 2)
    assert await relay.pass_once() == 1

    assert broker.log == [(good, 1), (good, 2)]
    assert await count(db, "outbox") == 2


async def test_what_commits_after_later_rows_were_sent_is_sent_all_the_same(db: Database) -> None:
    broker = Broker()
    relay = await relay_with(db, broker)
    slow, go_on = asyncio.Event(), asyncio.Event()

    async def say_slowly() -> None:
        async with db.transaction() as tx:
            # As every writer does just before its commit: the row has its number, and nobody sees it yet.
            await tx.con.execute(
                "INSERT INTO outbox (lane, event_id, topic, key, headers, value) VALUES ($1, $2, 'stock.events', "
                "'ord_slow', '{\"ce_seq\": \"1\"}', '{}')",
                lane_of("ord_slow"),
                tx.ids.uuid7(),
            )
            slow.set()
            await go_on.wait()

    writing = asyncio.create_task(say_slowly())
    await slow.wait()
    await say(db, "ord_quick", 1)
    assert await relay.pass_once() == 1
    go_on.set()
    await writing

    assert await relay.pass_once() == 1

    assert broker.log == [("ord_quick", 1), ("ord_slow", 1)]
    assert await count(db, "outbox") == 0


async def test_a_commit_while_the_relay_looks_wakes_it_at_once(db: Database) -> None:
    """Between its look and its wait something is committed: it must not sleep over it."""
    gauge = SimpleNamespace(set=lambda _: db.wake.set())
    relay = await relay_with(db, Broker(), SimpleNamespace(outbox_age=gauge))

    assert await relay.pass_once() == 0

    assert db.wake.is_set()


@pytest.mark.parametrize(("seconds", "sent"), [(SEND_WITHIN_SECONDS - 0.1, 1), (SEND_WITHIN_SECONDS, 0)])
async def test_in_the_last_part_of_its_lease_a_relay_sends_nothing_more(
    db: Database, seconds: float, sent: int
) -> None:
    assert SEND_WITHIN_SECONDS < LEASE_SECONDS
    await say(db, "ord_1", 1)
    broker = Broker()
    relay = await relay_with(db, broker)

    db.clock.advance(seconds)  # type: ignore[attr-defined]

    assert await relay.pass_once() == sent
    assert (len(broker.log), await count(db, "outbox")) == (sent, 1 - sent)


async def test_who_lost_its_lanes_to_another_takes_no_row_away(db: Database) -> None:
    await say(db, "ord_1", 1)
    zombie = await relay_with(db, Broker())
    async with db.read() as con:
        await con.execute("UPDATE outbox_lane SET owner = $1, epoch = epoch + 1", db.ids.uuid7())

    assert await zombie.pass_once() == 1

    assert await count(db, "outbox") == 1


async def test_who_comes_back_to_its_place_takes_the_lanes_of_its_former_self_at_once(db: Database) -> None:
    await say(db, "ord_1", 1)
    former = Relay(db, "nowhere:1", Metrics(), producer=Broker(), member="here-0-8003")
    await former.beat()

    again = Relay(db, "nowhere:1", Metrics(), producer=Broker(), member="here-0-8003")
    await again.beat()

    assert len(again.lanes) == 64
    assert await again.pass_once() == 1
    assert await count(db, "outbox") == 0


async def test_of_two_in_one_place_the_first_takes_another_name_and_they_share(db: Database) -> None:
    first, second = (Relay(db, "nowhere:1", Metrics(), producer=Broker(), member="here-0-8003") for _ in range(2))
    await first.beat()
    await second.beat()
    await say(db, "ord_1", 1)

    assert await first.pass_once() == 1

    assert (first.lanes, await count(db, "outbox")) == ({}, 1)
    assert await second.pass_once() == 1
    assert await count(db, "outbox") == 0
    for relay in (first, second, first):
        await relay.beat()
    assert (len(first.lanes), len(second.lanes)) == (32, 32)


async def test_what_a_relay_leaves_is_taken_before_the_next_heartbeat(
    database_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, urls, stops = SystemClock(), database_of("inventory_svc"), (asyncio.Event(), asyncio.Event())
    async with (
        Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as here,
        Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as there,
    ):
        relays = [Relay(db, "nowhere:1", Metrics(), producer=Broker()) for db in (here, there)]
        tasks = [asyncio.create_task(relay.run(stop)) for relay, stop in zip(relays, stops, strict=True)]
        await eventually(
            lambda: [len(relay.lanes) for relay in relays] == [32, 32], within_seconds=10, because="they share"
        )
        monkeypatch.setattr("svc_kit.relay.HEARTBEAT_SECONDS", 3_600.0)
        last = relays[1].beat_at
        there.lanes_left.set()
        await eventually(lambda: relays[1].beat_at > last, within_seconds=10, because="the next one is an hour away")

        stops[0].set()
        await tasks[0]
        await eventually(lambda: len(relays[1].lanes) == 64, within_seconds=10, because="nobody else sends them")

        stops[1].set()
        await tasks[1]
