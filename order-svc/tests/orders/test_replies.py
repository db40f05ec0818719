"""What the other services say, on real rows: in every order, twice, late, and many orders at once."""

import asyncio
from itertools import permutations
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from order_svc.events_in import DECIDE
from svc_kit.testing import deliver

pytestmark = pytest.mark.anyio
House = Any


async def test_every_order_of_arrival_ends_in_the_same_completed_order(house: House) -> None:
    """Each event comes twice, in every order that two topics of one key can bring."""
    for steps in permutations(range(3)):
        order_id = await house.placed(payment_method="cod")
        parcels = [house.accepted(order_id), house.shipped(order_id), house.delivered(order_id)]
        await house.hears(house.reserved(order_id), house.reserved(order_id))
        for n in steps:
            await house.hears(parcels[n])
            await house.hears(parcels[n], parcels[n])
        order = await house.seen(order_id)
        assert (order.status.value, order.shipped_units, order.delivered_units) == ("completed", 2, 2)
        assert (await house.types(order_id)).count("order.completed") == 1


async def test_the_same_event_id_is_decided_on_once(house: House) -> None:
    order_id, known = await house.placed(), uuid4()
    for _ in range(2):
        await deliver(house.runtime, DECIDE, [house.reserved(order_id)], ids=[known])
    assert await house.types(order_id) == ["order.placed", "order.awaiting_payment"]


async def test_a_batch_may_hold_every_step_of_one_order(house: House) -> None:
    order_id = await house.placed(payment_method="cod")
    await house.hears(
        house.reserved(order_id),
        house.accepted(order_id),
        house.shipped(order_id, 1, parcel="shp_1"),
        house.delivered(order_id, 1, parcel="shp_1"),
        house.shipped(order_id, 1, parcel="shp_2"),
        house.delivered(order_id, 1, parcel="shp_2"),
    )
    order = await house.seen(order_id)
    assert (order.status.value, order.shipped_units, order.delivered_units) == ("completed", 2, 2)


async def test_more_parcels_than_units_are_poison_and_change_nothing(house: House) -> None:
    order_id = await house.awaiting(payment_method="cod")
    with pytest.raises(asyncpg.CheckViolationError):
        await house.hears(house.shipped(order_id), house.shipped(order_id, parcel="shp_2"))
    assert (await house.seen(order_id)).shipped_units == 0
    assert await house.rows("order_shipment") == 0


async def test_the_promise_and_the_address_leave_with_the_confirmation(house: House) -> None:
    order_id = await house.awaiting(payment_method="cod")
    [event] = await house.said(order_id, "order.confirmed")
    order = await house.seen(order_id)
    assert event.data["allocations"] == [{"line_id": "l1", "warehouse": "main", "quantity": 2}]
    assert event.data["address_ref"] == order.address_ref
    assert order.promise is not None
    assert order.promise.ship_by > house.clock.now()
    assert event.headers["ce_causationid"]


async def test_two_batches_over_the_same_orders_do_not_deadlock(house: House) -> None:
    ids = [await house.placed(house.member(f"per_{n}"), payment_method="cod") for n in range(10)]
    await house.hears(*(house.reserved(one) for one in ids))
    await asyncio.gather(
        *(house.hears(*(house.accepted(one) for one in order)) for order in (ids, ids[::-1], ids[::2], ids[::-3]))
    )
    assert {await house.status(one) for one in ids} == {"in_fulfilment"}
