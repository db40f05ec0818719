"""What falls due fires once, under its aggregate's lock, by what the deadline says at that moment."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from svc_contracts.ids import Ids
from svc_kit import timers
from svc_kit.clock import FixedClock
from svc_kit.timers import RETRY_AFTER, TRIES_MAX, Due, Timer, TimerRunner
from svc_kit.transaction import Database, Tx

pytestmark = pytest.mark.anyio


@pytest.fixture
async def db(database_of: Callable[[str], Any]) -> AsyncIterator[Database]:
    clock, urls = FixedClock(), database_of("inventory_svc")
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as opened:
        yield opened


class Fired:
    """A timer over orders that remembers, and breaks for one of them."""

    def __init__(self, broken: str = "") -> None:
        self.ids: list[str] = []
        self.broken = broken
        self.timer = Timer("unpaid", "stock_order", "order_id", self.fire)

    async def fire(self, tx: Tx, aggregate_ids: Sequence[str]) -> None:
        if self.broken in aggregate_ids:
            raise ZeroDivisionError
        ids = list(aggregate_ids)
        tx.after_commit(lambda: self.ids.extend(ids))


async def due_in(db: Database, seconds: float, *order_ids: str) -> None:
    async with db.transaction() as tx:
        await tx.con.executemany(
            "INSERT INTO stock_order (order_id, attempt, outcome, event_seq, decided_at) "
            "VALUES ($1, 1, 'reserved', 1, $2)",
            [(order_id, tx.now) for order_id in order_ids],
        )
        await postpone(tx, seconds, *order_ids)


async def postpone(tx: Tx, seconds: float, *order_ids: str) -> None:
    await timers.schedule(tx, [Due(order_id, "unpaid", tx.now + timedelta(seconds=seconds)) for order_id in order_ids])


async def left(db: Database) -> int:
    async with db.read() as con:
        return int(await con.fetchval("SELECT count(*) FROM deadline"))


async def test_a_deadline_fires_once_when_its_time_has_come_and_not_before(db: Database) -> None:
    fired = Fired()
    runner = TimerRunner((fired.timer,), db)
    await due_in(db, 60, "ord_1", "ord_2")

    db.clock.advance(59)  # type: ignore[attr-defined]
    assert await runner.fire_due(fired.timer) == 0
    db.clock.advance(1)  # type: ignore[attr-defined]
    await runner.fire_due(fired.timer)
    await runner.fire_due(fired.timer)

    assert (fired.ids, await left(db)) == (["ord_1", "ord_2"], 0)


async def test_what_is_over_goes_with_what_begins(db: Database) -> None:
    fired = Fired()
    runner = TimerRunner((fired.timer,), db)
    await due_in(db, 60, "ord_1", "ord_2", "ord_3")

    async with db.transaction() as tx:
        await timers.schedule(tx, [Due("ord_1", "unpaid", tx.now)], over=[("ord_2", "unpaid")])
    async with db.transaction() as tx:
        await timers.schedule(tx, [], over=[("ord_3", "unpaid")])

    assert await left(db) == 1
    await runner.fire_due(fired.timer)
    assert fired.ids == ["ord_1"]


async def test_an_aggregate_that_a_command_holds_is_left_for_later(db: Database) -> None:
    fired = Fired()
    runner = TimerRunner((fired.timer,), db)
    await due_in(db, 0, "ord_held", "ord_free")

    async with db.transaction() as tx:
        await tx.con.execute("SELECT FROM stock_order WHERE order_id = 'ord_held' FOR NO KEY UPDATE")
        await runner.fire_due(fired.timer)
        assert fired.ids == ["ord_free"]
        await postpone(tx, 60, "ord_held")
    await runner.fire_due(fired.timer)

    assert (fired.ids, await left(db)) == (["ord_free"], 1)


async def test_a_deadline_that_was_postponed_while_it_was_being_claimed_does_not_fire(db: Database) -> None:
    fired = Fired()

    class Slow(TimerRunner):
        """What was found due is of an older snapshot than the deadline that is then taken."""

        async def _lock_due(self, tx: Tx, timer: Timer, limit: int) -> list[str]:
            found = await super()._lock_due(tx, timer, limit)
            async with db.transaction() as other:
                await postpone(other, 3_600, "ord_1")
            return found

    await due_in(db, 0, "ord_1", "ord_2")
    await Slow((fired.timer,), db).fire_due(fired.timer)

    assert (fired.ids, await left(db)) == (["ord_2"], 1)


async def test_what_fails_three_times_is_parked_and_does_not_stand_before_the_others(db: Database) -> None:
    fired = Fired(broken="ord_1")
    runner = TimerRunner((fired.timer,), db)
    await due_in(db, 0, "ord_1", "ord_2")

    for _ in range(TRIES_MAX + 1):
        await runner.fire_due(fired.timer)
        db.clock.advance(RETRY_AFTER.total_seconds())  # type: ignore[attr-defined]

    async with db.read() as con:
        [row] = await con.fetch("SELECT aggregate_id, tries, parked FROM deadline")
    assert tuple(row) == ("ord_1", TRIES_MAX, True)
    assert (fired.ids, runner.failed) == (["ord_2"], TRIES_MAX)
