"""The transactional door: what a refused command did is taken back, and its answer stays under its key."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from svc_contracts.events.stock import StockReleased
from svc_kit.access import scope
from svc_kit.assembly import Runtime, Service
from svc_kit.doors import Router, Write
from svc_kit.refusals import IllegalTransition
from svc_kit.settings import KitSettings
from svc_kit.testing import client_of, outbox_of, runtime_of

pytestmark = pytest.mark.anyio
router = Router(tags=["test"])
WAKES: list[str] = []


@router.post("/v1/admin/releases/{order_id}", status_code=201, dependencies=[scope("stock:write")])
async def release(order_id: str, tx: Write) -> dict[str, str]:
    tx.emit(StockReleased(order_id=order_id), seq=1)
    tx.after_commit(lambda: WAKES.append(order_id))
    if order_id == "ord_refused":
        raise IllegalTransition(state="released", possible=[])
    return {"id": order_id}


TROUBLES = {
    "disk_full": asyncpg.DiskFullError("could not extend file"),
    "too_many": asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    "shut_down": asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    "confused": asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    "starting": asyncpg.CannotConnectNowError("the database system is starting up"),
}


@router.post("/v1/admin/troubles/{name}", status_code=201, dependencies=[scope("stock:write")])
async def trouble(name: str, tx: Write) -> dict[str, str]:
    tx.emit(StockReleased(order_id=name), seq=1)
    raise TROUBLES[name]


@pytest.fixture
async def runtime(database_of: Callable[[str], Any]) -> AsyncIterator[Runtime]:
    WAKES.clear()
    service = Service(name="inventory-svc", settings=KitSettings, routers=(router,))
    async with runtime_of(service, database_of("inventory_svc")) as opened:
        yield opened


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k-1"}])
async def test_a_refused_command_says_nothing_with_a_key_and_without(runtime: Runtime, headers: dict[str, str]) -> None:
    async with client_of(runtime).as_() as staff:
        answers = [await staff.post("/v1/admin/releases/ord_refused", headers=headers) for _ in range(2)]

    assert [(one.status_code, one.json()["state"]) for one in answers] == [(409, "released")] * 2
    assert [one.headers.get("Idempotent-Replayed") for one in answers] == [None, "true" if headers else None]
    assert (await outbox_of(runtime), WAKES) == ([], [])


async def test_a_repeated_key_answers_the_same_and_says_it_once(runtime: Runtime) -> None:
    async with client_of(runtime).as_() as staff:
        answers = [await staff.post("/v1/admin/releases/ord_1", headers={"Idempotency-Key": "k-1"}) for _ in range(3)]

    assert [(one.status_code, one.json()) for one in answers] == [(201, {"id": "ord_1"})] * 3
    assert ([event.key for event in await outbox_of(runtime)], WAKES) == (["ord_1"], ["ord_1"])


@pytest.mark.parametrize(
    ("name", "status", "slug"),
    [
        ("disk_full", 507, "storage-full"),
        ("too_many", 503, "overloaded"),
        ("shut_down", 503, "overloaded"),
        ("starting", 503, "overloaded"),
        ("confused", 503, "overloaded"),
    ],
)
async def test_the_database_s_own_trouble_is_told_as_a_problem_that_passes(
    runtime: Runtime, name: str, status: int, slug: str
) -> None:
    async with client_of(runtime).as_() as staff:
        answer = await staff.post(f"/v1/admin/troubles/{name}", headers={"Idempotency-Key": "k-1"})

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert await outbox_of(runtime) == []
