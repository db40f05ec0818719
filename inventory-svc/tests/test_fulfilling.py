"""From the confirmed order to the delivered parcel on real PostgreSQL."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from inventory_svc.fulfilment.commands.steps import NotOnHand, ScanMismatch, Step, TrackingTaken
from inventory_svc.fulfilment.rules import Fulfilment, FulfilmentState, ShipmentState
from inventory_svc.stock.commands.adjustments import AdjustmentLine, adjust
from svc_kit.refusals import IllegalTransition, NotFound, Refusal, StaleVersion

pytestmark = pytest.mark.anyio


async def test_a_parcel_goes_all_the_way_and_takes_its_units_off_the_shelf(inventory: Any) -> None:
    await inventory.receive({"A": 10, "B": 5})
    fulfilment = await inventory.packed("ord_1", {"A": 3, "B": 1})

    await inventory.steps("ship", Step(fulfilment.id, carrier="SF", tracking_no="T1"))
    await inventory.steps("deliver", Step(fulfilment.id))

    said = await inventory.said(about="ord_1")
    assert [event.type for event in said] == [
        "stock.reserved",
        "fulfilment.accepted",
        "shipment.shipped",
        "shipment.delivered",
    ]
    shipped = said[2].data
    assert shipped["lines"] == [{"line_id": "l1", "quantity": 3}, {"line_id": "l2", "quantity": 1}]
    assert (shipped["carrier"], shipped["tracking_no"], shipped["warehouse"]) == ("SF", "T1", "main")
    assert [await inventory.counts("A"), await inventory.counts("B")] == [(7, 0), (4, 0)]
    [now] = await inventory.fulfilments_of("ord_1")
    assert (now.state, now.shipments[0].state) == (FulfilmentState.DONE, ShipmentState.DELIVERED)
    await inventory.audit()


async def test_each_warehouse_gets_its_own_fulfilment(inventory: Any) -> None:
    await inventory.open("far", priority=9)
    await inventory.receive({"A": 1})
    await inventory.receive({"A": 4}, warehouse="far")
    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 5)]))

    await inventory.deliver(inventory.confirmed("ord_1"))
    await inventory.deliver(inventory.confirmed("ord_1"))

    found = await inventory.fulfilments_of("ord_1")
    assert sorted((one.warehouse, one.lines[0].quantity) for one in found) == [("far", 4), ("main", 1)]


async def test_a_bundle_ships_in_units_of_its_line(inventory: Any) -> None:
    await inventory.receive({"A": 4, "B": 2})
    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "SET", 2, {"A": 2, "B": 1})]))
    await inventory.deliver(inventory.confirmed("ord_1"))
    [fulfilment] = await inventory.fulfilments_of("ord_1")

    for action in ("accept", "pick", "pack", "ship"):
        await inventory.steps(action, Step(fulfilment.id))

    assert (await inventory.said(about="ord_1"))[-1].data["lines"] == [{"line_id": "l1", "quantity": 2}]
    assert [await inventory.counts("A"), await inventory.counts("B")] == [(0, 0), (0, 0)]
    await inventory.audit()


@pytest.mark.parametrize(
    ("picked", "packed", "wrong"),
    [
        ({"A": 2}, {}, {"A": (3, 2)}),
        ({"A": 2}, {"A": 2}, {"A": (3, 4)}),
        ({}, {"A": 3, "X": 1}, {"X": (0, 1)}),
    ],
)
async def test_what_was_not_scanned_as_ordered_is_not_packed(
    inventory: Any, picked: dict[str, int], packed: dict[str, int], wrong: dict[str, tuple[int, int]]
) -> None:
    await inventory.receive({"A": 9})
    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 3)]))
    await inventory.deliver(inventory.confirmed("ord_1"))
    [fulfilment] = await inventory.fulfilments_of("ord_1")
    await inventory.steps("accept", Step(fulfilment.id))
    await inventory.steps("pick", Step(fulfilment.id, scans=picked))

    [refused] = await inventory.steps("pack", Step(fulfilment.id, scans=packed))

    assert isinstance(refused, ScanMismatch)
    facts = {fault.facts["sku"]: (fault.facts["required"], fault.facts["scanned"]) for fault in refused.faults}
    assert facts == wrong
    [now] = await inventory.fulfilments_of("ord_1")
    assert (now.shipments[0].state, now.shipments[0].scans) == (ShipmentState.PICKING, picked)


async def test_a_tracking_number_belongs_to_one_parcel_of_a_carrier(inventory: Any) -> None:
    await inventory.receive({"A": 9})
    parcels = [await inventory.packed(f"ord_{n}", {"A": 1}) for n in range(3)]

    both = await inventory.steps("ship", *(Step(parcel.id, carrier="SF", tracking_no="T1") for parcel in parcels[:2]))
    [later] = await inventory.steps("ship", Step(parcels[1].id, carrier="SF", tracking_no="T1"))
    [other] = await inventory.steps("ship", Step(parcels[1].id, carrier="YTO", tracking_no="T1"))

    assert [type(one) for one in (*both, later, other)] == [Fulfilment, TrackingTaken, TrackingTaken, Fulfilment]
    assert await inventory.counts("A") == (7, 1)
    await inventory.audit()


async def test_two_parcels_that_race_for_a_tracking_number_get_it_once(inventory: Any) -> None:
    await inventory.receive({"A": 9})
    parcels = [await inventory.packed(f"ord_{n}", {"A": 1}) for n in range(2)]

    results = await asyncio.gather(
        *(inventory.steps("ship", Step(parcel.id, carrier="SF", tracking_no="T1")) for parcel in parcels)
    )

    assert sorted(type(one).__name__ for [one] in results) == ["Fulfilment", "TrackingTaken"]
    assert await inventory.counts("A") == (8, 1)


async def test_what_is_not_on_the_shelf_cannot_leave_and_its_number_stays_free(inventory: Any) -> None:
    await inventory.receive({"A": 5})
    first, second = [await inventory.packed(f"ord_{n}", {"A": 2}) for n in range(2)]
    async with inventory.runtime.db.transaction() as tx:
        await adjust(tx, [AdjustmentLine("A", "main", "counted", counted=3)])

    results = await inventory.steps(
        "ship", Step(first.id, carrier="SF", tracking_no="T1"), Step(second.id, carrier="SF", tracking_no="T2")
    )
    await inventory.receive({"A": 1})
    [now] = await inventory.steps("ship", Step(second.id, carrier="SF", tracking_no="T2"))

    assert [type(one) for one in (*results, now)] == [Fulfilment, NotOnHand, Fulfilment]
    assert await inventory.counts("A") == (0, 0)
    await inventory.audit()


async def test_a_bulk_moves_what_it_can_and_says_why_not_the_rest(inventory: Any) -> None:
    await inventory.receive({"A": 9})
    parcel = await inventory.packed("ord_1", {"A": 1})

    results = await inventory.steps("accept", Step(parcel.id), Step("ful_none"))

    assert [type(one) for one in results] == [IllegalTransition, NotFound]
    assert results[0].facts == {"state": "picking", "possible": ["ship"]}


async def test_a_rejected_fulfilment_tells_the_order_and_keeps_the_goods_reserved(inventory: Any) -> None:
    await inventory.receive({"A": 9})
    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 3)]))
    await inventory.deliver(inventory.confirmed("ord_1"))
    [fulfilment] = await inventory.fulfilments_of("ord_1")

    await inventory.steps("reject", Step(fulfilment.id, reason="capacity"))

    last = (await inventory.said(about="ord_1"))[-1]
    assert (last.type, last.data["reason"]) == ("fulfilment.rejected", "capacity")
    assert await inventory.counts("A") == (9, 3)


@pytest.mark.parametrize("steps_taken", range(4))
async def test_cancelling_before_it_left_calls_the_fulfilment_back(inventory: Any, steps_taken: int) -> None:
    await inventory.receive({"A": 9})
    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 3)]))
    await inventory.deliver(inventory.confirmed("ord_1"))
    [fulfilment] = await inventory.fulfilments_of("ord_1")
    for action in ("accept", "pick", "pack")[:steps_taken]:
        await inventory.steps(action, Step(fulfilment.id))

    await inventory.deliver(inventory.ended("ord_1"))
    [late] = await inventory.steps("ship", Step(fulfilment.id))

    [now] = await inventory.fulfilments_of("ord_1")
    assert now.state is FulfilmentState.RECALLED
    assert [one.state for one in now.shipments] == [ShipmentState.CANCELLED] * min(1, steps_taken)
    assert isinstance(late, IllegalTransition)
    assert (await inventory.types("ord_1"))[-1] == "stock.released"
    assert await inventory.counts("A") == (9, 0)
    await inventory.audit()


async def test_cancelling_after_it_left_is_refused_with_what_has_left(inventory: Any) -> None:
    await inventory.receive({"A": 9})
    fulfilment = await inventory.packed("ord_1", {"A": 3})
    await inventory.steps("ship", Step(fulfilment.id))

    await inventory.deliver(inventory.ended("ord_1"))

    last = (await inventory.said(about="ord_1"))[-1]
    assert last.type == "stock.release_refused"
    assert last.data["shipped_lines"] == [{"line_id": "l1", "quantity": 3}]
    assert await inventory.counts("A") == (6, 0)
    await inventory.audit()


@pytest.mark.parametrize(
    ("step", "refusal"),
    [({"version": 99}, StaleVersion), ({"shipment_version": 99}, StaleVersion), ({"minutes": 6}, Refusal)],
)
async def test_a_step_with_a_stale_version_or_from_the_future_changes_nothing(
    inventory: Any, step: dict[str, int], refusal: type[Refusal]
) -> None:
    await inventory.receive({"A": 9})
    fulfilment = await inventory.packed("ord_1", {"A": 3})
    minutes = step.pop("minutes", None) if (step := dict(step)) else None
    async with inventory.runtime.db.transaction() as tx:
        at = None if minutes is None else tx.now + timedelta(minutes=minutes)

    [refused] = await inventory.steps("ship", Step(fulfilment.id, at=at, **step))

    assert isinstance(refused, refusal)
    assert (await inventory.types("ord_1"))[-1] == "fulfilment.accepted"
    assert await inventory.counts("A") == (9, 3)
