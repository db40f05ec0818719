"""`Idempotency-Key` in the command's own transaction: one at a time, the same answer again, bound to its request."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from svc_contracts.ids import Ids
from svc_kit import idempotency
from svc_kit.clock import FixedClock
from svc_kit.idempotency import Key, Stored
from svc_kit.refusals import IdempotencyKeyReused, RequestInProgress
from svc_kit.transaction import Database

pytestmark = pytest.mark.anyio
ANSWER = Stored(201, {"location": "/things/1"}, b'{"id":1}')
HOUR_SECONDS = 3_600


def key(name: str = "k-1", *, principal: str = "per_1", fingerprint: bytes = b"body") -> Key:
    return Key(principal, name, "POST /things", fingerprint)


@pytest.fixture
async def db(database_of: Callable[[str], Any]) -> AsyncIterator[Database]:
    clock, urls = FixedClock(), database_of("inventory_svc")
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as opened:
        yield opened


async def claimed(db: Database, asked: Key) -> Stored | Exception | None:
    async with db.transaction() as tx:
        [verdict] = await idempotency.claim(tx, [asked])
        return verdict


async def answered(db: Database, asked: Key) -> None:
    async with db.transaction() as tx:
        assert await idempotency.claim(tx, [asked]) == [None]
        await idempotency.store(tx, [(asked, ANSWER)])


async def test_while_the_first_request_works_the_same_key_is_in_progress_and_others_are_free(db: Database) -> None:
    async with db.transaction() as tx:
        assert await idempotency.claim(tx, [key()]) == [None]

        assert isinstance(await claimed(db, key()), RequestInProgress)
        assert await claimed(db, key("k-2")) is None
        assert await claimed(db, key(principal="per_2")) is None

    assert await claimed(db, key()) is None


async def test_the_same_request_again_is_answered_with_what_was_stored(db: Database) -> None:
    await answered(db, key())

    assert await claimed(db, key()) == ANSWER
    assert await claimed(db, key(principal="per_2")) is None


async def test_another_request_under_the_same_key_is_refused(db: Database) -> None:
    await answered(db, key())

    assert isinstance(await claimed(db, key(fingerprint=b"another body")), IdempotencyKeyReused)
    assert await claimed(db, key()) == ANSWER


async def test_a_request_that_was_rolled_back_leaves_its_key_free(db: Database) -> None:
    async def broken() -> None:
        async with db.transaction() as tx:
            await idempotency.claim(tx, [key()])
            await idempotency.store(tx, [(key(), ANSWER)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()

    assert await claimed(db, key()) is None


async def test_a_key_is_kept_for_its_hours_and_then_free_for_another_request(db: Database) -> None:
    await answered(db, key())

    db.clock.advance(idempotency.KEPT_HOURS * HOUR_SECONDS - 1)  # type: ignore[attr-defined]
    assert await claimed(db, key()) == ANSWER
    db.clock.advance(1)  # type: ignore[attr-defined]
    assert await claimed(db, key(fingerprint=b"another body")) is None


@pytest.mark.parametrize(
    ("status", "stored"),
    [(200, True), (201, True), (404, True), (409, True), *((n, False) for n in (401, 403, 422, 429, 500, 503))],
)
def test_what_says_nothing_of_the_command_is_not_kept(status: int, stored: bool) -> None:
    assert idempotency.storable(status) is stored
