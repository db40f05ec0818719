"""Decisions about orders on real PostgreSQL."""

from typing import Any

import pytest

from inventory_svc.stock.commands.settings import change_settings

pytestmark = pytest.mark.anyio


def allocations(event: Any) -> list[tuple[str, str, str, int]]:
    return [(one["line_id"], one["sku"], one["warehouse"], one["quantity"]) for one in event.data["allocations"]]


async def test_an_order_is_reserved_with_all_its_lines(inventory: Any) -> None:
    await inventory.receive({"A": 10, "B": 4})

    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 3), inventory.line("l2", "B", 4)]))

    [reserved] = await inventory.said(about="ord_1")
    assert (reserved.type, reserved.seq, reserved.topic) == ("stock.reserved", 1, "stock.events")
    assert allocations(reserved) == [("l1", "A", "main", 3), ("l2", "B", "main", 4)]
    assert [await inventory.counts("A"), await inventory.counts("B")] == [(10, 3), (4, 4)]
    await inventory.audit()


async def test_a_short_order_is_refused_with_every_shortage_and_takes_nothing(inventory: Any) -> None:
    await inventory.receive({"A": 2, "B": 9})

    await inventory.deliver(
        inventory.placed(
            "ord_1", [inventory.line("l1", "A", 3), inventory.line("l2", "B", 1), inventory.line("l3", "NONE", 1)]
        )
    )

    [refused] = await inventory.said(about="ord_1")
    assert refused.type == "stock.refused"
    assert refused.data["shortages"] == [
        {"line_id": "l1", "sku": "A", "wanted": 3, "available": 2},
        {"line_id": "l3", "sku": "NONE", "wanted": 1, "available": 0},
    ]
    assert [await inventory.counts("A"), await inventory.counts("B")] == [(2, 0), (9, 0)]
    await inventory.audit()


async def test_a_bundle_reserves_its_parts_and_counts_them_once_over_the_order(inventory: Any) -> None:
    await inventory.receive({"A": 7, "B": 2})
    lines = [inventory.line("l1", "SET", 2, {"A": 2, "B": 1}), inventory.line("l2", "A", 3)]

    await inventory.deliver(inventory.placed("ord_1", lines))
    await inventory.deliver(inventory.placed("ord_2", [inventory.line("l1", "A", 1)]))

    [reserved] = await inventory.said(about="ord_1")
    assert sorted(allocations(reserved)) == [("l1", "A", "main", 4), ("l1", "B", "main", 2), ("l2", "A", "main", 3)]
    assert await inventory.types("ord_2") == ["stock.refused"]
    await inventory.audit()


async def test_only_warehouses_that_serve_the_channel_are_asked_by_priority(inventory: Any) -> None:
    await inventory.open("near", priority=0)
    await inventory.open("foreign", priority=0, channels=["other"])
    for warehouse, units in (("main", 5), ("near", 2), ("foreign", 9)):
        await inventory.receive({"A": units}, warehouse=warehouse)

    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 2)]))
    await inventory.deliver(inventory.placed("ord_2", [inventory.line("l1", "A", 5)]))
    await inventory.deliver(inventory.placed("ord_3", [inventory.line("l1", "A", 1)]))

    assert allocations((await inventory.said(about="ord_1"))[0]) == [("l1", "A", "near", 2)]
    assert allocations((await inventory.said(about="ord_2"))[0]) == [("l1", "A", "main", 5)]
    assert await inventory.types("ord_3") == ["stock.refused"]
    assert await inventory.counts("A", "foreign") == (9, 0)


async def test_asked_twice_with_a_new_event_it_says_the_same_and_takes_nothing_more(inventory: Any) -> None:
    await inventory.receive({"A": 10})
    order = inventory.placed("ord_1", [inventory.line("l1", "A", 3)])

    await inventory.deliver(order)
    await inventory.deliver(order)

    first, second = await inventory.said(about="ord_1")
    assert (first.data, first.seq, second.seq) == (second.data, 1, 2)
    assert await inventory.counts("A") == (10, 3)
    await inventory.audit()


async def test_the_next_attempt_after_a_refusal_is_decided_afresh(inventory: Any) -> None:
    await inventory.receive({"A": 1})
    lines = [inventory.line("l1", "A", 3)]
    await inventory.deliver(inventory.placed("ord_1", lines))
    await inventory.receive({"A": 2})

    await inventory.deliver(inventory.placed("ord_1", lines))
    await inventory.deliver(inventory.placed("ord_1", lines, attempt=2))

    said = await inventory.said(about="ord_1")
    assert [(event.type, event.data["attempt"]) for event in said] == [
        ("stock.refused", 1),
        ("stock.refused", 1),
        ("stock.reserved", 2),
    ]
    assert await inventory.counts("A") == (3, 3)
    await inventory.audit()


@pytest.mark.parametrize("how", ["rejected", "expired", "cancelling", "cancelled"])
async def test_every_end_of_an_order_gives_back_what_it_held_once(inventory: Any, how: str) -> None:
    await inventory.receive({"A": 3})
    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 3)]))

    await inventory.deliver(inventory.ended("ord_1", how))
    await inventory.deliver(inventory.ended("ord_1", "cancelled"))

    said = await inventory.said(about="ord_1")
    assert [event.type for event in said] == ["stock.reserved", "stock.released"]
    assert allocations(said[1]) == [("l1", "A", "main", 3)]
    assert await inventory.counts("A") == (3, 0)
    await inventory.audit()


async def test_an_order_cancelled_before_it_was_placed_is_never_reserved(inventory: Any) -> None:
    await inventory.receive({"A": 3})

    await inventory.deliver(inventory.ended("ord_1"))
    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 3)]))

    assert await inventory.types("ord_1") == ["stock.released", "stock.released"]
    assert await inventory.counts("A") == (3, 0)
    await inventory.audit()


async def test_one_batch_may_hold_the_whole_life_of_an_order(inventory: Any) -> None:
    await inventory.receive({"A": 3})
    lines = [inventory.line("l1", "A", 3)]

    await inventory.deliver(
        inventory.placed("ord_1", lines),
        inventory.confirmed("ord_1"),
        inventory.ended("ord_1"),
        inventory.placed("ord_2", lines),
        inventory.placed("ord_3", lines),
        inventory.confirmed("ord_2"),
    )

    assert await inventory.types("ord_1") == ["stock.reserved", "stock.released"]
    assert await inventory.types("ord_2") == ["stock.reserved"]
    assert await inventory.types("ord_3") == ["stock.refused"]
    assert await inventory.fulfilments_of("ord_1") == []
    assert len(await inventory.fulfilments_of("ord_2")) == 1
    await inventory.audit()


async def test_a_back_order_is_promised_up_to_its_limit(inventory: Any) -> None:
    await inventory.receive({"A": 1})
    async with inventory.runtime.db.transaction() as tx:
        await change_settings(
            tx, sku="A", warehouse="main", version=0, safety_stock=None, reorder_point=None, backorder_limit=2
        )

    for n, units in enumerate((3, 1), start=1):
        await inventory.deliver(inventory.placed(f"ord_{n}", [inventory.line("l1", "A", units)]))

    assert await inventory.types("ord_1") == ["stock.reserved"]
    assert await inventory.types("ord_2") == ["stock.refused"]
    assert await inventory.counts("A") == (1, 3)
