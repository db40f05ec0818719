"""Events, and what waits for them, share the fate of their transaction."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from svc_contracts.events.stock import StockReleased
from svc_contracts.ids import Ids
from svc_kit import failpoints
from svc_kit.clock import SystemClock
from svc_kit.failpoints import FailpointHit
from svc_kit.transaction import Database

pytestmark = pytest.mark.anyio


@pytest.fixture
async def db(database_of: Callable[[str], Any]) -> AsyncIterator[Database]:
    clock, urls = SystemClock(), database_of("inventory_svc")
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as opened:
        yield opened


async def say(db: Database, told: list[str]) -> None:
    async with db.transaction() as tx:
        tx.emit(StockReleased(order_id="ord_1"), seq=1)
        tx.after_commit(lambda: told.append("committed"))


async def sent(db: Database) -> int:
    async with db.read() as con:
        return int(await con.fetchval("SELECT count(*) FROM outbox"))


async def test_a_transaction_that_fails_at_its_commit_says_nothing_to_anybody(db: Database) -> None:
    told: list[str] = []
    failpoints.configure("transaction.before_commit=raise")
    try:
        with pytest.raises(FailpointHit):
            await say(db, told)
    finally:
        failpoints.configure("")

    assert (await sent(db), told, db.wake.is_set()) == (0, [], False)


async def test_whoever_waits_hears_of_a_commit_and_of_its_events(db: Database) -> None:
    told: list[str] = []

    await say(db, told)

    assert (await sent(db), told, db.wake.is_set(), db.announce.is_set()) == (1, ["committed"], True, True)


@pytest.mark.parametrize(("by_range", "mode"), [(False, "force_generic_plan"), (True, "auto")])
async def test_what_goes_by_keys_is_planned_once_and_what_goes_by_spans_each_time(
    db: Database, by_range: bool, mode: str
) -> None:
    async with db.transaction(by_range=by_range) as tx:
        within = await tx.con.fetchval("SHOW plan_cache_mode")
        async with tx.attempt():
            nested = await tx.con.fetchval("SHOW plan_cache_mode")
    async with db.read() as con:
        after = await con.fetchval("SHOW plan_cache_mode")

    assert (within, nested, after) == (mode, mode, "auto")
