"""How far benefits go: so often, for so much, so long, in which shop, and what is said when they are exhausted."""

from datetime import timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("each", "locked"), [(1, 1), (2, 2), (3, 3)])
async def test_one_customer_has_a_coupon_so_often_and_no_oftener(marketing: Any, each: int, locked: int) -> None:
    coupon, batch = await marketing.coupon(each=each)
    benefit = marketing.benefit(coupon, 2_000, "WELCOME")

    for n in range(5):
        await marketing.deliver(marketing.placed(f"ord_{n}", benefit, person_id="per_1"))
    await marketing.deliver(marketing.placed("ord_9", benefit, person_id="per_2"))

    said = [(await marketing.said(about=f"ord_{n}"))[0] for n in range(5)]
    assert [event.type for event in said] == ["benefits.locked"] * locked + ["benefits.refused"] * (5 - locked)
    assert {one["why"] for event in said[locked:] for one in event.data["items"]} == {"coupon-invalid"}
    assert await marketing.types("ord_9") == ["benefits.locked"]
    assert (await marketing.counter(batch))[1] == locked + 1
    await marketing.audit()


async def test_a_promotion_has_caps_of_its_own(marketing: Any) -> None:
    promotion = await marketing.promotion(total=2, per_customer=1)
    benefit = marketing.benefit(promotion, 1_000)

    await marketing.deliver(
        marketing.placed("ord_1", benefit, person_id="per_1"),
        marketing.placed("ord_2", benefit, person_id="per_1"),
        marketing.placed("ord_3", benefit, person_id="per_2"),
        marketing.placed("ord_4", benefit, person_id="per_3"),
    )

    outcomes = [(await marketing.types(f"ord_{n}"))[0] for n in range(1, 5)]
    assert outcomes == ["benefits.locked", "benefits.refused", "benefits.locked", "benefits.refused"]
    assert await marketing.counter(promotion) == (0, 2, 2_000, 0)
    await marketing.audit()


async def test_benefits_of_one_order_share_a_budget_to_the_last_minor_unit(marketing: Any) -> None:
    campaign = await marketing.campaign(hard_cap=marketing.money(3_000))
    some = [await marketing.promotion(campaign_id=campaign["id"]) for _ in range(2)]

    await marketing.deliver(
        marketing.placed("ord_1", marketing.benefit(some[0], 2_000), marketing.benefit(some[1], 1_001)),
        marketing.placed("ord_2", marketing.benefit(some[0], 2_000), marketing.benefit(some[1], 1_000)),
        marketing.placed("ord_3", marketing.benefit(some[0], 1)),
    )

    outcomes = [(await marketing.types(f"ord_{n}"))[0] for n in range(1, 4)]
    assert outcomes == ["benefits.refused", "benefits.locked", "benefits.refused"]
    assert await marketing.counter(campaign) == (0, 1, 3_000, 0)
    await marketing.audit()


async def test_a_coupon_opens_its_own_promotion_only_and_in_its_own_shop(marketing: Any) -> None:
    mine, batch = await marketing.coupon("MINE")
    other, _ = await marketing.coupon("OTHER")
    elsewhere = marketing.placed("ord_2", marketing.benefit(mine, 2_000, "MINE")).model_copy(update={"shop": "cups"})

    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(other, 2_000, "MINE")), elsewhere)

    whys = [event.data["items"][0]["why"] for n in (1, 2) for event in await marketing.said(about=f"ord_{n}")]
    assert whys == ["coupon-invalid", "coupon-invalid"]
    assert await marketing.counter(batch) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("late_seconds", "type_"), [(0, "benefits.locked"), (899, "benefits.locked"), (900, "benefits.refused")]
)
async def test_a_quote_binds_for_a_while_after_the_window_has_closed(
    marketing: Any, late_seconds: int, type_: str
) -> None:
    until = marketing.now + timedelta(hours=1)
    promotion = await marketing.promotion(window={"until": until.isoformat()})
    coupon, _ = await marketing.coupon()
    late = await marketing.batch(coupon, "LATE", validity={"until": until.isoformat()})
    await marketing.tick(passed_seconds=3_600 + late_seconds)
    at = until + timedelta(seconds=late_seconds)

    await marketing.deliver(
        marketing.placed("ord_1", marketing.benefit(promotion, 1_000), at=at),
        marketing.placed("ord_2", marketing.benefit(coupon, 2_000, late["code"]), at=at),
    )

    assert (await marketing.get("promotions", promotion))["state"] == "ended"
    assert [await marketing.types("ord_1"), await marketing.types("ord_2")] == [[type_], [type_]]


@pytest.mark.parametrize("verb", ["pause", "end"])
async def test_what_somebody_stopped_is_stopped_at_once(marketing: Any, verb: str) -> None:
    promotion = await marketing.step("promotions", await marketing.promotion(), verb)

    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(promotion, 1_000)))

    [refused] = await marketing.said(about="ord_1")
    assert [one["why"] for one in refused.data["items"]] == ["promotion-ended"]


async def test_a_revoked_coupon_is_taken_from_nobody_and_given_to_nobody(marketing: Any) -> None:
    coupon, batch = await marketing.coupon()
    benefit = marketing.benefit(coupon, 2_000, "WELCOME")
    await marketing.deliver(marketing.placed("ord_1", benefit))
    await marketing.step("coupon-batches", batch, "revoke")

    await marketing.deliver(marketing.placed("ord_2", benefit), marketing.confirmed("ord_1"))

    assert await marketing.types("ord_1") == ["benefits.locked", "benefits.used"]
    [refused] = await marketing.said(about="ord_2")
    assert [one["why"] for one in refused.data["items"]] == ["coupon-invalid"]
    await marketing.audit()


async def test_exhausted_and_available_are_said_at_each_crossing_and_only_then(marketing: Any) -> None:
    coupon, batch = await marketing.coupon(total=2)
    benefit = marketing.benefit(coupon, 2_000, "WELCOME")

    async def crossings() -> list[str]:
        return [type_ for type_ in await marketing.types(coupon["id"]) if type_ != "promotion.changed"]

    await marketing.deliver(marketing.placed("ord_1", benefit))
    assert await crossings() == []
    await marketing.deliver(marketing.placed("ord_2", benefit), marketing.placed("ord_3", benefit))
    assert await crossings() == ["promotion.exhausted"]
    assert (await marketing.get("promotions", coupon))["exhausted"] is True
    assert (await marketing.get("coupon-batches", batch))["exhausted"] is True
    await marketing.deliver(marketing.confirmed("ord_1"))
    assert await crossings() == ["promotion.exhausted"]
    await marketing.deliver(marketing.ended("ord_2"))
    assert await crossings() == ["promotion.exhausted", "promotion.available"]
    # There and back within one batch is no news.
    await marketing.deliver(marketing.placed("ord_4", benefit), marketing.ended("ord_4"))
    assert await crossings() == ["promotion.exhausted", "promotion.available"]
    await marketing.deliver(marketing.placed("ord_5", benefit))
    assert await crossings() == ["promotion.exhausted", "promotion.available", "promotion.exhausted"]
    await marketing.audit()


async def test_a_promotion_is_exhausted_when_the_last_of_its_coupons_is(marketing: Any) -> None:
    coupon, first = await marketing.coupon("FIRST", total=1)
    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "FIRST")))
    assert (await marketing.get("promotions", coupon))["exhausted"] is True

    second = await marketing.batch(coupon, "SECOND", total=1)
    assert (await marketing.get("promotions", coupon))["exhausted"] is False
    await marketing.step("coupon-batches", second, "revoke")
    assert (await marketing.get("promotions", coupon))["exhausted"] is True
    await marketing.deliver(marketing.ended("ord_1"))

    assert (await marketing.get("promotions", coupon))["exhausted"] is False
    assert (await marketing.get("coupon-batches", first))["left"] == 1
    await marketing.audit()


async def test_a_spent_budget_exhausts_every_promotion_of_the_campaign(marketing: Any) -> None:
    campaign = await marketing.campaign(hard_cap=marketing.money(1_000))
    some = [await marketing.promotion(campaign_id=campaign["id"]) for _ in range(2)]
    other = await marketing.promotion()

    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(some[0], 1_000)))

    assert [(await marketing.get("promotions", one))["exhausted"] for one in (*some, other)] == [True, True, False]
    late = await marketing.promotion(campaign_id=campaign["id"], active=False)
    assert await marketing.types(late["id"]) == ["promotion.changed", "promotion.exhausted"]
    await marketing.deliver(marketing.ended("ord_1"))
    states = [(await marketing.get("promotions", one))["exhausted"] for one in (*some, other, late)]
    assert states == [False, False, False, False]
    await marketing.audit()
