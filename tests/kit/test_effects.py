"""Calls to the outside: side by side, folded once, called again where a process died or was too slow."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from svc_contracts.ids import Ids
from svc_kit import effects, failpoints
from svc_kit.clock import FixedClock
from svc_kit.effects import Effect, EffectCall, EffectRunner, Outcome, Wanted
from svc_kit.transaction import Database, Tx
from svc_local.testing import eventually

pytestmark = pytest.mark.anyio
LEASE_SECONDS = 30.0


class Outside:
    """Something that is called, and what was folded of it."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.folded: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.refused: set[str] = set()

    async def read(self, _: Any, calls: Sequence[EffectCall]) -> dict[str, str]:
        return {call.id: f"about {call.aggregate_id}" for call in calls}

    async def call(self, _: Any, call: EffectCall) -> dict[str, Any]:
        assert call.known == f"about {call.aggregate_id}"
        self.called.append(call.aggregate_id)
        if gate := self.gates.get(call.aggregate_id):
            await gate.wait()
        return {"said": "yes"}

    async def fold(self, tx: Tx, outcomes: Sequence[Outcome]) -> list[datetime | None]:
        assert [one.error for one in outcomes] == [None] * len(outcomes)
        about = [one.call.aggregate_id for one in outcomes]
        if self.refused.intersection(about):
            raise ValueError("a test says so")
        tx.after_commit(lambda: self.folded.extend(about))
        return [None] * len(outcomes)


@pytest.fixture
async def db(database_of: Callable[[str], Any]) -> AsyncIterator[Database]:
    clock = FixedClock()
    urls = database_of("inventory_svc")
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as pool:
        yield pool


def runner_of(db: Database, outside: Outside) -> EffectRunner:
    effect = Effect("parcel", outside.read, outside.call, outside.fold, lease_seconds=LEASE_SECONDS)
    return EffectRunner([effect], SimpleNamespace(db=db))


async def ask(db: Database, *about: str) -> None:
    async with db.transaction() as tx:
        await effects.request(tx, [Wanted("parcel", one, {}) for one in about])


@asynccontextmanager
async def running(runner: EffectRunner) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(runner.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def waiting(db: Database) -> int:
    async with db.read() as con:
        found: int = await con.fetchval("SELECT count(*) FROM effect WHERE state = 'waiting'")
    return found


async def test_a_slow_call_holds_up_nobody_else(db: Database) -> None:
    outside = Outside()
    outside.gates["slow"] = asyncio.Event()

    async with running(runner_of(db, outside)):
        await ask(db, "slow")
        await eventually(lambda: outside.called == ["slow"], within_seconds=3, because="it is called")
        await ask(db, *(f"quick-{n}" for n in range(60)))
        await eventually(lambda: len(outside.folded) == 60, within_seconds=5, because="sixty others are done meanwhile")
        assert "slow" not in outside.folded
        outside.gates["slow"].set()
        await eventually(lambda: "slow" in outside.folded, within_seconds=3, because="the slow one ends too")

    assert len(outside.called) == len(outside.folded) == 61
    assert await waiting(db) == 0


async def test_a_process_that_dies_between_call_and_fold_is_followed_by_another_call(db: Database) -> None:
    outside = Outside()
    runner = runner_of(db, outside)
    await ask(db, "a")
    failpoints.configure("effect.after_call=raise")
    try:
        assert await runner.run_due() == 1
    finally:
        failpoints.configure("")

    assert (outside.called, outside.folded) == (["a"], [])
    assert await runner.run_due() == 0, "its lease still runs"
    db.clock.advance(LEASE_SECONDS + 1)  # type: ignore[attr-defined]
    assert await runner.run_due() == 1

    assert (outside.called, outside.folded) == (["a", "a"], ["a"])
    assert await waiting(db) == 0


async def test_whoever_lost_the_lease_folds_nothing(db: Database) -> None:
    slow, quick = Outside(), Outside()
    slow.gates["a"] = asyncio.Event()
    await ask(db, "a")
    late = asyncio.create_task(runner_of(db, slow).run_due())
    await eventually(lambda: slow.called == ["a"], within_seconds=3, because="the first process calls")

    db.clock.advance(LEASE_SECONDS + 1)  # type: ignore[attr-defined]
    assert await runner_of(db, quick).run_due() == 1
    slow.gates["a"].set()
    await late

    assert (slow.folded, quick.folded) == ([], ["a"])


async def test_what_cannot_be_folded_holds_up_nobody_of_its_round(db: Database) -> None:
    outside = Outside()
    outside.refused = {"c"}
    runner = runner_of(db, outside)
    await ask(db, *"abcde")

    assert await runner.run_due() == 5

    assert sorted(outside.folded) == ["a", "b", "d", "e"]
    assert await waiting(db) == 1
    outside.refused.clear()
    db.clock.advance(LEASE_SECONDS + 1)  # type: ignore[attr-defined]
    assert await runner.run_due() == 1
    assert (outside.called.count("c"), outside.folded.count("c")) == (2, 1)
