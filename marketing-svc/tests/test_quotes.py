"""What order-svc is told a cart would get."""

from datetime import timedelta
from typing import Any

import pytest

from svc_kit.testing import client_of

pytestmark = pytest.mark.anyio


async def wares(marketing: Any) -> None:
    price = marketing.price(10_000)
    await marketing.project(
        marketing.listing_changed("tea", {"TEA": [price]}),
        marketing.listing_changed("cup", {"CUP": [price]}, category_path=["cat_root", "cat_cups"], brand=None),
    )


async def test_a_cart_gets_what_is_on_with_every_amount_explained(marketing: Any) -> None:
    await wares(marketing)
    tea = {"category_ids": ["cat_tea"]}
    shown = await marketing.promotion(scope="catalogue", conditions=tea, name={"zh": "茶九折", "en": "Tea"})
    coupon, _ = await marketing.coupon(conditions={"spend_min_minor": 10_000})

    quote = await marketing.quote(("TEA", 2, 10_000), ("CUP", 1, 2_000), coupon_code=" welcome ", person_id="per_1")

    assert quote == {
        "benefits": [
            {
                "promotion_id": shown["id"],
                "coupon_code": None,
                "name": {"zh": "茶九折", "en": "Tea"},
                "amount_minor": 2_000,
                "lines": [{"line_id": "l1", "amount_minor": 2_000}],
            },
            {
                "promotion_id": coupon["id"],
                "coupon_code": "WELCOME",
                "name": {"en": "Ten off"},
                "amount_minor": 2_000,
                "lines": [{"line_id": "l1", "amount_minor": 1_800}, {"line_id": "l2", "amount_minor": 200}],
            },
        ],
        "lines": [
            {
                "line_id": "l1",
                "discount_minor": 3_800,
                "trace": [
                    {"promotion_id": shown["id"], "name": {"zh": "茶九折", "en": "Tea"}, "amount_minor": 2_000},
                    {"promotion_id": coupon["id"], "name": {"en": "Ten off"}, "amount_minor": 1_800},
                ],
            },
            {
                "line_id": "l2",
                "discount_minor": 200,
                "trace": [{"promotion_id": coupon["id"], "name": {"en": "Ten off"}, "amount_minor": 200}],
            },
        ],
        "discount_minor": 4_000,
        "coupon": None,
    }
    assert await marketing.rows("benefit_order") == 0


async def test_a_shop_without_promotions_gives_nothing(marketing: Any) -> None:
    quote = await marketing.quote(("TEA", 1, 10_000))

    line = {"line_id": "l1", "discount_minor": 0, "trace": []}
    assert quote == {"benefits": [], "lines": [line], "discount_minor": 0, "coupon": None}


async def test_what_the_copy_does_not_know_yet_belongs_to_no_category(marketing: Any) -> None:
    await marketing.promotion(conditions={"category_ids": ["cat_tea"]})
    everything = await marketing.promotion()

    quote = await marketing.quote(("NEW", 1, 10_000))

    assert [one["promotion_id"] for one in quote["benefits"]] == [everything["id"]]


async def coupon_why(marketing: Any, **body: Any) -> str | None:
    quote = await marketing.quote(("TEA", 1, 10_000), coupon_code="WELCOME", **body)
    coupon = quote["coupon"]
    assert (coupon is None) == any(one["coupon_code"] for one in quote["benefits"])
    assert coupon is None or coupon["code"] == "WELCOME"
    return coupon["why"] if coupon else None


async def test_a_code_nobody_issued_is_unknown(marketing: Any) -> None:
    assert await coupon_why(marketing) == "unknown"


async def test_a_code_of_another_shop_or_a_draft_is_unknown(marketing: Any) -> None:
    await marketing.project(marketing.shop_changed("cups"))
    await marketing.coupon(shop="cups")
    assert await coupon_why(marketing) == "unknown"

    await marketing.coupon(active=False)
    assert await coupon_why(marketing) == "unknown"


async def test_a_code_says_when_it_is_too_early_and_when_too_late(marketing: Any) -> None:
    begin, end = marketing.now + timedelta(hours=1), marketing.now + timedelta(hours=2)
    await marketing.coupon(window={"from": begin.isoformat(), "until": end.isoformat()})

    assert await coupon_why(marketing) == "not-started"
    await marketing.tick(passed_seconds=3_600)
    assert await coupon_why(marketing) is None
    # Over by the clock, before the timer has looked.
    marketing.clock.advance(3_599)
    await marketing.tick()
    assert await coupon_why(marketing) is None
    marketing.clock.advance(1)
    assert await coupon_why(marketing) == "ended"
    await marketing.tick()
    assert await coupon_why(marketing) == "ended"


async def test_a_batch_has_a_validity_of_its_own(marketing: Any) -> None:
    promotion = await marketing.promotion(trigger="code", reward={"amount_minor": 2_000})
    begin, end = marketing.now + timedelta(hours=1), marketing.now + timedelta(hours=2)
    await marketing.batch(promotion, "WELCOME", validity={"from": begin.isoformat(), "until": end.isoformat()})

    assert await coupon_why(marketing) == "not-started"
    await marketing.tick(passed_seconds=3_600)
    assert await coupon_why(marketing) is None
    await marketing.tick(passed_seconds=3_600)
    assert await coupon_why(marketing) == "ended"


@pytest.mark.parametrize("verb", ["pause", "end"])
async def test_a_code_whose_promotion_was_stopped_has_ended(marketing: Any, verb: str) -> None:
    promotion, _ = await marketing.coupon()
    await marketing.step("promotions", promotion, verb)

    assert await coupon_why(marketing) == "ended"


async def test_a_revoked_code_has_ended(marketing: Any) -> None:
    _, batch = await marketing.coupon()
    await marketing.step("coupon-batches", batch, "revoke")

    assert await coupon_why(marketing) == "ended"


async def test_a_used_up_code_is_exhausted_until_somebody_gives_it_back(marketing: Any) -> None:
    promotion, _ = await marketing.coupon(total=1)
    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(promotion, 2_000, "WELCOME")))

    assert await coupon_why(marketing) == "exhausted"
    await marketing.deliver(marketing.ended("ord_1"))
    assert await coupon_why(marketing) is None


async def test_who_has_used_a_code_is_told_so_and_nobody_else_is(marketing: Any) -> None:
    promotion, _ = await marketing.coupon()
    benefit = marketing.benefit(promotion, 2_000, "WELCOME")
    await marketing.deliver(marketing.placed("ord_1", benefit, person_id="per_1"))

    assert await coupon_why(marketing, person_id="per_1") == "per-customer"
    assert await coupon_why(marketing, person_id="per_2") is None
    assert await coupon_why(marketing, person_id=None) is None


async def test_a_code_says_what_is_missing_in_the_cart(marketing: Any) -> None:
    await marketing.coupon(conditions={"spend_min_minor": 10_001})
    assert await coupon_why(marketing) == "spend-too-low"


@pytest.mark.parametrize("conditions", [{"skus": ["OTHER"]}, {"quantity_min": 2}])
async def test_a_code_for_other_goods_is_not_applicable(marketing: Any, conditions: dict[str, Any]) -> None:
    await marketing.coupon(conditions=conditions)
    assert await coupon_why(marketing) == "not-applicable"


async def test_a_budget_that_has_less_left_than_a_promotion_would_give_leaves_it_out(marketing: Any) -> None:
    campaign = await marketing.campaign(hard_cap=marketing.money(1_500))
    dear = await marketing.promotion(campaign_id=campaign["id"], priority=1)
    cheap = await marketing.promotion(campaign_id=campaign["id"], priority=2, reward={"amount_minor": 600})

    small = await marketing.quote(("TEA", 1, 5_000))
    assert [one["promotion_id"] for one in small["benefits"]] == [dear["id"], cheap["id"]]
    # 1,000 + 600 would be too much: who comes later goes.
    middle = await marketing.quote(("TEA", 1, 10_000))
    assert [one["promotion_id"] for one in middle["benefits"]] == [dear["id"]]
    large = await marketing.quote(("TEA", 1, 20_000))
    assert [one["promotion_id"] for one in large["benefits"]] == [cheap["id"]]


async def test_a_code_that_the_budget_cannot_pay_any_more_is_exhausted(marketing: Any) -> None:
    campaign = await marketing.campaign(hard_cap=marketing.money(1_999))
    await marketing.coupon(campaign_id=campaign["id"])

    assert await coupon_why(marketing) == "exhausted"


async def test_an_automatic_promotion_with_caps_is_offered_while_there_is_one_left(marketing: Any) -> None:
    promotion = await marketing.promotion(total=2, per_customer=1)

    async def has_it(person_id: str) -> bool:
        return bool((await marketing.quote(("TEA", 1, 10_000), person_id=person_id))["benefits"])

    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(promotion, 1_000), person_id="per_1"))
    assert [await has_it("per_1"), await has_it("per_2")] == [False, True]
    await marketing.deliver(marketing.placed("ord_2", marketing.benefit(promotion, 1_000), person_id="per_2"))
    assert [await has_it("per_1"), await has_it("per_3")] == [False, False]


async def test_an_amount_in_another_currency_is_no_amount(marketing: Any) -> None:
    await marketing.promotion(reward={"amount_minor": 500})
    await marketing.coupon()

    quote = await marketing.quote(("TEA", 1, 10_000), currency="USD", coupon_code="WELCOME")

    assert (quote["benefits"], quote["coupon"]) == ([], {"code": "WELCOME", "why": "unknown"})


async def test_only_order_svc_gets_through_the_internal_door(marketing: Any) -> None:
    body = {"shop": "tea", "channel": "web", "currency": "CNY", "lines": [], "delivery_fee_minor": 0}

    async with client_of(marketing.runtime).as_(scopes=("*",)) as staff:
        marketing.refused(await staff.post("/internal/v1/benefit-quotes", json=body), 403, "forbidden")
    found = marketing.refused(
        await marketing.orders.post("/internal/v1/benefit-quotes", json={**body, "more": 1, "currency": "yuan"}),
        422,
        "validation-failed",
    )
    assert found == {"/lines": "too-short", "/currency": "string-pattern-mismatch", "/more": "extra-forbidden"}
