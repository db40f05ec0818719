"""What a provider tells by itself: signed, stored before it is answered, once, in either order with our own asking."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from order_svc.orders.rules.states import Status
from svc_kit.testing import client_of
from svc_local.sandbox import signature
from svc_local.testing import eventually

pytestmark = pytest.mark.anyio
TOTAL = 12_900
PATH = "/v1/callbacks/sandbox"
SECRET = "test secret of the sandbox"


def told(order_id: str, **changes: Any) -> dict[str, Any]:
    given = {
        "id": f"evt_{order_id}",
        "key": f"{order_id}-1",
        "order_id": order_id,
        "kind": "charge",
        "state": "succeeded",
        "amount_minor": TOTAL,
        "currency": "CNY",
        "provider_ref": f"sbx_{order_id}",
    }
    return {**given, **changes}


async def call_back(money: Any, body: Any, *, secret: str = SECRET, **headers: str) -> httpx.Response:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    signed = signature(secret, raw, int(money.clock.now().timestamp()))
    answer: httpx.Response = await money.gateway.client.post(
        PATH, content=raw, headers={"X-Signature": signed, "Content-Type": "application/json", **headers}
    )
    return answer


async def begun(money: Any, **changes: Any) -> str:
    """An order with an attempt that nobody has called the provider for yet."""
    order_id: str = await money.order(**changes)
    answer = await pay_without_waiting(money, order_id)
    assert answer.json()["state"] == "requested"
    return order_id


async def pay_without_waiting(money: Any, order_id: str, **body: Any) -> httpx.Response:
    async with money.buyer() as buyer:
        answer: httpx.Response = await buyer.post(
            f"/v1/store/demo/orders/{order_id}/payments",
            json={"method": "sandbox", **body},
            headers={"Idempotency-Key": f"key-{order_id}", "Prefer": "wait=0"},
        )
    return answer


async def test_a_callback_before_our_own_call_pays_and_the_call_is_never_made(idle: Any) -> None:
    order_id = await begun(idle)

    answer = await call_back(idle, told(order_id))

    assert (answer.status_code, answer.json()) == (200, {"received": True, "fresh": True})
    assert await idle.status(order_id) == ("confirmed", "paid")
    await idle.fold()
    assert await idle.provider(f"/charges/{order_id}-1") is None
    assert await idle.moved(order_id) == [("charge", "request", TOTAL), ("charge", "success", TOTAL)]


async def test_a_callback_after_our_own_call_changes_nothing(idle: Any) -> None:
    order_id = await begun(idle)
    idle.gateway.closed = True
    await idle.fold()
    before = await idle.seen(order_id)
    charge = await idle.provider(f"/charges/{order_id}-1")

    answer = await call_back(idle, told(order_id, provider_ref=charge["provider_ref"]))

    assert (answer.status_code, answer.json()["fresh"]) == (200, True)
    assert await idle.seen(order_id) == before
    assert len(await idle.moved(order_id)) == 2


async def test_of_thirty_equal_callbacks_at_the_same_time_one_counts(idle: Any) -> None:
    order_id = await begun(idle)

    answers = await asyncio.gather(*(call_back(idle, told(order_id)) for _ in range(30)))

    assert [answer.status_code for answer in answers] == [200] * 30
    assert sum(answer.json()["fresh"] for answer in answers) == 1
    assert (await idle.seen(order_id)).charged_minor == TOTAL
    assert await idle.types(order_id) == ["payment.recorded", "payment.recorded", "order.paid", "order.confirmed"]


async def test_callbacks_and_answers_of_the_same_charge_race_and_it_is_counted_once(idle: Any) -> None:
    idle.patient()
    orders = [await begun(idle) for _ in range(8)]
    idle.gateway.closed = True

    async def race(order_id: str) -> None:
        async def charged() -> Any:
            return await idle.provider(f"/charges/{order_id}-1") or False

        charge = await eventually(charged, within_seconds=20, because="the provider was called")
        await call_back(idle, told(order_id, provider_ref=charge["provider_ref"]))

    await asyncio.gather(idle.fold(), *(race(order_id) for order_id in orders))

    for order_id in orders:
        assert (await idle.seen(order_id)).charged_minor == TOTAL
        assert await idle.moved(order_id) == [("charge", "request", TOTAL), ("charge", "success", TOTAL)]


@pytest.mark.parametrize("late", ["failed", "succeeded"])
async def test_a_success_stands_and_a_failure_yields_to_money_that_came(idle: Any, late: str) -> None:
    order_id = await begun(idle)
    first = "failed" if late == "succeeded" else "succeeded"
    await call_back(idle, told(order_id, id="evt_1", state=first))

    await call_back(idle, told(order_id, id="evt_2", state=late))

    assert await idle.status(order_id) == ("confirmed", "paid")
    [attempt] = (await idle.payments(order_id)).attempts
    assert (attempt.state, attempt.charged_minor) == ("succeeded", TOTAL)


async def test_money_for_an_order_that_is_over_goes_back(idle: Any) -> None:
    for status in (Status.EXPIRED, Status.REJECTED, Status.CANCELLED):
        order_id = await begun(idle)
        await idle.step(order_id, lambda case, status=status: die(case, status))

        await call_back(idle, told(order_id))
        assert (await idle.seen(order_id)).refunding_minor == TOTAL
        await idle.fold()

        assert await idle.status(order_id) == (status.value, "refunded")
        [back] = (await idle.payments(order_id)).refunds
        assert (await idle.provider(f"/refunds/{back.id}-1"))["state"] == "succeeded"


async def test_more_than_was_owed_pays_the_order_and_shows_as_overpaid(idle: Any) -> None:
    order_id = await begun(idle)

    await call_back(idle, told(order_id, amount_minor=TOTAL + 100))

    assert await idle.status(order_id) == ("confirmed", "overpaid")
    assert (await idle.seen(order_id)).charged_minor == TOTAL + 100


async def test_money_of_another_currency_is_not_taken_for_ours(idle: Any) -> None:
    order_id = await begun(idle)

    answer = await call_back(idle, told(order_id, currency="USD"))

    assert (answer.status_code, answer.json()["fresh"]) == (200, True)
    [attempt] = (await idle.payments(order_id)).attempts
    assert (attempt.state, await idle.status(order_id)) == ("unknown", ("awaiting_payment", "none"))


def die(case: Any, status: Status) -> None:
    case.order.status, case.order.open_attempt = status, None
    case.note("over")


async def test_money_that_came_for_nothing_we_know_is_kept_for_somebody_to_look(idle: Any) -> None:
    answer = await call_back(idle, told("ord_unknown"))

    assert (answer.status_code, answer.json()["fresh"]) == (200, True)
    async with idle.runtime.db.read() as con:
        rows = await con.fetch("SELECT key, amount_minor FROM payment_callback WHERE order_id IS NULL")
    assert [tuple(row) for row in rows] == [("ord_unknown-1", TOTAL)]
    assert await idle.said("ord_unknown") == []


async def nothing_kept(money: Any, order_id: str) -> None:
    async with money.runtime.db.read() as con:
        assert await con.fetchval("SELECT count(*) FROM payment_callback") == 0
    assert await money.status(order_id) == ("awaiting_payment", "none")
    assert await money.types(order_id) == ["payment.recorded"]


async def test_a_key_of_another_order_is_not_believed(idle: Any) -> None:
    order_id, other = await begun(idle), await idle.order()

    answer = await call_back(idle, told(order_id) | {"order_id": other})

    assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, ["/order_id"])
    await nothing_kept(idle, order_id)


async def test_what_is_not_signed_by_the_provider_changes_nothing(idle: Any) -> None:
    order_id = await begun(idle)
    raw = orjson.dumps(told(order_id))
    now = int(idle.clock.now().timestamp())
    forged = [
        (raw, {"X-Signature": signature("another", raw, now)}),
        (raw, {}),
        (raw, {"X-Signature": "t=1,v1=zz"}),
        (raw, {"X-Signature": signature(SECRET, raw, now - 302)}),
        (raw.replace(b"12900", b"99999"), {"X-Signature": signature(SECRET, raw, now)}),
    ]

    for body, headers in forged:
        answer = await idle.gateway.client.post(PATH, content=body, headers=headers)
        assert (answer.status_code, answer.json().get("type")) == (401, "/problems/bad-signature"), headers
    await nothing_kept(idle, order_id)


async def test_a_signed_body_that_is_no_callback_is_refused_with_every_fault(idle: Any) -> None:
    order_id = await begun(idle)

    no_json = await call_back(idle, b"{")
    several = await call_back(idle, told(order_id, amount_minor=-1, state="maybe", currency="yuan", key=""))

    assert (no_json.status_code, no_json.json()["type"]) == (400, "/problems/malformed-request")
    assert several.status_code == 422
    assert sorted(one["pointer"] for one in several.json()["errors"]) == [
        "/amount_minor",
        "/currency",
        "/key",
        "/state",
    ]
    await nothing_kept(idle, order_id)


async def test_only_the_gateway_may_bring_callbacks(idle: Any) -> None:
    order_id = await begun(idle)
    raw = orjson.dumps(told(order_id))
    headers = {"X-Signature": signature(SECRET, raw, int(idle.clock.now().timestamp()))}

    async with client_of(idle.runtime).as_() as staff:
        answer = await staff.post(PATH, content=raw, headers=headers)

    assert (answer.status_code, answer.json()["scope"]) == (403, "internal:callbacks")
    await nothing_kept(idle, order_id)


async def test_a_callback_that_was_not_stored_is_brought_again(money: Any) -> None:
    money.gateway.closed = True
    order_id = await money.order()
    await money.pay(order_id)
    assert money.gateway.passed == []

    money.gateway.closed = False

    await eventually(lambda: len(money.gateway.passed) == 1, within_seconds=5, because="the provider tries again")
    assert money.gateway.passed == [(200, {"received": True, "fresh": True})]
    assert (await money.seen(order_id)).charged_minor == TOTAL
