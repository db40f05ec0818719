"""Real transactions against each other: no cap and no budget exceeded, nothing lost, no deadlock."""

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.anyio

WITHIN_SECONDS = 30


async def outcomes(marketing: Any, ids: list[str]) -> list[str]:
    said = await marketing.said()
    first = {event.key: event.type for event in reversed(said)}
    return [first[id] for id in ids]


async def test_of_64_orders_at_once_for_a_coupon_of_10_exactly_10_have_it(marketing: Any) -> None:
    coupon, batch = await marketing.coupon(total=10)
    orders = [marketing.placed(f"ord_{n:02}", marketing.benefit(coupon, 2_000, "WELCOME")) for n in range(64)]

    await asyncio.gather(*(marketing.decide(order) for order in orders))

    found = await outcomes(marketing, [order.order_id for order in orders])
    assert (found.count("benefits.locked"), found.count("benefits.refused")) == (10, 54)
    assert await marketing.counter(batch) == (0, 10, 20_000, 0)
    whys = {one["why"] for event in await marketing.said(type="benefits.refused") for one in event.data["items"]}
    assert whys == {"coupon-exhausted"}
    assert (await marketing.types(coupon["id"])).count("promotion.exhausted") == 1
    await marketing.audit()


async def test_delivered_again_and_again_in_crossed_batches_it_still_is_10(marketing: Any) -> None:
    coupon, batch = await marketing.coupon(total=10)
    orders = [marketing.placed(f"ord_{n:02}", marketing.benefit(coupon, 2_000, "WELCOME")) for n in range(64)]
    batches = [orders[n::8] for n in range(8)] + [orders[n::8][::-1] for n in range(8)] + [orders, orders[::-1]]

    await asyncio.wait_for(asyncio.gather(*(marketing.decide(*some) for some in batches)), WITHIN_SECONDS)

    locked = {event.key for event in await marketing.said(type="benefits.locked")}
    refused = {event.key for event in await marketing.said(type="benefits.refused")}
    assert (len(locked), len(refused), locked & refused) == (10, 54, set())
    assert await marketing.counter(batch) == (0, 10, 20_000, 0)
    assert await marketing.rows("budget_entry") == 20
    await marketing.audit()


async def test_what_is_given_back_in_the_rush_is_taken_again_and_never_twice(marketing: Any) -> None:
    coupon, batch = await marketing.coupon(total=10)
    orders = [marketing.placed(f"ord_{n:02}", marketing.benefit(coupon, 2_000, "WELCOME")) for n in range(48)]

    async def life(n: int) -> None:
        await marketing.decide(orders[n])
        if n % 3 == 0:
            await marketing.decide(marketing.ended(orders[n].order_id))

    await asyncio.wait_for(asyncio.gather(*(life(n) for n in range(48))), WITHIN_SECONDS)

    used, locked, reserved, spent = await marketing.counter(batch)
    assert locked == await marketing.rows(f"benefit_use WHERE subject_id = '{batch['id']}'") <= 10
    assert (used, reserved, spent) == (0, locked * 2_000, 0)
    assert len(await marketing.said(type="benefits.released")) == 16
    await marketing.audit()
    # Whatever is left can be had.
    left = 10 - locked
    rest = [marketing.placed(f"ord_r{n}", marketing.benefit(coupon, 2_000, "WELCOME")) for n in range(left + 1)]
    await marketing.decide(*rest)
    found = await outcomes(marketing, [order.order_id for order in rest])
    assert found == ["benefits.locked"] * left + ["benefits.refused"]


async def test_a_budget_is_never_exceeded_however_many_promotions_spend_it(marketing: Any) -> None:
    campaign = await marketing.campaign(hard_cap=marketing.money(10_000))
    some = [await marketing.promotion(campaign_id=campaign["id"]) for _ in range(4)]
    orders = [marketing.placed(f"ord_{n:02}", marketing.benefit(some[n % 4], 700)) for n in range(64)]

    async def life(n: int) -> None:
        await marketing.decide(orders[n])
        if n % 2:
            await marketing.decide(orders[n])

    await asyncio.wait_for(asyncio.gather(*(life(n) for n in range(64))), WITHIN_SECONDS)

    found = await outcomes(marketing, [order.order_id for order in orders])
    assert (found.count("benefits.locked"), found.count("benefits.refused")) == (14, 50)
    assert await marketing.counter(campaign) == (0, 14, 9_800, 0)
    await marketing.audit()


async def test_one_customer_with_many_orders_at_once_has_the_coupon_twice(marketing: Any) -> None:
    coupon, batch = await marketing.coupon(total=100, each=2)
    benefit = marketing.benefit(coupon, 2_000, "WELCOME")
    orders = [marketing.placed(f"ord_{n:02}", benefit, person_id="per_1") for n in range(24)]

    await asyncio.gather(*(marketing.decide(order) for order in orders))

    found = await outcomes(marketing, [order.order_id for order in orders])
    assert found.count("benefits.locked") == 2
    assert await marketing.counter(batch) == (0, 2, 4_000, 0)
    await marketing.audit()


async def test_the_same_order_asked_by_many_at_once_is_locked_once(marketing: Any) -> None:
    coupon, batch = await marketing.coupon()
    order = marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME"))

    await asyncio.gather(*(marketing.decide(order) for _ in range(8)))

    assert await marketing.types("ord_1") == ["benefits.locked"] * 8
    assert await marketing.counter(batch) == (0, 1, 2_000, 0)
    await marketing.audit()


async def test_orders_staff_pages_and_clocks_at_once_never_deadlock(marketing: Any) -> None:
    campaign = await marketing.campaign(hard_cap=marketing.money(5_000))
    shown = await marketing.promotion(campaign_id=campaign["id"], scope="catalogue")
    coupon, batch = await marketing.coupon(campaign_id=campaign["id"], total=8)
    wares = [marketing.listing_changed(f"p{n}", {f"S{n}": [marketing.price(10_000)]}) for n in range(4)]
    await marketing.project(*wares)

    def order(n: int) -> Any:
        benefits = [marketing.benefit(shown, 1_000), marketing.benefit(coupon, 500, "WELCOME")]
        return marketing.placed(f"ord_{n:02}", *(benefits if n % 2 else benefits[::-1]))

    async def buys(n: int) -> None:
        await marketing.decide(order(n))
        await marketing.decide(marketing.ended(f"ord_{n:02}"))

    async def staff(n: int) -> None:
        one = await marketing.get("campaigns", campaign)
        body = {"version": one["version"], "hard_cap": marketing.money(5_000 + n)}
        await marketing.merchant.patch(f"/v1/admin/campaigns/{campaign['id']}", json=body)
        made = await marketing.batch(coupon, f"CODE-{n}", total=3)
        await marketing.step("coupon-batches", made, "revoke")
        await marketing.promotion(campaign_id=campaign["id"])

    async def clock() -> None:
        for _ in range(6):
            await marketing.tick()
            await marketing.project(*wares)

    work = [*(buys(n) for n in range(24)), *(staff(n) for n in range(6)), clock()]
    await asyncio.wait_for(asyncio.gather(*work), WITHIN_SECONDS)

    assert await marketing.counter(batch) == (0, 0, 0, 0)
    assert await marketing.counter(campaign) == (0, 0, 0, 0)
    assert (await marketing.get("promotions", shown))["exhausted"] is False
    await marketing.audit()
    # After the last word of the clock the pages show what stands.
    await marketing.tick()
    last = {}
    for event in await marketing.said(about=shown["id"], type="promotion.price_changed"):
        last |= {one["sku"]: one["amount_minor"] for one in event.data["skus"]}
    assert last == {f"S{n}": 9_000 for n in range(4)}
