"""Rooms: woken by this process's commits, else found; seldom, until another process was seen to decide."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from order_svc.waiting import OFTEN, SELDOM, Room, Rooms
from svc_contracts.ids import Ids
from svc_kit.clock import SystemClock
from svc_kit.transaction import Database
from svc_local.testing import eventually

pytestmark = pytest.mark.anyio


class Elsewhere:
    """What other processes have decided, and how often somebody asked."""

    def __init__(self) -> None:
        self.decided: dict[str, str] = {}
        self.asked: list[list[str]] = []

    async def __call__(self, _: Any, names: Sequence[str]) -> dict[str, str]:
        self.asked.append(list(names))
        return {name: self.decided[name] for name in names if name in self.decided}


@pytest.fixture
async def db(database_of: Callable[[str], Any]) -> AsyncIterator[Database]:
    clock = SystemClock()
    urls = database_of("order_svc")
    async with Database.open(urls.app, source="order-svc", clock=clock, ids=Ids(now=clock.now)) as opened:
        yield opened


async def test_a_commit_of_this_process_brings_the_outcome_and_nobody_asks(db: Database) -> None:
    elsewhere = Elsewhere()
    room: Room[str] = Rooms(elsewhere).of(db)

    with room.entered(db, "ord_1") as one, room.entered(db, "ord_1") as two:
        room.wake({"ord_1": "paid", "ord_2": "nobody waits for it"})
        assert [await one.within(5), await two.within(5)] == ["paid", "paid"]

    assert (elsewhere.asked, room.waiters) == ([], {})


async def test_another_process_s_decision_is_found_and_then_looked_for_often(db: Database) -> None:
    elsewhere = Elsewhere()
    room: Room[str] = Rooms(elsewhere).of(db)
    elsewhere.decided = {"ord_1": "paid"}

    with room.entered(db, "ord_1") as waiter, room.entered(db, "ord_2"):
        assert await waiter.within(10) == "paid"
        assert elsewhere.asked[0] == ["ord_1", "ord_2"]
        # Who has its answer is asked about no more.
        await eventually(lambda: elsewhere.asked[-1] == ["ord_2"], within_seconds=10, because="one still waits")

    assert room.often_until > db.clock.monotonic()
    assert (OFTEN.after_seconds, OFTEN.every_seconds) < (SELDOM.after_seconds, SELDOM.every_seconds)


async def test_what_our_own_commit_is_just_waking_is_not_another_process_s(db: Database) -> None:
    class OurOwn(Elsewhere):
        async def __call__(self, con: Any, names: Sequence[str]) -> dict[str, str]:
            asyncio.get_running_loop().call_soon(room.wake, {"ord_1": "paid"})
            return await super().__call__(con, names)

    elsewhere = OurOwn()
    elsewhere.decided = {"ord_1": "paid"}
    room: Room[str] = Rooms(elsewhere).of(db)

    with room.entered(db, "ord_1") as waiter:
        assert await waiter.within(10) == "paid"
        await eventually(lambda: room.looking is not None and len(elsewhere.asked) == 1, within_seconds=5, because="")
    await eventually(lambda: room.looking is None or room.looking.done(), within_seconds=5, because="nobody waits")

    assert room.often_until == 0.0


async def test_who_waits_in_vain_gets_nothing(db: Database) -> None:
    room: Room[str] = Rooms(Elsewhere()).of(db)
    with room.entered(db, "ord_1") as waiter:
        assert await waiter.within(0.05) is None
    assert room.waiters == {}
