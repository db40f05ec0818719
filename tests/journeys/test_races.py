"""What happens at the same time, twice, late, or while a process is killed."""

import asyncio
import os
import secrets
import signal
from collections import Counter
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from svc_contracts.topics import ORDER, STOCK
from svc_local import ledger
from svc_local.layout import State
from svc_local.testing import eventually

pytestmark = pytest.mark.anyio
SECONDS = 30.0
TIMES = 100


async def test_cancel_and_ship_at_the_same_time_never_both_a_hundred_times(world: Any) -> None:
    sku = await world.goods(TIMES)
    staff = world.staff()
    buyers = [world.buyer() for _ in range(TIMES)]
    orders = [await one for one in [bought(buyer, sku) for buyer in buyers]]
    packed = await asyncio.gather(*(ready_to_ship(staff, order_id) for order_id in orders))

    async def race(n: int) -> None:
        ship = staff.step("ship", {"id": packed[n], "carrier": "sf", "tracking_no": f"R{secrets.token_hex(6)}"})
        # Every second time the one, then the other has the start.
        both = [buyers[n].cancel(orders[n]), ship]
        await asyncio.gather(*(both if n % 2 else reversed(both)))

    for n in range(0, TIMES, 10):
        await asyncio.gather(*(race(m) for m in range(n, n + 10)))

    ends: Counter[tuple[str, str]] = Counter()
    for buyer, order_id in zip(buyers, orders, strict=True):
        order = await buyer.until(order_id, "cancelled", "in_fulfilment", within_seconds=SECONDS)
        parcels = (await buyer.tracking(order_id))["shipments"]
        ends[order["status"], order["payment_status"]] += 1
        assert (order["status"] == "cancelled") == (not parcels)
    assert set(ends) <= {("cancelled", "refunded"), ("in_fulfilment", "paid")}
    assert sum(ends.values()) == TIMES
    level = await staff.level(sku)
    shipped = ends["in_fulfilment", "paid"]
    assert (level["on_hand"], level["reserved"], level["available"]) == (TIMES - shipped, 0, TIMES - shipped)


async def bought(buyer: Any, sku: str) -> str:
    order = await buyer.order_of(await buyer.quote((sku, 1)))
    await buyer.pay(order["id"])
    return str(order["id"])


async def ready_to_ship(staff: Any, order_id: str) -> str:
    fulfilment = await staff.fulfilment_of(order_id)
    for action in ("accept", "pick", "pack"):
        [done] = await staff.step(action, {"id": fulfilment["id"]})
        assert done["http_status"] == 200, done
    return str(fulfilment["id"])


async def test_one_service_killed_while_sixty_four_buy_ten_units(world: Any) -> None:
    sku = await world.goods(10)
    buyers, staff = [world.buyer() for _ in range(64)], world.staff()
    victim = ledger.read(State(world.suite.state_dir))["inventory-svc"]

    buying = [asyncio.create_task(buyer.buy_now((sku, 1), total_minor=10_000)) for buyer in buyers]
    await asyncio.wait(buying, return_when=asyncio.FIRST_COMPLETED, timeout=0.05)
    os.kill(victim.pid, signal.SIGKILL)
    answers = await asyncio.gather(*buying)

    # Those who were not told in time ask later: their order is decided all the same.
    assert {answer.status_code for answer in answers} <= {201, 202, 409}
    orders = [
        (buyer, answer.json()["id"]) for buyer, answer in zip(buyers, answers, strict=True) if answer.status_code != 409
    ]
    decided = [
        await buyer.until(order_id, "awaiting_payment", "rejected", within_seconds=SECONDS)
        for buyer, order_id in orders
    ]
    assert sum(order["status"] == "awaiting_payment" for order in decided) == 10
    level = await staff.level(sku)
    assert (level["on_hand"], level["reserved"], level["available"]) == (10, 10, 0)


async def test_every_event_once_more_and_late_changes_nothing(world: Any) -> None:
    sku = await world.goods(3)
    buyer, staff = world.buyer(), world.staff()
    shipped, cancelled = await bought(buyer, sku), await bought(buyer, sku)
    await staff.ship(await ready_to_be_accepted(staff, shipped), tracking_no=f"D{secrets.token_hex(6)}")
    assert (await buyer.cancel(cancelled)).status_code == 200
    await buyer.until(cancelled, "cancelled")
    await buyer.until(shipped, "in_fulfilment")
    before = await seen(world, buyer, staff, sku, shipped, cancelled)

    again = await send_again(world.suite.ports["kafka"], {shipped, cancelled})

    assert again >= 12
    # An order of afterwards has gone the whole way behind the old events.
    late = await bought(buyer, sku)
    await buyer.until(late, "confirmed")
    assert (await buyer.cancel(late)).status_code == 200
    await buyer.until(late, "cancelled")
    assert await seen(world, buyer, staff, sku, shipped, cancelled) == before


async def ready_to_be_accepted(staff: Any, order_id: str) -> str:
    return str((await staff.fulfilment_of(order_id))["id"])


async def seen(world: Any, buyer: Any, staff: Any, sku: str, *order_ids: str) -> dict[str, Any]:
    level = await staff.level(sku)
    orders = [await buyer.order(order_id) for order_id in order_ids]
    return {
        "level": {name: level[name] for name in ("on_hand", "reserved", "available")},
        "orders": [(one["status"], one["payment_status"], one["fulfilment_status"]) for one in orders],
        "timelines": [len(one["timeline"]) for one in orders],
    }


async def send_again(port: int, keys: set[str]) -> int:
    """All records about these orders, as they were, in order."""
    bootstrap = f"127.0.0.1:{port}"
    reader = AIOKafkaConsumer(
        ORDER.name, STOCK.name, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None
    )
    writer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await reader.start()
    await writer.start()
    count = 0
    try:
        ends = await reader.end_offsets(list(reader.assignment()))
        while any([await reader.position(tp) < end for tp, end in ends.items()]):
            for tp, records in (await reader.getmany(timeout_ms=200)).items():
                for record in records:
                    if record.offset < ends[tp] and record.key is not None and record.key.decode() in keys:
                        await writer.send_and_wait(
                            tp.topic, record.value, key=record.key, headers=list(record.headers), partition=tp.partition
                        )
                        count += 1
    finally:
        await reader.stop()
        await writer.stop()
    return count


async def test_all_works_again_after_kafka_was_killed(world: Any) -> None:
    sku = await world.goods(2)
    buyer = world.buyer()
    state = State(world.suite.state_dir)
    broker = ledger.read(state)["kafka"]

    os.kill(broker.pid, signal.SIGKILL)
    answer = await buyer.checkout(
        {
            "lines": [{"sku": sku, "quantity": 1}],
            "region": {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"},
            "delivery_method": "standard",
            "expected_total": {"amount_minor": 10_000, "currency": "CNY"},
        },
        headers={"Prefer": "wait=0"},
    )

    assert answer.status_code == 202, answer.text
    await buyer.until(answer.json()["id"], "awaiting_payment", within_seconds=40)

    async def back() -> None:
        assert ledger.read(state)["kafka"].pid != broker.pid

    await eventually(back, within_seconds=SECONDS, because="the supervisor starts the broker again")
