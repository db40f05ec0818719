"""One transaction holds offset, inbox and effects of a poll: all of it happens or nothing. Without a broker."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import NoOffsetForPartitionError

from svc_contracts.events.stock import StockReleased
from svc_contracts.ids import Ids
from svc_kit.clock import SystemClock
from svc_kit.consumer import Consumer, Poison, Received, Record, record_of
from svc_kit.consumer_rules import Systematic
from svc_kit.consuming import HELD_SECONDS, ConsumerRunner
from svc_kit.settings import KitSettings
from svc_kit.telemetry import Metrics
from svc_kit.transaction import Database, Tx

pytestmark = pytest.mark.anyio
PLACE = TopicPartition("stock.events", 3)


@pytest.fixture
async def db(database_of: Callable[[str], Any]) -> AsyncIterator[Database]:
    clock, urls = SystemClock(), database_of("inventory_svc")
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as opened:
        yield opened


class Seen:
    """A consumer that remembers, answers each event with one of its own, and fails where a test says so."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.fails: dict[str, Exception] = {}
        self.consumer = Consumer(group="kit-poll", deciding=True, handles=(StockReleased,), handle=self.handle)

    async def handle(self, tx: Tx, events: Sequence[Received]) -> None:
        keys = [one.key for one in events]
        for one in events:
            tx.emit(StockReleased(order_id=f"answer-to-{one.key}"), seq=1, cause=one)
        if fault := next((self.fails[key] for key in keys if key in self.fails), None):
            raise fault
        tx.after_commit(lambda: self.keys.extend(keys))


async def runner_at(db: Database, seen: Seen, offset: int) -> ConsumerRunner:
    """Assigned and sought, as after its first look."""
    runner = ConsumerRunner(seen.consumer, db, KitSettings(yunying_env="test", kafka_cluster="c1"), Metrics())
    runner.pos = {PLACE: offset}
    async with db.read() as con:
        await con.execute(
            "INSERT INTO consumer_offset VALUES ('kit-poll', 'c1', $1, $2, $3) ON CONFLICT DO NOTHING", *PLACE, offset
        )
    return runner


def records(db: Database, *keys: str, begin: int = 0) -> list[Record]:
    return [
        Record(
            *PLACE,
            offset,
            {
                "ce_id": str(db.ids.uuid7()),
                "ce_type": "stock.released",
                "ce_dataversion": "1",
                "ce_subject": key,
                "ce_time": db.clock.now().isoformat(),
            },
            StockReleased(order_id=key).data(),
        )
        for offset, key in enumerate(keys, start=begin)
    ]


async def written(db: Database) -> tuple[int, int, int, list[str]]:
    """(next offset, events in the inbox, answers, keys of parked events)"""
    async with db.read() as con:
        parked = await con.fetch("SELECT key FROM parked_event ORDER BY n")
        return (
            await con.fetchval("SELECT next_offset FROM consumer_offset"),
            await con.fetchval("SELECT count(*) FROM inbox"),
            await con.fetchval("SELECT count(*) FROM outbox"),
            [row["key"] for row in parked],
        )


async def test_passing_trouble_leaves_everything_as_it_was_and_the_same_poll_is_worked_on_again(db: Database) -> None:
    seen = Seen()
    runner = await runner_at(db, seen, 0)
    polled = records(db, "ord_1", "ord_2")
    seen.fails = {"ord_2": ConnectionResetError("the database is away")}

    with pytest.raises(ConnectionResetError):
        await runner._settle(polled)

    assert (await written(db), seen.keys, runner.pos) == ((0, 0, 0, []), [], {PLACE: 0})
    seen.fails = {}
    await runner._settle(polled)
    assert (await written(db), seen.keys, runner.pos) == ((2, 2, 2, []), ["ord_1", "ord_2"], {PLACE: 2})


@pytest.mark.parametrize("place", [0, 4, 7])
async def test_poison_is_found_by_halves_and_parked_alone(db: Database, place: int) -> None:
    seen = Seen()
    runner = await runner_at(db, seen, 0)
    keys = [f"ord_{n}" for n in range(8)]
    seen.fails = {keys[place]: Poison("a test says so")}

    await runner._settle(records(db, *keys))
    await runner._settle(records(db, keys[place], "ord_8", begin=8))

    flowing = [key for key in [*keys, "ord_8"] if key != keys[place]]
    assert (seen.keys, runner.pos) == (flowing, {PLACE: 10})
    assert await written(db) == (10, 10, 8, [keys[place], keys[place]])


@pytest.mark.parametrize(("count", "transactions"), [(64, 1), (16, 3)])
async def test_poison_that_says_which_event_it_is_costs_the_handler_s_work_or_among_few_one_more_transaction(
    db: Database, count: int, transactions: int
) -> None:
    seen = Seen()
    runner = await runner_at(db, seen, 0)
    keys = [f"ord_{n}" for n in range(count)]
    polled = records(db, *keys)
    bad = keys[5], keys[10]
    seen.fails = {key: Poison("a test says so", event_ids=[polled[keys.index(key)].event_id]) for key in bad}
    sizes: list[int] = []
    commit = runner._commit
    runner._commit = lambda records, *more: (sizes.append(len(records)), commit(records, *more))[1]  # type: ignore[method-assign]

    await runner._settle(polled)

    assert seen.keys == [key for key in keys if key not in seen.fails]
    assert sizes == [count] * transactions
    assert await written(db) == (count, count, count - 2, [*bad])


async def test_all_that_cannot_be_read_is_found_at_once_the_first_of_each_key(db: Database) -> None:
    seen = Seen()
    runner = await runner_at(db, seen, 0)
    polled = records(db, *(f"ord_{n}" for n in (0, 1, 2, 1, 4, 5, 6, 4)))
    polled = [replace(one, value=b"{") if one.key in ("ord_1", "ord_4") else one for one in polled]
    sizes: list[int] = []
    commit = runner._commit
    runner._commit = lambda records, *more: (sizes.append(len(records)), commit(records, *more))[1]  # type: ignore[method-assign]

    await runner._settle(polled)

    assert seen.keys == ["ord_0", "ord_2", "ord_5", "ord_6"]
    assert sizes == [8, 8]
    assert (await written(db))[3] == ["ord_1", "ord_4", "ord_1", "ord_4"]


async def test_a_bug_that_names_its_events_stops_the_consumer_and_parks_nobody(db: Database) -> None:
    seen = Seen()
    runner = await runner_at(db, seen, 0)
    polled = [replace(one, value=b"{") for one in records(db, *(f"ord_{n}" for n in range(5)))]

    with pytest.raises(Systematic):
        await runner._settle(polled)

    assert (await written(db), seen.keys) == ((0, 0, 0, []), [])


UNREADABLE: dict[str, dict[str, bytes | None]] = {
    "no id": {"ce_id": None},
    "an id that is none": {"ce_id": b"7"},
    "no time": {"ce_time": None},
    "a key that no database holds": {"ce_subject": b"ord_\0", "ce_id": b"7"},
    "bytes that are no text": {"ce_id": b"\xff\xfe", "ce_time": b"\xff"},
    "a number that is none": {"ce_seq": b"many"},
}


@pytest.mark.parametrize("wrong", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_envelope_that_cannot_be_read_parks_its_key_and_nobody_else_waits(
    db: Database, wrong: dict[str, bytes | None]
) -> None:
    seen = Seen()
    runner = await runner_at(db, seen, 0)
    good, bad, other = records(db, "ord_1", "ord_2", "ord_3")
    headers = {name: value.encode() for name, value in bad.headers.items()} | wrong
    message = SimpleNamespace(offset=1, headers=headers.items(), value=bad.value)

    for _ in range(2):
        await runner._settle([good, record_of(PLACE, message), other])
        runner.pos = {PLACE: 0}
        async with db.read() as con:
            await con.execute("UPDATE consumer_offset SET next_offset = 0")

    assert seen.keys == ["ord_1", "ord_3"]
    assert (await written(db))[1:] == (3, 2, [wrong.get("ce_subject", b"ord_2").decode().replace("\0", "\ufffd")])


async def test_a_member_that_lost_its_partition_changes_nothing_and_seeks_again(db: Database) -> None:
    seen, successor = Seen(), Seen()
    late, polled = await runner_at(db, seen, 0), records(db, "ord_1", "ord_2")
    await (await runner_at(db, successor, 0))._settle(polled)

    await late._settle(polled)
    await late._settle(records(db, "ord_4", begin=3))

    assert (seen.keys, late.pos, successor.keys) == ([], {}, ["ord_1", "ord_2"])
    assert await written(db) == (2, 2, 2, [])


async def test_what_is_for_others_waits_for_the_next_that_is_ours(db: Database) -> None:
    seen = Seen()
    runner = await runner_at(db, seen, 0)
    theirs = [foreign(one) for one in records(db, "ord_1", "ord_2")]

    assert runner._ripe(theirs) == []
    ripe = runner._ripe(records(db, "ord_3", begin=2))
    await runner._settle(ripe)

    assert [one.offset for one in ripe] == [0, 1, 2]
    assert (await written(db), seen.keys, runner.pos) == ((3, 1, 1, []), ["ord_3"], {PLACE: 3})


async def test_what_is_for_others_does_not_wait_for_ever(db: Database) -> None:
    seen = Seen()
    runner = await runner_at(db, seen, 0)
    assert runner._ripe([foreign(one) for one in records(db, "ord_1")]) == []

    runner.held_at -= HELD_SECONDS + 1
    await runner._settle(runner._ripe([]))

    assert (await written(db), seen.keys) == ((1, 0, 0, []), [])


async def test_a_partition_that_goes_takes_along_what_was_kept_back_of_it(db: Database) -> None:
    runner = await runner_at(db, Seen(), 0)
    assert runner._ripe([foreign(one) for one in records(db, "ord_1")]) == []

    runner._forget(PLACE)

    assert (runner.held, runner.pos) == ([], {})


@pytest.mark.parametrize("begin", [98, 103, 200], ids=["back", "back a little", "ahead"])
async def test_what_does_not_follow_what_was_kept_back_is_sought_again(db: Database, begin: int) -> None:
    """Within one look the partition was taken away and given back; the client stands where the broker remembers."""
    seen = Seen()
    runner = await runner_at(db, seen, 100)
    kept = [foreign(one) for one in records(db, *(f"ord_{n}" for n in range(100, 105)), begin=100)]
    assert runner._ripe(kept) == []

    await runner._settle(runner._ripe(records(db, "ord_x", "ord_y", begin=begin)))

    assert (await written(db), seen.keys) == ((100, 0, 0, []), [])
    assert (runner.held, runner.pos) == ([], {})


def foreign(record: Record) -> Record:
    """Of a type that this consumer does not handle."""
    return replace(record, headers={**record.headers, "ce_type": "stock.reserved"})


class Client:
    """In the place of Kafka's, which fails for partitions that it does not have. `shares`: these, look by look."""

    def __init__(self, *shares: set[TopicPartition]) -> None:
        self.shares = list(shares)
        self.sought: dict[TopicPartition, int] = {}
        self.fault: Exception | None = None

    def assignment(self) -> set[TopicPartition]:
        return self.shares.pop(0) if len(self.shares) > 1 else self.shares[0]

    async def beginning_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(tps, 0)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        assert tp in self.shares[0], "Partition is not assigned"
        self.sought[tp] = offset

    async def getmany(self, **_: int) -> dict[TopicPartition, list[Any]]:
        if self.fault is not None:
            raise self.fault
        return {}

    def highwater(self, tp: TopicPartition) -> int:
        assert tp in self.shares[0], "Partition is not assigned"
        return 9

    def last_poll_timestamp(self, tp: TopicPartition) -> int:
        assert tp in self.shares[0], "Partition is not assigned"
        return 1_700_000_000_000

    async def commit(self, offsets: object) -> None: ...


async def test_what_is_taken_away_while_we_look_is_not_sought(db: Database) -> None:
    runner = await runner_at(db, Seen(), 4)
    other = TopicPartition("stock.events", 7)
    runner.pos.clear()
    client = runner.kafka = Client({PLACE, other}, {PLACE})

    await runner._align()

    assert (client.sought, runner.pos) == ({PLACE: 4}, {PLACE: 4})


async def test_what_was_dealt_out_anew_within_one_look_is_sought_again(db: Database) -> None:
    """The client has forgotten where it stood, and the broker never knew."""
    runner = await runner_at(db, Seen(), 4)
    client = runner.kafka = Client({PLACE})
    runner.checked_at = db.clock.monotonic()
    client.fault = NoOffsetForPartitionError(PLACE)

    assert await runner._poll() == []
    await runner._align()

    assert (client.sought, runner.pos) == ({PLACE: 4}, {PLACE: 4})


async def test_what_was_taken_away_is_not_measured(db: Database) -> None:
    runner = await runner_at(db, Seen(), 4)
    runner.pos[TopicPartition("stock.events", 7)] = 2
    runner.kafka = Client({PLACE})
    runner.progress.begin(db.clock.monotonic())

    runner._require_progress(moved=False)
    await runner._measure()

    assert runner.metrics.lag.labels("kit-poll")._value.get() == 5
