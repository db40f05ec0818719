"""Bank transfers: the buyer reads where to transfer to, and staff records what the statement says."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any

import httpx
import pytest

from order_svc.orders.rules import saga
from order_svc.orders.rules.states import Status, StockState
from svc_contracts.events.stock import Allocation

pytestmark = pytest.mark.anyio
TOTAL = 12_900


async def record(money: Any, order_id: str, *, reference: str, **changes: Any) -> httpx.Response:
    body = {
        "reference": reference,
        "amount": {"amount_minor": TOTAL, "currency": "CNY"},
        "at": money.clock.now().isoformat(),
        **changes,
    }
    async with money.staff() as staff:
        answer: httpx.Response = await staff.post(
            f"/v1/admin/orders/{order_id}/transfers", json=body, headers={"Idempotency-Key": secrets.token_hex(16)}
        )
    return answer


def cny(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": "CNY"}


async def test_a_buyer_reads_where_to_transfer_to_and_nobody_calls_a_provider(idle: Any) -> None:
    order_id = await idle.order(number=20260042)

    answer = await idle.pay(order_id, method="bank_transfer")

    assert answer.status_code == 201
    assert answer.json()["state"] == "requested"
    assert answer.json()["next"] == {
        "action": "bank_transfer",
        "amount": cny(TOTAL),
        "reference": "20260042",
        "account": "Yunying, Bank of Shanghai, 6222 0000",
    }
    assert await idle.runner.run_due() == 0
    assert (await idle.seen(order_id)).open_attempt is None, "an expiry does not wait for it"
    again = await idle.pay(order_id, method="bank_transfer")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/attempt-open")


async def test_who_changed_their_mind_pays_another_way(idle: Any) -> None:
    order_id = await idle.order()
    await idle.pay(order_id, method="bank_transfer")
    paying = asyncio.create_task(idle.pay(order_id))

    while not await idle.runner.run_due():
        await asyncio.sleep(0)

    assert (await paying).json()["state"] == "succeeded"
    attempts = (await idle.payments(order_id)).attempts
    assert [(one.method, one.state.value, one.reason) for one in attempts] == [
        ("bank_transfer", "failed", "other_method"),
        ("sandbox", "succeeded", None),
    ]


async def test_a_recorded_transfer_pays_the_order_once(idle: Any) -> None:
    order_id = await idle.order()
    await idle.pay(order_id, method="bank_transfer")

    answer = await record(idle, order_id, reference="B-1")

    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["balance"], shown["attempts"][0]["state"]) == (cny(TOTAL), "succeeded")
    assert [(row["kind"], row["phase"], row["provider_ref"]) for row in shown["ledger"]] == [
        ("charge", "request", f"{order_id}-1"),
        ("charge", "success", "B-1"),
    ]
    assert await idle.status(order_id) == ("confirmed", "paid")
    [paid] = [event.data for event in await idle.said(order_id) if event.type == "order.paid"]
    assert paid["method"] == "bank_transfer", "how it was paid, whatever was chosen at the checkout"
    twice = await record(idle, order_id, reference="B-1")
    assert (twice.status_code, twice.json()["type"], twice.json()["reference"]) == (
        409,
        "/problems/reference-taken",
        "B-1",
    )
    assert (await idle.seen(order_id)).charged_minor == TOTAL


async def test_parts_of_a_transfer_add_up(idle: Any) -> None:
    order_id = await idle.order()
    await idle.pay(order_id, method="bank_transfer")

    part = await record(idle, order_id, reference="B-1", amount=cny(TOTAL - 1))
    assert (part.json()["attempts"][0]["state"], await idle.status(order_id)) == (
        "requested",
        ("awaiting_payment", "partially_paid"),
    )
    rest = await record(idle, order_id, reference="B-2", amount=cny(1))

    assert (rest.json()["attempts"][0]["state"], await idle.status(order_id)) == ("succeeded", ("confirmed", "paid"))


async def test_one_reference_typed_for_many_orders_at_once_counts_for_one(idle: Any) -> None:
    orders = [await idle.order() for _ in range(8)]

    answers = await asyncio.gather(*(record(idle, order_id, reference="B-1") for order_id in orders))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert sum([(await idle.seen(order_id)).charged_minor for order_id in orders]) == TOTAL


async def test_a_transfer_for_an_expired_order_waits_until_it_was_sent_back_by_hand(idle: Any) -> None:
    order_id = await idle.order(status=Status.EXPIRED)
    await record(idle, order_id, reference="B-1")
    [back] = (await idle.payments(order_id)).refunds
    assert await idle.runner.run_due() == 0
    assert await idle.status(order_id) == ("expired", "paid")

    wrong = await record(idle, order_id, reference="B-2", refund_id="ref_none")
    too_much = await record(idle, order_id, reference="B-2", refund_id=back.id, amount=cny(TOTAL + 1))
    sent = await record(idle, order_id, reference="B-2", refund_id=back.id)
    twice = await record(idle, order_id, reference="B-3", refund_id=back.id)

    assert (wrong.status_code, too_much.status_code) == (404, 422)
    assert too_much.json()["errors"][0]["refund_minor"] == TOTAL
    assert (sent.status_code, sent.json()["balance"]) == (201, cny(0))
    assert (twice.status_code, twice.json()["type"], twice.json()["state"]) == (
        409,
        "/problems/illegal-transition",
        "succeeded",
    )
    assert await idle.status(order_id) == ("expired", "refunded")
    assert "order.refunded" in await idle.types(order_id)


async def test_what_a_statement_cannot_say_is_refused_and_changes_nothing(idle: Any) -> None:
    order_id = await idle.order()
    tomorrow = (idle.clock.now() + timedelta(days=1)).isoformat()

    faults = {
        "/amount/currency": await record(
            idle, order_id, reference="B-1", amount={"amount_minor": 1, "currency": "USD"}
        ),
        "/at": await record(idle, order_id, reference="B-1", at=tomorrow),
        "/amount/amount_minor": await record(idle, order_id, reference="B-1", amount=cny(0)),
        "/reference": await record(idle, order_id, reference="  "),
        "/colour": await record(idle, order_id, reference="B-1", colour="red"),
    }

    for pointer, answer in faults.items():
        assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [pointer])
    assert (await record(idle, "ord_none", reference="B-1")).status_code == 404
    assert await idle.moved(order_id) == []
    assert await idle.said(order_id) == []


async def test_staff_of_another_shop_sees_and_records_nothing(idle: Any) -> None:
    order_id = await idle.order()

    async with idle.staff(shops=["other"]) as staff:
        seen = await staff.get(f"/v1/admin/orders/{order_id}/payments")
        body = {"reference": "B-1", "amount": cny(TOTAL), "at": idle.clock.now().isoformat()}
        recorded = await staff.post(
            f"/v1/admin/orders/{order_id}/transfers", json=body, headers={"Idempotency-Key": "k"}
        )
    async with idle.staff("orders:read") as reader:
        may_read = await reader.get(f"/v1/admin/orders/{order_id}/payments")
        denied = await reader.post(
            f"/v1/admin/orders/{order_id}/transfers", json=body, headers={"Idempotency-Key": "k"}
        )

    assert (seen.status_code, recorded.status_code) == (404, 404)
    assert (may_read.status_code, may_read.json()["balance"], denied.status_code) == (200, cny(0), 403)
    assert await idle.moved(order_id) == []


async def test_a_transfer_that_is_quicker_than_the_stock_pays_the_order_once_it_is_promised(alone: Any) -> None:
    order_id = await alone.order(status=Status.PLACED, stock_state=StockState.ASKED, allocations=[], expires_at=None)
    assert (await record(alone, order_id, reference="B-1")).status_code == 201
    assert await alone.status(order_id) == ("placed", "paid")
    promised = [Allocation(line_id="l1", sku="A", warehouse="main", quantity=1)]

    await alone.step(order_id, lambda case: saga.stock_reserved(case, 1, promised))

    assert await alone.status(order_id) == ("confirmed", "paid")
    await alone.balances()
