"""The prices that promotions of the catalogue make, told as they come, change and go."""

from datetime import timedelta
from typing import Any

import pytest

from marketing_svc.events_in import PROJECT
from svc_kit.testing import deliver

pytestmark = pytest.mark.anyio


async def prices(marketing: Any, one: Any) -> list[dict[str, Any]]:
    """What each event told: {sku: amount}."""
    told = await marketing.said(about=one["id"], type="promotion.price_changed")
    return [{sku["sku"]: sku["amount_minor"] for sku in event.data["skus"]} for event in told]


async def test_pages_learn_the_price_when_a_promotion_begins_and_lose_it_when_it_ends(marketing: Any) -> None:
    await marketing.project(
        marketing.listing_changed("tea", {"T1": [marketing.price(10_000)], "T2": [marketing.price(995)]}),
        marketing.listing_changed("cup", {"C1": [marketing.price(500)]}, category_path=["cat_cups"]),
        marketing.listing_changed("old", {"O1": [marketing.price(500)]}, state="unlisted"),
    )
    end = marketing.now + timedelta(hours=1)
    window = {"until": end.isoformat()}
    tea = {"category_ids": ["cat_tea"]}
    one = await marketing.promotion(scope="catalogue", conditions=tea, window=window)
    order = await marketing.promotion()

    await marketing.tick()

    [event] = await marketing.said(about=one["id"], type="promotion.price_changed")
    until = "2026-03-01T09:00:00Z"
    assert event.data == {
        "promotion_id": one["id"],
        "shop": "tea",
        "skus": [
            {"sku": "T1", "amount_minor": 9_000, "from": None, "until": until},
            {"sku": "T2", "amount_minor": 895, "from": None, "until": until},
        ],
    }
    assert await prices(marketing, order) == []
    await marketing.tick()
    assert len(await prices(marketing, one)) == 1
    await marketing.tick(passed_seconds=3_600)
    assert await prices(marketing, one) == [{"T1": 9_000, "T2": 895}, {"T1": None, "T2": None}]
    assert await marketing.rows("promotion_price") == 0
    await marketing.audit()


@pytest.mark.parametrize("verb", ["pause", "end"])
async def test_a_promotion_stopped_by_hand_takes_its_prices_back_and_resumed_brings_them(
    marketing: Any, verb: str
) -> None:
    await marketing.project(marketing.listing_changed("tea", {"T1": [marketing.price(10_000)]}))
    one = await marketing.promotion(scope="catalogue", reward={"amount_minor": 1_500})
    await marketing.tick()

    one = await marketing.step("promotions", one, verb)
    await marketing.tick()

    assert await prices(marketing, one) == [{"T1": 8_500}, {"T1": None}]
    if verb == "pause":
        await marketing.step("promotions", one, "resume")
        await marketing.tick()
        assert await prices(marketing, one) == [{"T1": 8_500}, {"T1": None}, {"T1": 8_500}]


async def test_prices_follow_the_offers_and_only_what_differs_is_told(marketing: Any) -> None:
    changed, price = marketing.listing_changed, marketing.price
    one = await marketing.promotion(scope="catalogue")
    await marketing.project(changed("a", {"A": [price(10_000)]}), changed("b", {"B": [price(2_000)]}))
    await marketing.tick()

    await marketing.project(changed("a", {"A": [price(20_000)]}))
    await marketing.tick()
    await marketing.project(changed("c", {"C": [price(100)]}))
    await marketing.tick()
    await marketing.project(changed("b", {"B": [price(2_000)]}, state="paused"))
    await marketing.tick()
    await marketing.project(changed("a", {"A": []}))
    await marketing.tick()

    assert await prices(marketing, one) == [
        {"A": 9_000, "B": 1_800},
        {"A": 18_000},
        {"C": 90},
        {"B": None},
        {"A": None},
    ]
    await marketing.audit()


async def test_prices_follow_windows_of_price_lists_and_listings(marketing: Any) -> None:
    sale_from, sale_until = marketing.now + timedelta(hours=1), marketing.now + timedelta(hours=2)
    window = {"from": sale_from.isoformat(), "until": sale_until.isoformat()}
    sale = marketing.price(5_000, list_id="prl_0", position=0, **window)
    opens = {"from": sale_until.isoformat()}
    await marketing.project(
        marketing.listing_changed("a", {"A": [marketing.price(10_000), sale]}),
        marketing.listing_changed("b", {"B": [marketing.price(1_000)]}, window=opens),
    )
    one = await marketing.promotion(scope="catalogue")

    await marketing.tick()
    await marketing.tick(passed_seconds=3_600)
    await marketing.tick(passed_seconds=3_600)

    assert await prices(marketing, one) == [{"A": 9_000}, {"A": 4_500}, {"A": 9_000, "B": 900}]


async def test_prices_of_a_spent_budget_are_taken_back_until_there_is_money_again(marketing: Any) -> None:
    await marketing.project(marketing.listing_changed("tea", {"T1": [marketing.price(10_000)]}))
    campaign = await marketing.campaign(hard_cap=marketing.money(1_000))
    one = await marketing.promotion(scope="catalogue", campaign_id=campaign["id"])
    await marketing.tick()

    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(one, 1_000)))
    await marketing.tick()
    await marketing.deliver(marketing.ended("ord_1"))
    await marketing.tick()

    assert await prices(marketing, one) == [{"T1": 9_000}, {"T1": None}, {"T1": 9_000}]
    kinds = [type_ for type_ in await marketing.types(one["id"]) if type_ != "promotion.changed"]
    assert kinds == [
        "promotion.price_changed",
        "promotion.exhausted",
        "promotion.price_changed",
        "promotion.available",
        "promotion.price_changed",
    ]
    await marketing.audit()


async def test_many_prices_travel_in_events_that_are_not_too_large(marketing: Any) -> None:
    skus = {f"S{n:04}": [marketing.price(1_000)] for n in range(1_201)}
    await marketing.project(marketing.listing_changed("bulk", skus))
    one = await marketing.promotion(scope="catalogue")

    await marketing.tick()

    assert [len(told) for told in await prices(marketing, one)] == [500, 500, 201]
    await marketing.audit()


async def test_an_older_offer_never_replaces_a_later_one(marketing: Any) -> None:
    new, old = (marketing.listing_changed("a", {"A": [marketing.price(minor)]}) for minor in (2_000, 1_000))
    one = await marketing.promotion(scope="catalogue")

    await deliver(marketing.runtime, PROJECT, [new, old], seqs=[7, 6])
    await deliver(marketing.runtime, PROJECT, [old], seqs=[5])
    await marketing.tick()

    assert await prices(marketing, one) == [{"A": 1_800}]
