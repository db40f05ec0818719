"""The promise on the product page, and the planner of the confirm step."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from order_svc.delivery.queries import planner
from svc_contracts.events.stock import Allocation

pytestmark = pytest.mark.anyio


async def promise(store: Any, sku: str = "A", **more: str) -> Any:
    return await store.nobody().get(f"{store.base}/delivery-promise", params={"sku": sku, **more})


async def test_a_visitor_sees_when_the_parcel_comes(store: Any) -> None:
    await store.sell("A")

    near, far, anywhere = (
        await promise(store, region="上海市"),
        await promise(store, region="Tibet"),
        await promise(store),
    )

    assert near.headers["Cache-Control"] == "public, max-age=2"
    assert near.json() == {
        "ship_by": "2026-03-03T02:00:00Z",
        "deliver_from": "2026-03-03T01:00:00Z",
        "deliver_until": "2026-03-05T13:00:00Z",
    }
    assert [one.json()["deliver_until"] for one in (far, anywhere)] == ["2026-03-11T13:00:00Z"] * 2
    assert [one.json()["deliver_from"] for one in (far, anywhere)] == ["2026-03-06T01:00:00Z", "2026-03-04T01:00:00Z"]


async def test_what_nobody_sells_or_ships_has_no_promise(store: Any) -> None:
    await store.sell("A")
    await store.hears(store.shop("other", channel="elsewhere"), store.listing("A", of="other"))

    assert (await promise(store, "NONE")).status_code == 404
    assert (await store.nobody().get("/v1/store/nowhere/delivery-promise?sku=A")).status_code == 404
    assert (await store.nobody().get("/v1/store/other/delivery-promise?sku=A")).status_code == 404
    assert (await store.nobody().get(f"{store.base}/delivery-promise")).status_code == 422
    await store.hears(store.warehouse(state="closed"))
    assert (await promise(store)).status_code == 404


async def test_the_first_warehouse_that_has_all_of_it_promises(store: Any) -> None:
    await store.hears(
        store.listing("SET", parts={"CUP": 2, "POT": 1}),
        store.warehouse("near", priority=1),
        store.warehouse("slow", priority=2, handling_hours=72),
        store.level("CUP", 1, "near"),
        store.level("POT", 5, "near"),
        store.level("CUP", 2, "slow"),
        store.level("POT", 1, "slow"),
        store.warehouse("main", state="closed"),
    )
    assert (await promise(store, "SET")).json()["ship_by"] == "2026-03-05T02:00:00Z"

    await store.hears(store.level("CUP", 2, "near"))
    assert (await promise(store, "SET")).json()["ship_by"] == "2026-03-03T02:00:00Z"

    # Nobody has it: the first of all would send it.
    await store.hears(store.level("CUP", 0, "near"), store.level("CUP", 0, "slow"))
    assert (await promise(store, "SET")).json()["ship_by"] == "2026-03-03T02:00:00Z"


@dataclass
class Confirmed:
    """What the planner looks at of an order."""

    allocations: list[Allocation]
    region: dict[str, Any] = field(default_factory=lambda: {"country": "CN", "province": "Shanghai"})


async def test_the_planner_promises_by_the_warehouses_that_hold_the_goods(store: Any) -> None:
    await store.hears(store.warehouse("slow", handling_hours=72))
    now = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)

    async with store.runtime.db.read() as con:
        plan: Any = await planner(con)

    def ship_by(*codes: str) -> datetime:
        held = [Allocation(line_id=f"l{n}", sku="A", warehouse=code, quantity=1) for n, code in enumerate(codes)]
        found: datetime = plan(Confirmed(held), now).ship_by
        return found

    assert ship_by("main") == datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
    assert ship_by("main", "slow") == datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
    assert ship_by("nobody-knows") == ship_by() == datetime(2026, 3, 4, 16, 0, tzinfo=UTC)
