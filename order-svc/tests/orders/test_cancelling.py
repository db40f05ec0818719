"""Stopping short: what was taken comes back, and nothing is both refunded and shipped."""

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.anyio
STORE = "/v1/store/demo"
House = Any


async def cancel(house: House, order_id: str, *, by: str = "per_1", key: str = "c1", **body: Any) -> Any:
    path = f"{STORE}/orders/{order_id}/cancel"
    return await house.member(by).post(path, json=body, headers={"Idempotency-Key": key})


async def prepaid(house: House, external_id: str = "M-1") -> str:
    """A channel's order, paid and confirmed."""
    answer = await house.imported(external_id)
    order_id = str(answer.json()["id"])
    await house.hears(house.reserved(order_id))
    assert await house.status(order_id) == "confirmed"
    return order_id


async def test_a_repeated_cancel_answers_the_same_and_a_second_one_is_refused(house: House) -> None:
    order_id = await house.awaiting()
    first = await cancel(house, order_id)
    again = await cancel(house, order_id)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await cancel(house, order_id, key="c2")
    assert (other.status_code, other.json()["type"]) == (409, "/problems/illegal-transition")
    assert (other.json()["state"], other.json()["possible"]) == ("cancelling", [])
    assert (await house.types(order_id)).count("order.cancelling") == 1


async def test_foreign_orders_are_not_there(house: House) -> None:
    order_id = await house.awaiting()
    assert (await cancel(house, order_id, by="per_2")).status_code == 404
    assert (await cancel(house, "ord_unknown")).status_code == 404
    path = f"/v1/store/other/orders/{order_id}/cancel"
    assert (await house.member().post(path, json={}, headers={"Idempotency-Key": "c"})).status_code == 404
    assert await house.status(order_id) == "awaiting_payment"


async def test_an_unknown_field_and_a_missing_key_are_refused(house: House) -> None:
    order_id = await house.awaiting()
    assert (await cancel(house, order_id, refund=True)).status_code == 422
    missing = await house.member().post(f"{STORE}/orders/{order_id}/cancel", json={})
    assert (missing.status_code, missing.json()["type"]) == (400, "/problems/idempotency-key-missing")
    assert await house.status(order_id) == "awaiting_payment"


async def test_after_shipping_a_cancel_is_refused(house: House) -> None:
    order_id = await house.awaiting(payment_method="cod")
    await house.hears(house.shipped(order_id, 1))
    answer = await cancel(house, order_id)
    assert (answer.status_code, answer.json()["state"], answer.json()["possible"]) == (409, "in_fulfilment", [])
    assert await house.status(order_id) == "in_fulfilment"


async def test_cancelling_and_shipping_at_once_never_refunds_what_was_shipped(house: House) -> None:
    """The warehouse answers by what it knows: either the parcel had left, or the goods come back."""
    ids = [await prepaid(house, f"M-{n}") for n in range(24)]

    async def one(n: int, order_id: str) -> None:
        body = {"version": (await house.seen(order_id)).version, "reason": "late"}
        cancelling = house.staff("orders:write").post(f"/v1/admin/orders/{order_id}/cancel", json=body)
        if n % 2:
            answer, _ = await asyncio.gather(cancelling, house.hears(house.shipped(order_id)))
            if answer.status_code == 200:
                await house.hears(house.release_refused(order_id))
        else:
            await asyncio.gather(cancelling, house.hears(house.accepted(order_id)))
            await house.hears(house.released(order_id))

    for start in range(0, len(ids), 6):
        await asyncio.gather(*(one(n, ids[n]) for n in range(start, start + 6)))
    await house.fold()
    for n, order_id in enumerate(ids):
        order = await house.seen(order_id)
        if n % 2:
            assert (order.status.value, order.refunded_minor, order.shipped_units) == ("in_fulfilment", 0, 2)
        elif order.status.value == "cancelled":
            assert (order.refunded_minor, order.shipped_units) == (2_800, 0)
        else:  # the acceptance made the version stale first
            assert (order.status.value, order.refunded_minor) == ("in_fulfilment", 0)
