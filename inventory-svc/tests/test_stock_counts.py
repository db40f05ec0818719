"""Receipts, adjustments, settings, alerts and announcements on real PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from inventory_svc.stock.commands.adjustments import AdjustmentLine, BelowZero, RepeatedLevel, adjust
from inventory_svc.stock.commands.announcements import announce
from inventory_svc.stock.commands.receipts import ReceiptChanged
from inventory_svc.stock.commands.settings import BackorderLimitInUse, change_settings
from inventory_svc.warehouses.commands import UnknownWarehouse
from svc_kit.refusals import StaleVersion

pytestmark = pytest.mark.anyio


async def adjusted(inventory: Any, *lines: AdjustmentLine) -> Any:
    async with inventory.runtime.db.transaction() as tx:
        return await adjust(tx, lines)


async def set_level(inventory: Any, sku: str, version: int, **given: int) -> Any:
    facts: dict[str, int | None] = {"safety_stock": None, "reorder_point": None, "backorder_limit": None, **given}
    async with inventory.runtime.db.transaction() as tx:
        return await change_settings(tx, sku=sku, warehouse="main", version=version, **facts)


async def test_a_receipt_counts_once_however_often_it_is_sent(inventory: Any) -> None:
    first = await inventory.receive({"A": 10, "B": 3}, reference="PO-1")
    again = await inventory.receive({"A": 10, "B": 3}, reference="PO-1")

    assert again == replace(first, replayed=True)
    assert [await inventory.counts("A"), await inventory.counts("B")] == [(10, 0), (3, 0)]
    assert await inventory.types("A@main") == ["stock.level_changed"]
    await inventory.audit()


async def test_another_receipt_under_the_same_reference_is_refused(inventory: Any) -> None:
    await inventory.receive({"A": 10}, reference="PO-1")
    said = len(await inventory.said())

    with pytest.raises(ReceiptChanged):
        await inventory.receive({"A": 11}, reference="PO-1")

    assert await inventory.counts("A") == (10, 0)
    assert len(await inventory.said()) == said
    await inventory.audit()


async def test_a_receipt_in_a_warehouse_that_is_not_there_is_refused(inventory: Any) -> None:
    with pytest.raises(UnknownWarehouse):
        await inventory.receive({"A": 1}, warehouse="nowhere")


async def test_a_count_books_the_difference_and_a_deficit_where_more_was_promised(inventory: Any) -> None:
    await inventory.receive({"A": 10})
    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 8)]))

    result = await adjusted(inventory, AdjustmentLine("A", "main", "counted", counted=5))

    assert [(one.delta, one.level.deficit, one.level.available) for one in result.lines] == [(-5, 3, -3)]
    opened = [event.data["kind"] for event in await inventory.said() if event.type == "stock.alert_opened"]
    assert sorted(opened) == ["deficit", "out"]

    await inventory.receive({"A": 9})
    closed = [event.data["kind"] for event in await inventory.said() if event.type == "stock.alert_closed"]
    assert ((await inventory.level("A")).deficit, sorted(closed)) == (0, ["deficit", "out"])
    await inventory.audit()


async def test_an_adjustment_below_zero_is_refused_with_every_line_and_books_nothing(inventory: Any) -> None:
    await inventory.receive({"A": 2, "B": 2, "C": 2})

    with pytest.raises(BelowZero) as refused:
        await adjusted(
            inventory,
            AdjustmentLine("A", "main", "lost", delta=-3),
            AdjustmentLine("B", "main", "lost", delta=-1),
            AdjustmentLine("C", "main", "lost", delta=-4),
        )

    assert [fault.pointer for fault in refused.value.faults] == ["/lines/0", "/lines/2"]
    assert [await inventory.counts(sku) for sku in "ABC"] == [(2, 0)] * 3
    await inventory.audit()


async def test_a_level_stands_once_in_an_adjustment(inventory: Any) -> None:
    line = AdjustmentLine("A", "main", "found", delta=1)

    with pytest.raises(RepeatedLevel):
        await adjusted(inventory, line, line)


async def test_a_stale_version_changes_no_setting(inventory: Any) -> None:
    await inventory.receive({"A": 2})
    await set_level(inventory, "A", 0, safety_stock=1)

    with pytest.raises(StaleVersion):
        await set_level(inventory, "A", 0, safety_stock=2)

    level = await inventory.level("A")
    assert (level.safety_stock, level.version, level.available) == (1, 1, 1)


async def test_a_back_order_limit_in_use_cannot_be_taken_away(inventory: Any) -> None:
    await set_level(inventory, "A", 0, backorder_limit=5)
    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 3)]))

    with pytest.raises(BackorderLimitInUse) as refused:
        await set_level(inventory, "A", 1, backorder_limit=2)

    assert refused.value.faults[0].facts["least"] == 3
    assert (await set_level(inventory, "A", 1, backorder_limit=3)).backorder_limit == 3


async def test_a_low_alert_opens_once_and_closes_a_margin_above(inventory: Any) -> None:
    await set_level(inventory, "A", 0, reorder_point=10)
    await inventory.receive({"A": 20})
    for n, units in enumerate((10, 1), start=1):
        await inventory.deliver(inventory.placed(f"ord_{n}", [inventory.line("l1", "A", units)]))
    await inventory.receive({"A": 3})
    still_open = (await inventory.level("A")).alert_low
    await inventory.receive({"A": 1})

    async with inventory.runtime.db.read() as con:
        alerts = await con.fetch("SELECT kind, state FROM stock_alert WHERE kind = 'low' ORDER BY id")
    assert still_open
    assert [tuple(alert) for alert in alerts][-1] == ("low", "resolved")
    assert not (await inventory.level("A")).alert_low


async def test_a_level_speaks_once_a_second_and_the_last_word_still_comes(inventory: Any) -> None:
    await inventory.receive({"A": 10})
    for n in range(3):
        await inventory.deliver(inventory.placed(f"ord_{n}", [inventory.line("l1", "A", 1)]))
    before = await inventory.types("A@main")
    async with inventory.runtime.db.read() as con:
        due = await con.fetch("SELECT aggregate_id, kind FROM deadline")

    async with inventory.runtime.db.transaction() as tx:
        tx.now += timedelta(seconds=1)
        await announce(tx, ["A@main"])

    assert before == ["stock.level_changed"]
    assert [tuple(row) for row in due] == [("A@main", "announce")]
    last = (await inventory.said(about="A@main"))[-1]
    assert (last.data["on_hand"], last.data["available"], last.data["availability"]) == (10, 7, "in_stock")
    assert not (await inventory.level("A")).announce_pending


async def test_selling_the_last_one_is_said_at_once(inventory: Any) -> None:
    await inventory.receive({"A": 2})

    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 2)]))

    said = await inventory.said(about="A@main")
    assert [event.type for event in said] == ["stock.level_changed", "stock.level_changed", "stock.alert_opened"]
    assert said[1].data["availability"] == "sold_out"


@pytest.mark.parametrize("statement", ["UPDATE stock_movement SET quantity = 1", "DELETE FROM stock_movement"])
async def test_the_ledger_cannot_be_rewritten(inventory: Any, statement: str) -> None:
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        async with inventory.runtime.db.transaction() as tx:
            await tx.con.execute(statement)


async def test_the_database_itself_refuses_to_oversell(inventory: Any) -> None:
    await inventory.receive({"A": 2})

    with pytest.raises(asyncpg.CheckViolationError, match="stock_level_not_oversold"):
        async with inventory.runtime.db.transaction() as tx:
            await tx.con.execute("UPDATE stock_level SET reserved = 3")
