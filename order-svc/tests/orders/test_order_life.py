"""Orders after the checkout: the clock, the buyer and the warehouse change them, also at the same moment."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from order_svc.events_in import DECIDE
from svc_kit.testing import deliver, outbox_of

NOW_TEXT = "2026-03-02T02:00:00Z"
STORE = "/v1/store/demo"
House = Any
pytestmark = pytest.mark.anyio


# The clock.


async def test_an_unpaid_order_expires_by_its_clock_and_not_before(house: House) -> None:
    order_id = await house.awaiting()

    house.later(minutes=14, seconds=59)
    await house.fire()
    assert await house.status(order_id) == "awaiting_payment"
    house.later(seconds=1)
    await house.fire()

    assert await house.status(order_id) == "expired"
    assert await house.types(order_id) == ["order.placed", "order.awaiting_payment", "order.expired"]
    assert await house.deadlines(order_id) == {}
    assert await house.open_compensations(order_id) == ["stock"]
    await house.hears(house.released(order_id))
    assert await house.open_compensations(order_id) == []


async def test_money_that_comes_after_the_expiry_goes_back(house: House) -> None:
    order_id = await house.awaiting()
    house.later(minutes=15)
    await house.fire()

    await house.paid(order_id)

    order = await house.seen(order_id)
    assert (order.status.value, order.charged_minor, order.refunding_minor) == ("expired", 2_800, 2_800)
    assert await house.open_compensations(order_id) == ["money", "stock"]
    await house.paid_back(order_id)
    assert (await house.seen(order_id)).payment_status.value == "refunded"
    assert await house.open_compensations(order_id) == ["stock"]


async def test_a_shops_order_that_nobody_decides_ends_after_a_quarter_of_an_hour(house: House) -> None:
    order_id = await house.placed()
    assert await house.deadlines(order_id) == {"undecided": house.clock.now() + timedelta(minutes=15)}

    house.later(minutes=14, seconds=59)
    await house.fire()
    assert await house.status(order_id) == "placed"
    house.later(seconds=1)
    await house.fire()

    [event] = await house.said(order_id, "order.rejected")
    assert (event.data["reason"], event.data["shortages"]) == ("undecided", [])
    assert await house.open_compensations(order_id) == ["stock"]
    await house.hears(house.reserved(order_id), house.released(order_id))
    assert (await house.status(order_id), await house.open_compensations(order_id)) == ("rejected", [])


async def test_the_clock_and_the_reply_at_the_same_time_decide_once(house: House) -> None:
    ids = [await house.placed(house.member(f"per_{n}")) for n in range(6)]
    house.later(minutes=15)

    await asyncio.gather(house.fire(), *(house.hears(house.reserved(order_id)) for order_id in ids))
    await house.fire()

    for order_id in ids:
        decided = {"order.rejected", "order.awaiting_payment"} & set(await house.types(order_id))
        assert len(decided) == 1


# The replies.


async def test_a_reply_that_is_told_twice_under_new_ids_changes_nothing_more(house: House) -> None:
    order_id = await house.placed()
    for _ in range(2):
        await house.hears(house.reserved(order_id), house.reserved(order_id))
    assert await house.types(order_id) == ["order.placed", "order.awaiting_payment"]
    assert (await house.seen(order_id)).version == 2


async def test_replies_about_orders_of_nobody_are_let_be(house: House) -> None:
    await house.hears(house.reserved("ord_0"), house.shipped("ord_0"), house.benefits("locked", "ord_0"))
    assert await house.is_untouched()


async def test_a_batch_of_replies_moves_every_order_with_events_in_sequence(house: House) -> None:
    ids = [await house.placed(house.member(f"per_{n}")) for n in range(5)]

    await house.hears(*(house.reserved(order_id) for order_id in reversed(ids)))

    assert [await house.status(order_id) for order_id in ids] == ["awaiting_payment"] * 5
    [event] = await house.said(ids[0], "order.awaiting_payment")
    assert (event.seq, event.topic, event.headers["ce_benefits"]) == (2, "order.events", "0")
    assert event.headers["ce_subject"] == ids[0]


async def test_each_event_names_the_one_that_led_to_it_also_within_one_batch(house: House) -> None:
    order_id = await house.placed(payment_method="cod")
    ids = [uuid4() for _ in range(4)]
    steps = [house.reserved(order_id), house.accepted(order_id), house.shipped(order_id), house.delivered(order_id)]

    await deliver(house.runtime, DECIDE, steps, ids=ids)

    sent = [event for event in await outbox_of(house.runtime) if event.key == order_id]
    assert [(event.type, event.headers.get("ce_causationid")) for event in sent] == [
        ("order.placed", None),
        ("order.confirmed", str(ids[0])),
        ("payment.recorded", str(ids[3])),
        ("order.paid", str(ids[3])),
        ("order.completed", str(ids[3])),
    ]


async def test_who_holds_the_token_of_a_guests_order_cancels_it(house: House) -> None:
    order = (await house.buy(house.guest(), house.wish(("A", 2)))).json()
    path, friend = f"{STORE}/orders/{order['id']}/cancel", house.guest()
    refused = await friend.post(path, json={}, headers={"Idempotency-Key": "c1"})
    headers = {"Idempotency-Key": "c2", "X-Order-Token": order["order_token"]}
    cancelled = await friend.post(path, json={}, headers=headers)
    assert (refused.status_code, cancelled.status_code, cancelled.json()["status"]) == (404, 200, "cancelling")


# Payment, parcels, completion.


async def test_a_paid_order_is_confirmed_shipped_and_completed(house: House) -> None:
    buyer = house.member()
    order_id = await house.confirmed(buyer)
    await house.hears(house.accepted(order_id))
    await house.hears(house.shipped(order_id, 1, parcel="shp_1"))
    halfway = (await buyer.get(f"{STORE}/orders/{order_id}")).json()
    house.later(hours=1)
    await house.hears(house.shipped(order_id, 1, parcel="shp_2"), house.delivered(order_id, 1, parcel="shp_2"))
    await house.hears(house.delivered(order_id, 1, parcel="shp_1"))

    assert (halfway["status"], halfway["fulfilment_status"], halfway["possible"]) == ("in_fulfilment", "partial", [])
    order = (await house.member().get(f"{STORE}/orders/{order_id}")).json()
    assert (order["status"], order["payment_status"], order["fulfilment_status"]) == ("completed", "paid", "delivered")
    assert [(line["shipped"], line["delivered"]) for line in order["lines"]] == [(2, 2)]
    assert await house.types(order_id) == [
        "order.placed",
        "order.awaiting_payment",
        "payment.recorded",
        "order.paid",
        "order.confirmed",
        "order.completed",
    ]
    [confirmed] = await house.said(order_id, "order.confirmed")
    assert confirmed.data["allocations"] == [{"line_id": "l1", "warehouse": "main", "quantity": 2}]
    assert confirmed.data["address_ref"] == (await house.seen(order_id)).address_ref
    assert await house.deadlines(order_id) == {}


async def test_parcels_told_twice_late_or_out_of_order_are_counted_once(house: House) -> None:
    order_id = await house.confirmed()

    await house.hears(house.delivered(order_id), house.delivered(order_id))
    await house.hears(house.shipped(order_id), house.delivered(order_id))

    order = await house.seen(order_id)
    assert (order.status.value, order.shipped_units, order.delivered_units) == ("completed", 2, 2)
    assert (await house.types(order_id)).count("order.completed") == 1


async def test_a_parcel_left_when_it_left_though_its_arrival_is_told_in_the_same_breath(house: House) -> None:
    order_id = await house.confirmed()
    left = house.shipped(order_id)
    arrived = house.delivered(order_id).model_copy(update={"at": left.at + timedelta(hours=5)})

    await house.hears(left, arrived)

    tracking = (await house.member().get(f"{STORE}/orders/{order_id}/tracking")).json()
    [parcel] = tracking["shipments"]
    assert (parcel["shipped_at"], parcel["delivered_at"]) == (NOW_TEXT, "2026-03-02T07:00:00Z")


async def test_tracking_shows_parcels_and_the_promise_and_nobody_elses(house: House) -> None:
    buyer = house.member()
    order_id = await house.confirmed(buyer)
    await house.hears(house.shipped(order_id))

    tracking = (await buyer.get(f"{STORE}/orders/{order_id}/tracking")).json()

    assert (tracking["status"], tracking["fulfilment_status"]) == ("in_fulfilment", "shipped")
    assert tracking["promise"]["ship_by"] == "2026-03-03T02:00:00Z"
    assert tracking["shipments"] == [
        {
            "shipment_id": "shp_1",
            "warehouse": "main",
            "carrier": "SF",
            "tracking_no": "SF-shp_1",
            "lines": [{"line_id": "l1", "quantity": 2}],
            "shipped_at": NOW_TEXT,
            "delivered_at": None,
        }
    ]
    assert (await house.member("per_2").get(f"{STORE}/orders/{order_id}/tracking")).status_code == 404
    assert (await buyer.get(f"/v1/store/other/orders/{order_id}/tracking")).status_code == 404


async def test_cash_on_delivery_is_confirmed_at_once_and_paid_at_the_door(house: House) -> None:
    order_id = await house.awaiting(payment_method="cod")
    assert await house.types(order_id) == ["order.placed", "order.confirmed"]

    await house.hears(house.shipped(order_id), house.delivered(order_id))

    assert (await house.types(order_id))[2:] == ["payment.recorded", "order.paid", "order.completed"]
    assert (await house.seen(order_id)).charged_minor == 2_800


@pytest.mark.parametrize("transferred", [1_000, 2_800, 3_000])
async def test_at_the_door_is_paid_what_was_not_transferred_before(house: House, transferred: int) -> None:
    order_id = await house.awaiting(payment_method="cod")
    await house.paid(order_id, transferred)

    await house.hears(house.shipped(order_id), house.delivered(order_id))

    order = await house.seen(order_id)
    assert (order.status.value, order.charged_minor) == ("completed", max(2_800, transferred))


# Cancelling.


async def test_an_unpaid_order_is_cancelled_by_its_buyer_and_gone_when_the_goods_are_back(house: House) -> None:
    buyer = house.member()
    order_id = await house.awaiting(buyer)

    answer = await house.cancel(buyer, order_id, key="c1")
    replay = await house.cancel(buyer, order_id, key="c1")
    again = await house.cancel(buyer, order_id)

    assert (answer.status_code, answer.json()["status"], answer.json()["possible"]) == (200, "cancelling", [])
    assert (replay.status_code, replay.json(), replay.headers["Idempotent-Replayed"]) == (200, answer.json(), "true")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/illegal-transition")
    assert (again.json()["state"], again.json()["possible"]) == ("cancelling", [])
    assert await house.deadlines(order_id) == {}
    await house.hears(house.released(order_id))
    assert await house.types(order_id) == [
        "order.placed",
        "order.awaiting_payment",
        "order.cancelling",
        "order.cancelled",
    ]
    house.later(minutes=30)
    await house.fire()
    assert await house.status(order_id) == "cancelled"


async def test_an_order_cancelled_before_its_reply_ignores_the_reply(house: House) -> None:
    order_id = await house.placed()
    await house.cancel(house.member(), order_id)
    await house.hears(house.reserved(order_id))
    assert await house.status(order_id) == "cancelling"
    await house.hears(house.released(order_id))
    assert await house.types(order_id) == ["order.placed", "order.cancelling", "order.cancelled"]


async def test_a_paid_order_is_cancelled_only_with_its_money_back(house: House) -> None:
    order_id = await house.confirmed()

    await house.cancel(house.member(), order_id)
    assert (await house.seen(order_id)).refunding_minor == 0, "the goods first"
    await house.hears(house.released(order_id))
    assert (await house.status(order_id), (await house.seen(order_id)).refunding_minor) == ("cancelling", 2_800)
    await house.paid_back(order_id)

    assert (await house.types(order_id))[-4:] == [
        "order.cancelling",
        "payment.recorded",
        "order.refunded",
        "order.cancelled",
    ]
    assert await house.open_compensations(order_id) == []


async def test_a_parcel_that_has_left_takes_the_cancelling_back(house: House) -> None:
    buyer = house.member()
    order_id = await house.confirmed(buyer)
    await house.hears(house.accepted(order_id))
    await house.cancel(buyer, order_id)

    await house.hears(house.shipped(order_id), house.release_refused(order_id))

    assert await house.status(order_id) == "in_fulfilment"
    assert (await house.types(order_id))[-2:] == ["order.cancelling", "order.cancel_refused"]
    assert await house.open_compensations(order_id) == []
    refused = await house.cancel(buyer, order_id)
    assert (refused.status_code, refused.json()["state"]) == (409, "in_fulfilment")
    await house.hears(house.delivered(order_id))
    assert await house.status(order_id) == "completed"


async def test_cancelling_and_paying_at_the_same_time_ends_with_everything_back(house: House) -> None:
    buyers = [house.member(f"per_{n}") for n in range(5)]
    ids = [await house.awaiting(buyer) for buyer in buyers]

    await asyncio.gather(
        *(house.paid(order_id) for order_id in ids),
        *(house.cancel(buyer, order_id) for buyer, order_id in zip(buyers, ids, strict=True)),
    )
    await house.hears(*(house.released(order_id) for order_id in ids))
    for order_id in ids:
        await house.paid_back(order_id)

    for order_id in ids:
        order = await house.seen(order_id)
        assert (order.status.value, order.charged_minor, order.refunded_minor) == ("cancelled", 2_800, 2_800)


async def test_two_who_cancel_at_once_cancel_once(house: House) -> None:
    order_id = await house.awaiting()
    answers = await asyncio.gather(*(house.cancel(house.member(), order_id) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert (await house.types(order_id)).count("order.cancelling") == 1
