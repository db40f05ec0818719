"""Paying at the real sandbox provider: every way it can behave, and every way a buyer can ask."""

import asyncio
import secrets
from typing import Any

import pytest

from order_svc.orders.commands.placing import person_of_guest
from order_svc.orders.rules import saga
from order_svc.orders.rules.states import Status
from order_svc.payments.access import order_token
from svc_kit.access import visitor_key
from svc_kit.testing import client_of
from svc_local.testing import eventually

pytestmark = pytest.mark.anyio
TOTAL = 12_900
BASE = "/v1/store/demo/orders"


def money_of(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": "CNY"}


async def test_a_buyer_pays_and_reads_at_once_that_it_succeeded(money: Any) -> None:
    order_id = await money.order()

    answer = await money.pay(order_id)

    assert answer.status_code == 201, answer.text
    paid = answer.json()
    assert (paid["n"], paid["state"], paid["method"], paid["next"]) == (1, "succeeded", "sandbox", None)
    assert (paid["amount"], paid["charged"]) == (money_of(TOTAL), money_of(TOTAL))
    assert answer.headers["Location"] == f"{BASE}/{order_id}/payments/{paid['attempt_id']}"
    assert await money.status(order_id) == ("confirmed", "paid")
    assert await money.moved(order_id) == [("charge", "request", TOTAL), ("charge", "success", TOTAL)]
    assert await money.types(order_id) == ["payment.recorded", "payment.recorded", "order.paid", "order.confirmed"]
    async with money.buyer() as buyer:
        assert (await buyer.get(answer.headers["Location"])).json() == paid


async def test_the_events_of_a_payment_say_how_much_and_by_whom(money: Any) -> None:
    order_id = await money.order()
    await money.pay(order_id)

    request, success, paid, _ = await money.said(order_id)

    assert (request.data["phase"], success.data["phase"]) == ("request", "success")
    assert success.data == {
        "order_id": order_id,
        "attempt": 1,
        "kind": "charge",
        "phase": "success",
        "provider": "sandbox",
        "amount_minor": TOTAL,
        "currency": "CNY",
        "at": success.data["at"],
    }
    assert (paid.data["paid_minor"], paid.data["currency"], paid.data["method"]) == (TOTAL, "CNY", "sandbox")


async def test_a_declined_payment_leaves_the_order_waiting_and_another_try_pays_it(money: Any) -> None:
    order_id = await money.order()

    declined = (await money.pay(order_id, sandbox_outcome="fail")).json()

    assert (declined["n"], declined["state"], declined["reason"], declined["charged"]) == (
        1,
        "failed",
        "declined",
        None,
    )
    assert await money.status(order_id) == ("awaiting_payment", "none")
    again = (await money.pay(order_id)).json()
    assert (again["n"], again["state"]) == (2, "succeeded")
    assert await money.status(order_id) == ("confirmed", "paid")
    assert await money.moved(order_id) == [
        ("charge", "request", TOTAL),
        ("charge", "failure", TOTAL),
        ("charge", "request", TOTAL),
        ("charge", "success", TOTAL),
    ]


TIME_OUTS = {
    "timeout_then_succeed": ("succeeded", ("confirmed", "paid")),
    "timeout_then_fail": ("failed", ("awaiting_payment", "none")),
}


async def test_a_time_out_is_unknown_until_the_provider_says_more(money: Any) -> None:
    orders = {outcome: await money.order() for outcome in TIME_OUTS}

    asked = await asyncio.gather(*(money.pay(one, sandbox_outcome=outcome) for outcome, one in orders.items()))

    assert {answer.json()["state"] for answer in asked} <= {"requested", "unknown"}

    async def ended() -> None:
        for outcome, order_id in orders.items():
            [attempt] = (await money.payments(order_id)).attempts
            assert attempt.state == TIME_OUTS[outcome][0]

    await eventually(ended, within_seconds=10, because="the provider is asked, or calls back")
    for outcome, order_id in orders.items():
        assert await money.status(order_id) == TIME_OUTS[outcome][1]
        assert len([row for row in await money.moved(order_id) if row[1] != "request"]) == 1


async def test_without_any_callback_asking_alone_finds_the_outcome(idle: Any) -> None:
    idle.gateway.closed = True
    orders = {outcome: await idle.order() for outcome in TIME_OUTS}
    for outcome, order_id in orders.items():
        assert (await idle.pay(order_id, wait=0, sandbox_outcome=outcome)).json()["state"] == "requested"

    async def states() -> list[str]:
        found = [(await idle.payments(order_id)).attempts[0] for order_id in orders.values()]
        return [one.state.value for one in found]

    async def known() -> bool:
        views = [await idle.provider(f"/charges/{order_id}-1") for order_id in orders.values()]
        return all(view["state"] != "pending" for view in views)

    assert await idle.runner.run_due() == 2
    assert await states() == ["unknown", "unknown"]
    assert {(await idle.seen(order_id)).open_attempt for order_id in orders.values()} == {1}
    assert not await known()
    idle.clock.advance(2)
    assert await idle.runner.run_due() == 2
    assert await states() == ["unknown", "unknown"], "the provider does not know itself yet"
    await eventually(known, within_seconds=5, because="the provider makes up its mind")
    idle.clock.advance(3)
    assert await idle.runner.run_due() == 2

    assert await states() == ["succeeded", "failed"]
    assert {(await idle.seen(order_id)).open_attempt for order_id in orders.values()} == {None}


async def test_a_wrong_amount_is_kept_and_the_rest_is_paid_by_another_attempt(money: Any) -> None:
    order_id = await money.order()

    paid = (await money.pay(order_id, sandbox_outcome="wrong_amount")).json()

    assert (paid["state"], paid["charged"]) == ("succeeded", money_of(TOTAL - 1))
    assert await money.status(order_id) == ("awaiting_payment", "partially_paid")
    rest = (await money.pay(order_id)).json()
    assert (rest["n"], rest["state"], rest["amount"]) == (2, "succeeded", money_of(1))
    assert await money.status(order_id) == ("confirmed", "paid")
    assert [amount for _, phase, amount in await money.moved(order_id) if phase == "success"] == [TOTAL - 1, 1]


async def test_a_wrong_amount_goes_back_when_the_order_expires(money: Any) -> None:
    order_id = await money.order()
    await money.pay(order_id, sandbox_outcome="wrong_amount")

    await money.step(order_id, expire_now)

    async def back() -> None:
        assert await money.status(order_id) == ("expired", "refunded")

    await eventually(back, within_seconds=5, because="the money goes back")
    assert [row for row in await money.moved(order_id) if row[0] == "refund"] == [
        ("refund", "request", TOTAL - 1),
        ("refund", "success", TOTAL - 1),
    ]


def expire_now(case: Any) -> None:
    case.now = case.order.expires_at
    saga.expire(case)


async def test_a_provider_that_calls_back_twice_is_counted_once(money: Any) -> None:
    order_id = await money.order()

    paid = (await money.pay(order_id, sandbox_outcome="callback_twice")).json()

    assert paid["state"] == "succeeded"
    await eventually(lambda: len(money.gateway.passed) == 2, within_seconds=5, because="it calls back twice")
    assert sorted(body["fresh"] for _, body in money.gateway.passed) == [False, True]
    assert [status for status, _ in money.gateway.passed] == [200, 200]
    assert await money.moved(order_id) == [("charge", "request", TOTAL), ("charge", "success", TOTAL)]
    assert (await money.seen(order_id)).charged_minor == TOTAL


async def test_a_second_attempt_waits_for_the_first(idle: Any) -> None:
    order_id = await idle.order()
    first = asyncio.create_task(idle.pay(order_id))

    async def begun() -> None:
        assert (await idle.seen(order_id)).open_attempt == 1

    await eventually(begun, within_seconds=3, because="the first is written")
    second = await idle.pay(order_id)

    assert second.status_code == 409
    [attempt] = (await idle.payments(order_id)).attempts
    problem = second.json()
    assert (problem["type"], problem["attempt_id"], problem["n"], problem["state"]) == (
        "/problems/attempt-open",
        attempt.id,
        1,
        "requested",
    )
    assert await idle.moved(order_id) == [("charge", "request", TOTAL)]
    await idle.fold()
    assert (await first).json()["state"] == "succeeded"


async def test_of_twenty_who_press_pay_at_once_one_attempt_is_made(money: Any) -> None:
    order_id = await money.order()

    answers = await asyncio.gather(*(money.pay(order_id) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    refused = {answer.json()["type"] for answer in answers if answer.status_code == 409}
    assert refused <= {"/problems/attempt-open", "/problems/illegal-transition"}
    assert len((await money.payments(order_id)).attempts) == 1
    assert (await money.seen(order_id)).charged_minor == TOTAL


async def test_the_same_key_answers_with_the_attempt_as_it_is_now(idle: Any) -> None:
    order_id = await idle.order()
    key = secrets.token_hex(16)
    first = asyncio.create_task(idle.pay(order_id, key=key))

    async def begun() -> None:
        assert (await idle.seen(order_id)).open_attempt == 1

    await eventually(begun, within_seconds=3, because="the first is written")
    await idle.fold()
    one, two = await first, await idle.pay(order_id, key=key)

    assert (one.status_code, two.status_code) == (201, 201)
    assert one.json() == two.json()
    assert two.json()["state"] == "succeeded"
    assert ("Idempotent-Replayed" in one.headers, two.headers["Idempotent-Replayed"]) == (False, "true")
    other = await idle.pay(order_id, key=key, sandbox_outcome="fail")
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert len((await idle.payments(order_id)).attempts) == 1


async def test_whoever_does_not_want_to_wait_reads_requested(idle: Any) -> None:
    answer = await idle.pay(await idle.order(), wait=0)

    assert (answer.status_code, answer.json()["state"]) == (201, "requested")


async def test_only_an_order_that_waits_for_money_can_be_paid(idle: Any) -> None:
    others = {"placed": ["cancel"], "expired": [], "rejected": [], "confirmed": ["cancel"], "cancelled": []}
    for status, possible in others.items():
        order_id = await idle.order(status=Status(status))

        answer = await idle.pay(order_id)

        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (409, "/problems/illegal-transition"), status
        assert (problem["state"], problem["possible"]) == (status, possible)
        assert await idle.moved(order_id) == []
        assert await idle.said(order_id) == []
    assert await idle.runner.run_due() == 0


async def test_foreign_orders_are_not_there(idle: Any) -> None:
    order_id = await idle.order()
    guests = await idle.order(person_id="per_guest", visitor_id="vis_other")
    headers = {"Idempotency-Key": secrets.token_hex(16)}

    async with idle.buyer("per_2") as stranger:
        for path in (
            f"{BASE}/{order_id}",
            f"{BASE}/{guests}",
            f"{BASE}/ord_none",
            f"/v1/store/other/orders/{order_id}",
        ):
            answer = await stranger.post(f"{path}/payments", json={"method": "sandbox"}, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found"), path
    async with idle.buyer() as buyer:
        answer = await buyer.post(
            f"/v1/store/other/orders/{order_id}/payments", json={"method": "sandbox"}, headers=headers
        )
        assert answer.status_code == 404, "an order is there in its own shop alone"
    assert await idle.moved(order_id) == await idle.moved(guests) == []


VISITOR = "v" * 22


async def test_a_guest_pays_by_visitor_id_or_by_order_token(idle: Any) -> None:
    guest = visitor_key(VISITOR)
    given = {"person_id": person_of_guest(guest), "visitor_id": guest}
    one, two = await idle.order(**given), await idle.order(**given)
    members = await idle.order(person_id="per_1", visitor_id=guest)
    token = order_token(idle.runtime.settings.token_key, two)

    async def pay(client: Any, order_id: str, **headers: str) -> Any:
        own = {"Prefer": "wait=0", "Idempotency-Key": secrets.token_hex(16), **headers}
        return await client.post(f"{BASE}/{order_id}/payments", json={"method": "sandbox"}, headers=own)

    async with client_of(idle.runtime).as_("visitor", id="anonymous", scopes=("store",), visitor_id=VISITOR) as browser:
        assert (await pay(browser, one)).status_code == 201
        assert (await pay(browser, members)).status_code == 404, "what was bought signed in is the member's alone"
    async with client_of(idle.runtime).as_("visitor", id="anonymous", scopes=("store",)) as nobody:
        unknown = await pay(nobody, two)
        assert (unknown.status_code, [one["code"] for one in unknown.json()["errors"]]) == (400, ["visitor-id-missing"])
        assert (await pay(nobody, one, **{"X-Order-Token": token})).status_code == 400, "another order's token"
        assert (await pay(nobody, two, **{"X-Order-Token": token})).status_code == 201
    assert [len((await idle.payments(order_id)).attempts) for order_id in (one, two, members)] == [1, 1, 0]


async def test_every_fault_of_a_payment_is_said_at_once(idle: Any) -> None:
    order_id = await idle.order()

    several = await idle.pay(order_id, method="bank_transfer", sandbox_outcome="succeed", tip=1)
    unknown = await idle.pay(order_id, method="barter", sandbox_outcome="maybe")
    both = await idle.pay(order_id, method="bank_transfer", sandbox_outcome="succeed")

    assert (several.status_code, [one["pointer"] for one in several.json()["errors"]]) == (422, ["/tip"])
    assert [one["pointer"] for one in unknown.json()["errors"]] == ["/method", "/sandbox_outcome"]
    assert [one["pointer"] for one in both.json()["errors"]] == ["/sandbox_outcome"]
    assert await idle.moved(order_id) == []


async def test_without_a_key_nobody_pays(idle: Any) -> None:
    order_id = await idle.order()

    async with idle.buyer() as buyer:
        answer = await buyer.post(f"{BASE}/{order_id}/payments", json={"method": "sandbox"})

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/idempotency-key-missing")
    assert await idle.moved(order_id) == []


async def test_sixty_buyers_pay_at_the_same_time(money: Any) -> None:
    money.patient()
    orders = [await money.order() for _ in range(60)]

    answers = await asyncio.gather(*(money.pay(order_id) for order_id in orders))

    assert {answer.status_code for answer in answers} == {201}

    async def all_paid() -> None:
        assert {await money.status(order_id) for order_id in orders} == {("confirmed", "paid")}

    await eventually(all_paid, within_seconds=20, because="each of them is charged")
    assert {(await money.seen(order_id)).charged_minor for order_id in orders} == {TOTAL}


async def test_a_method_that_the_shop_does_not_take_is_refused_with_those_it_takes(alone: Any) -> None:
    order_id = await alone.order()

    # Here no provider is set up, whatever the shop says.
    answer = await alone.pay(order_id)

    [fault] = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"], fault["code"]) == (422, "/method", "method-not-offered")
    assert fault["offered"] == ["bank_transfer"]
    assert await alone.moved(order_id) == []
