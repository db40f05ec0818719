"""Money goes back the way it came: split over the charges, asked again until it has gone."""

from typing import Any

import pytest

from order_svc.orders.rules import saga
from order_svc.orders.rules.order import CHANNEL, LedgerRow
from order_svc.orders.rules.states import Status, StockState
from order_svc.payments.commands.ledger import write
from order_svc.payments.commands.refunds import Refund, request
from order_svc.payments.rules import NotThatMuch

pytestmark = pytest.mark.anyio
TOTAL = 12_900


async def paid(money: Any, *outcomes: str) -> str:
    """An order paid by one attempt per outcome."""
    order_id: str = await money.order()
    for n, outcome in enumerate(outcomes or ("succeed",)):
        async with money.buyer() as buyer:
            answer = await buyer.post(
                f"/v1/store/demo/orders/{order_id}/payments",
                json={"method": "sandbox", "sandbox_outcome": outcome},
                headers={"Idempotency-Key": f"key-{order_id}-{n}", "Prefer": "wait=0"},
            )
            assert answer.status_code == 201, answer.text
        await money.fold()
    return order_id


async def test_a_cancelled_order_has_its_money_back_and_says_so(idle: Any) -> None:
    order_id = await paid(idle)

    await idle.cancel(order_id)
    assert await idle.status(order_id) == ("cancelling", "paid")
    await idle.fold()

    assert await idle.status(order_id) == ("cancelled", "refunded")
    refunded = [event.data for event in await idle.said(order_id) if event.type == "order.refunded"]
    assert [(one["amount_minor"], one["currency"], one["reason"]) for one in refunded] == [
        (TOTAL, "CNY", "changed_mind")
    ]
    [back] = (await idle.payments(order_id)).refunds
    provider = await idle.provider(f"/refunds/{back.key}")
    assert (provider["amount_minor"], provider["order_id"], back.provider_ref) == (
        TOTAL,
        order_id,
        provider["provider_ref"],
    )
    assert (await idle.types(order_id))[-3:] == ["payment.recorded", "order.refunded", "order.cancelled"]


async def test_a_refund_is_split_over_the_charges_that_brought_the_money(idle: Any) -> None:
    order_id = await paid(idle, "wrong_amount", "fail", "succeed")

    await idle.cancel(order_id)
    backs = (await idle.payments(order_id)).refunds
    assert sorted((one.attempt, one.amount_minor) for one in backs) == [(1, TOTAL - 1), (3, 1)]
    assert await idle.runner.run_due() == 2

    assert await idle.status(order_id) == ("cancelled", "refunded")
    assert (await idle.types(order_id)).count("order.refunded") == 2


async def decline(money: Any, key: str, order_id: str, amount_minor: int = TOTAL) -> None:
    """The provider is told beforehand that it will decline this key."""
    body = {"key": key, "order_id": order_id, "amount_minor": amount_minor, "currency": "CNY", "outcome": "fail"}
    await money.foretell("/refunds", **body)


async def test_a_declined_refund_is_tried_again_with_a_new_key_and_the_order_waits(idle: Any) -> None:
    idle.gateway.closed = True
    order_id = await paid(idle)
    await idle.cancel(order_id)
    [back] = (await idle.payments(order_id)).refunds
    await decline(idle, f"{back.id}-1", order_id)
    await decline(idle, f"{back.id}-2", order_id)

    await idle.fold()
    assert await idle.status(order_id) == ("cancelling", "paid")
    [back] = (await idle.payments(order_id)).refunds
    assert (back.state, back.tries) == ("failed", 2)
    idle.clock.advance(29)
    assert await idle.runner.run_due() == 0
    idle.clock.advance(2)
    assert await idle.runner.run_due() == 1
    assert await idle.status(order_id) == ("cancelling", "paid")
    idle.clock.advance(121)
    assert await idle.runner.run_due() == 1

    assert await idle.status(order_id) == ("cancelled", "refunded")
    [back] = (await idle.payments(order_id)).refunds
    assert (back.state, back.tries, back.key) == ("succeeded", 3, f"{back.id}-3")
    assert [row[:2] for row in await idle.moved(order_id) if row[0] == "refund"] == [
        ("refund", "request"),
        ("refund", "failure"),
        ("refund", "failure"),
        ("refund", "success"),
    ]


async def test_a_refund_that_is_declined_three_times_is_put_before_somebody(idle: Any) -> None:
    idle.gateway.closed = True
    order_id = await paid(idle)
    await idle.cancel(order_id)
    [back] = (await idle.payments(order_id)).refunds
    for n in (1, 2, 3):
        await decline(idle, f"{back.id}-{n}", order_id)

    for _ in range(3):
        await idle.fold()
        idle.clock.advance(700)

    async with idle.staff() as staff:
        [hold] = (await staff.get("/v1/admin/holds", params={"order_id": order_id})).json()["items"]
    assert (hold["reason"], hold["evidence"]) == ("payment_mismatch", {"refund_id": back.id, "tries": 3})
    assert await idle.status(order_id) == ("cancelling", "paid")
    await idle.fold()
    assert await idle.status(order_id) == ("cancelled", "refunded")


async def test_a_refund_of_a_wrong_amount_is_followed_by_the_rest(idle: Any) -> None:
    idle.gateway.closed = True
    order_id = await paid(idle)
    await idle.cancel(order_id)
    [back] = (await idle.payments(order_id)).refunds
    body = {"key": back.key, "order_id": order_id, "amount_minor": TOTAL, "currency": "CNY", "outcome": "wrong_amount"}
    await idle.foretell("/refunds", **body)

    await idle.fold()

    assert await idle.status(order_id) == ("cancelled", "refunded")
    backs = (await idle.payments(order_id)).refunds
    assert [(one.state.value, one.amount_minor) for one in backs] == [("succeeded", TOTAL - 1), ("succeeded", 1)]


async def test_what_a_channel_collected_is_given_back_by_the_channel(idle: Any) -> None:
    order_id = await idle.order(
        external_id="X-1",
        payment_method=CHANNEL,
        status=Status.PLACED,
        stock_state=StockState.ASKED,
        prepaid_at=idle.clock.now(),
    )

    def reserved(case: Any) -> None:
        saga.stock_reserved(case, 1, case.order.allocations)

    await idle.step(order_id, reserved)
    assert await idle.status(order_id) == ("confirmed", "paid")
    await idle.cancel(order_id)
    assert await idle.runner.run_due() == 1

    assert await idle.status(order_id) == ("cancelled", "refunded")
    [back] = (await idle.payments(order_id)).refunds
    assert await idle.provider(f"/refunds/{back.key}") is None


async def test_more_than_came_in_cannot_be_asked_back(idle: Any) -> None:
    order_id = await paid(idle)

    with pytest.raises(NotThatMuch):
        async with idle.runtime.db.transaction() as tx:
            await request(tx, [Refund(order_id, TOTAL, "CNY", "a"), Refund(order_id, 1, "CNY", "b")])

    assert (await idle.payments(order_id)).refunds == []
    assert await idle.runner.run_due() == 0


async def test_the_ledger_takes_a_row_once_and_is_never_rewritten(idle: Any) -> None:
    order_id = await paid(idle)
    row = LedgerRow(1, "charge", "request", "sandbox", f"{order_id}-1", 1, idle.clock.now())

    async with idle.runtime.db.transaction() as tx:
        assert await write(tx, [(order_id, row)]) == set()
    for change in ("UPDATE payment_event SET amount_minor = 1", "DELETE FROM payment_event"):
        with pytest.raises(Exception, match="append-only"):
            async with idle.runtime.db.transaction() as tx:
                await tx.con.execute(change)

    assert await idle.moved(order_id) == [("charge", "request", TOTAL), ("charge", "success", TOTAL)]
