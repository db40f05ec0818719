"""The batched door: many in one transaction, and each with its own outcome."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from svc_contracts.events.stock import StockReleased
from svc_contracts.ids import Ids
from svc_kit.batches import Batch, Batched
from svc_kit.clock import SystemClock
from svc_kit.idempotency import Key, Replay
from svc_kit.refusals import IllegalTransition, Refusal, RequestInProgress
from svc_kit.transaction import Database, Tx

pytestmark = pytest.mark.anyio
PATIENCE_SECONDS = 1


@pytest.fixture
async def db(database_of: Callable[[str], Any]) -> AsyncIterator[Database]:
    clock, urls = SystemClock(), database_of("inventory_svc")
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as opened:
        yield opened


async def release(tx: Tx, order_ids: Sequence[str]) -> list[str | Refusal]:
    if "ord_broken" in order_ids:
        raise ZeroDivisionError
    outcomes: list[str | Refusal] = []
    for order_id in order_ids:
        if order_id == "ord_refused":
            outcomes.append(IllegalTransition(state="released", possible=[]))
        else:
            tx.emit(StockReleased(order_id=order_id), seq=1)
            outcomes.append(order_id)
    return outcomes


RELEASE = Batched(name="release", command=release, resource_id=lambda order_id: order_id)


async def answers_of(db: Database, asked: Sequence[tuple[str, Key | None]]) -> list[Any]:
    """All of them in one queue before the writer begins, so in one transaction."""
    batch, stop = Batch(RELEASE, db), asyncio.Event()
    waiting = [asyncio.create_task(batch.submit(item, key=key)) for item, key in asked]
    await asyncio.sleep(0)
    stop.set()
    await batch.run(stop)
    _, unanswered = await asyncio.wait(waiting, timeout=PATIENCE_SECONDS)
    for task in unanswered:
        task.cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert not unanswered, f"{len(unanswered)} of {len(asked)} were never answered"
    return answers


async def released(db: Database) -> list[str]:
    async with db.read() as con:
        return [row["key"] for row in await con.fetch("SELECT key FROM outbox ORDER BY id")]


def key_of(name: str, fingerprint: bytes = b"body") -> Key:
    return Key("per_1", name, "POST /releases", fingerprint)


@pytest.mark.parametrize("place", [0, 3, 6])
async def test_an_item_that_breaks_fails_alone_and_all_others_are_done(db: Database, place: int) -> None:
    items = [f"ord_{n}" for n in range(6)]
    asked = [*items[:place], "ord_broken", *items[place:]]

    answers = await answers_of(db, [(item, None) for item in asked])

    assert isinstance(answers.pop(place), ZeroDivisionError)
    assert [answer.value for answer in answers] == items
    assert await released(db) == items


async def test_a_refused_item_rolls_nothing_back_and_stands_under_its_key(db: Database) -> None:
    [first, refused] = await answers_of(db, [("ord_1", key_of("k-1")), ("ord_refused", key_of("k-2"))])

    assert first.value == "ord_1"
    assert isinstance(refused, IllegalTransition)
    [again, refused_again] = await answers_of(db, [("ord_1", key_of("k-1")), ("ord_refused", key_of("k-2"))])
    assert (again.value, again.replayed_id) == (None, "ord_1")
    assert isinstance(refused_again, Replay)
    assert refused_again.stored.status == 409
    assert await released(db) == ["ord_1"]


async def test_a_key_twice_in_one_batch_is_worked_on_once(db: Database) -> None:
    [first, second] = await answers_of(db, [("ord_1", key_of("k-1")), ("ord_1", key_of("k-1"))])

    assert first.value == "ord_1"
    assert isinstance(second, RequestInProgress)
    assert await released(db) == ["ord_1"]
