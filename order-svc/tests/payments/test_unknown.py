"""Nobody knows: processes die between call and fold, providers are away, and somebody has to look in the end."""

from datetime import timedelta
from typing import Any

import pytest

from order_svc.orders.rules import saga
from order_svc.orders.rules.states import Status
from svc_kit import failpoints
from svc_local.testing import eventually

pytestmark = pytest.mark.anyio
TOTAL = 12_900


async def begin(money: Any, order_id: str, **body: Any) -> None:
    async with money.buyer() as buyer:
        answer = await buyer.post(
            f"/v1/store/demo/orders/{order_id}/payments",
            json={"method": "sandbox", **body},
            headers={"Idempotency-Key": f"key-{order_id}", "Prefer": "wait=0"},
        )
    assert answer.status_code == 201, answer.text


async def states(money: Any, order_id: str) -> list[str]:
    return [one.state.value for one in (await money.payments(order_id)).attempts]


async def dying_between_call_and_fold(money: Any) -> None:
    failpoints.configure("effect.after_call=raise")
    try:
        assert await money.runner.run_due() == 1
    finally:
        failpoints.configure("")


async def test_a_process_that_dies_between_call_and_fold_charges_once(idle: Any) -> None:
    idle.gateway.closed = True
    order_id = await idle.order()
    await begin(idle, order_id)

    await dying_between_call_and_fold(idle)

    assert (await idle.provider(f"/charges/{order_id}-1"))["state"] == "succeeded"
    assert (await states(idle, order_id), (await idle.seen(order_id)).charged_minor) == (["requested"], 0)
    assert await idle.runner.run_due() == 0, "the lease of the dead one still runs"
    idle.clock.advance(31)
    assert await idle.runner.run_due() == 1

    assert await idle.status(order_id) == ("confirmed", "paid")
    assert await idle.moved(order_id) == [("charge", "request", TOTAL), ("charge", "success", TOTAL)]


async def test_a_process_that_dies_between_refund_and_fold_refunds_once(idle: Any) -> None:
    idle.gateway.closed = True
    order_id = await idle.order()
    await begin(idle, order_id)
    await idle.fold()
    await idle.cancel(order_id)

    await dying_between_call_and_fold(idle)
    idle.clock.advance(31)
    await idle.fold()

    assert await idle.status(order_id) == ("cancelled", "refunded")
    assert [row for row in await idle.moved(order_id) if row[0] == "refund"] == [
        ("refund", "request", TOTAL),
        ("refund", "success", TOTAL),
    ]
    assert (await idle.types(order_id)).count("order.refunded") == 1


async def test_a_provider_that_is_away_is_asked_again_with_growing_pauses(idle: Any) -> None:
    there = idle.runtime.settings
    idle.runtime.settings = there.model_copy(update={"payment_sandbox_url": "http://127.0.0.1:9"})
    order_id = await idle.order()
    await begin(idle, order_id)

    assert await idle.runner.run_due() == 1
    assert await states(idle, order_id) == ["unknown"]
    for seconds in (1, 2, 5):
        idle.clock.advance(seconds - 0.9)
        assert await idle.runner.run_due() == 0, seconds
        idle.clock.advance(1)
        assert await idle.runner.run_due() == 1, seconds
    assert await states(idle, order_id) == ["unknown"]

    idle.runtime.settings = there
    idle.clock.advance(11)
    await idle.fold()

    assert await idle.status(order_id) == ("confirmed", "paid")
    assert [one.n for one in (await idle.payments(order_id)).attempts] == [1]


async def test_what_was_never_asked_is_not_charged_once_the_order_is_over(idle: Any) -> None:
    there = idle.runtime.settings
    idle.runtime.settings = there.model_copy(update={"payment_sandbox_url": "http://127.0.0.1:9"})
    order_id = await idle.order()
    await begin(idle, order_id)
    await idle.runner.run_due()
    await idle.cancel(order_id)
    assert await idle.status(order_id) == ("cancelling", "none")

    idle.runtime.settings = there
    idle.clock.advance(5)
    await idle.fold()

    assert await idle.provider(f"/charges/{order_id}-1") is None
    [attempt] = (await idle.payments(order_id)).attempts
    assert (attempt.state, attempt.reason) == ("failed", "order_over")
    assert await idle.status(order_id) == ("cancelled", "none")


async def test_cancelling_waits_for_the_payment_nobody_knows_of_and_then_gives_it_back(idle: Any) -> None:
    idle.gateway.closed = True
    order_id = await idle.order()
    await begin(idle, order_id)
    await dying_between_call_and_fold(idle)

    await idle.cancel(order_id)
    assert await idle.status(order_id) == ("cancelling", "none")
    idle.clock.advance(31)
    await idle.fold()

    assert await idle.status(order_id) == ("cancelled", "refunded")
    assert await idle.moved(order_id) == [
        ("charge", "request", TOTAL),
        ("charge", "success", TOTAL),
        ("refund", "request", TOTAL),
        ("refund", "success", TOTAL),
    ]


async def test_an_expiry_waits_ten_minutes_for_an_unknown_payment(idle: Any) -> None:
    idle.gateway.closed = True
    order_id = await idle.order()
    await begin(idle, order_id, sandbox_outcome="timeout_then_succeed")
    await idle.runner.run_due()
    order = await idle.seen(order_id)

    def at_expiry(case: Any) -> None:
        case.now = order.expires_at
        saga.expire(case)

    def last(case: Any) -> None:
        case.now = order.expires_at + timedelta(minutes=10)
        saga.expire(case)

    await idle.step(order_id, at_expiry)
    assert (await idle.seen(order_id)).status is Status.AWAITING_PAYMENT
    await idle.step(order_id, last)
    assert (await idle.seen(order_id)).status is Status.EXPIRED
    await known(idle, order_id)
    await idle.fold()

    assert await idle.status(order_id) == ("expired", "refunded")


async def known(money: Any, order_id: str) -> None:
    async def settled() -> bool:
        return bool((await money.provider(f"/charges/{order_id}-1"))["state"] != "pending")

    await eventually(settled, within_seconds=5, because="the provider makes up its mind")
    money.clock.advance(300)


OUTCOMES = {
    "timeout_then_succeed": ("confirmed", "paid"),
    "timeout_then_fail": ("awaiting_payment", "none"),
}


async def test_unknown_for_half_an_hour_holds_the_order_until_the_provider_knows(idle: Any) -> None:
    idle.gateway.closed = True
    orders = {name: await idle.order(expires_at=idle.clock.now() + timedelta(hours=2)) for name in OUTCOMES}
    for outcome, order_id in orders.items():
        await begin(idle, order_id, sandbox_outcome=outcome)
    assert await idle.runner.run_due() == 2

    idle.clock.advance(29 * 60)
    await idle.fire()
    assert {await idle.status(order_id) for order_id in orders.values()} == {("awaiting_payment", "none")}
    idle.clock.advance(61)
    await idle.fire()
    for order_id in orders.values():
        assert (await states(idle, order_id), await idle.status(order_id)) == (["unknown"], ("on_hold", "none"))
        hold = await hold_of(idle, order_id)
        assert (hold["reason"], hold["severity"], hold["evidence"]) == ("payment_mismatch", "fail", {"attempt": 1})

    for order_id in orders.values():
        await known(idle, order_id)
    await idle.fold()
    for outcome, order_id in orders.items():
        assert await idle.status(order_id) == OUTCOMES[outcome]
        hold = await hold_of(idle, order_id)
        assert (hold["state"], hold["ended_why"], hold["released_by"]) == ("closed", "payment_known", None)
        assert {"order.held", "order.hold_released"} <= set(await idle.types(order_id))


async def hold_of(money: Any, order_id: str) -> Any:
    async with money.staff() as staff:
        [hold] = (await staff.get("/v1/admin/holds", params={"order_id": order_id})).json()["items"]
    return hold


async def test_a_payment_that_became_known_in_time_is_never_held(idle: Any) -> None:
    idle.gateway.closed = True
    order_id = await idle.order(expires_at=idle.clock.now() + timedelta(hours=2))
    await begin(idle, order_id, sandbox_outcome="timeout_then_succeed")
    await idle.runner.run_due()
    await known(idle, order_id)
    await idle.fold()

    idle.clock.advance(31 * 60)
    await idle.fire()

    assert await idle.status(order_id) == ("confirmed", "paid")
    async with idle.runtime.db.read() as con:
        assert await con.fetchval("SELECT count(*) FROM order_hold") == 0
        assert await con.fetchval("SELECT count(*) FROM deadline WHERE kind = 'unknown_payment'") == 0
