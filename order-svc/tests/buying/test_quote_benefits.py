"""What marketing takes off a quote: when it is asked, what its answers do, and full prices where it has none."""

import asyncio
from typing import Any

import pytest

from order_svc.quotes.commands import lock_quotes

pytestmark = pytest.mark.anyio


async def test_marketing_is_asked_only_where_it_may_take_something_off(store: Any) -> None:
    await store.sell("A", 1_000)
    buyer = store.member("per_7")

    await store.quote(buyer, ("A", 1))
    await store.hears(store.promotion("paused"))
    await store.quote(buyer, ("A", 1))
    await store.hears(store.promotion(trigger="code"))
    await store.quote(buyer, ("A", 1))
    assert store.marketing.asked == []

    await store.hears(store.promotion())
    answer = await store.quote(buyer, ("A", 3))

    assert store.marketing.asked == [
        {
            "shop": "demo",
            "channel": "web",
            "currency": "CNY",
            "person_id": "per_7",
            "coupon_code": None,
            "lines": [
                {
                    "line_id": "l1",
                    "sku": "A",
                    "product_id": "prd_A",
                    "quantity": 3,
                    "unit_minor": 1_000,
                    "gross_minor": 3_000,
                }
            ],
            "delivery_fee_minor": 800,
        }
    ]
    assert answer.json()["benefits"] == "none"


async def test_what_marketing_takes_off_is_on_the_lines_with_its_trace(store: Any) -> None:
    await store.sell("A", 1_000)
    await store.sell("B", 500)
    store.marketing.takes_off({"l1": 200, "l2": 1}, code="TEN")
    buyer = store.guest()

    quote = (await store.quote(buyer, ("A", 1), ("B", 1), coupon_code="TEN")).json()

    assert store.marketing.asked[0]["coupon_code"] == "TEN"
    assert [(one["discount"], one["net"]) for one in quote["lines"]] == [
        (store.money(200), store.money(800)),
        (store.money(1), store.money(499)),
    ]
    assert quote["lines"][0]["trace"] == [
        {"promotion_id": "pro_1", "name": {"zh": "满减", "en": "Ten off"}, "amount": store.money(200)}
    ]
    assert (quote["discount"], quote["total"], quote["benefits"]) == (
        store.money(201),
        store.money(2_099),
        "applied",
    )
    async with store.runtime.db.transaction() as tx:
        [kept] = (await lock_quotes(tx, [quote["id"]])).values()
    assert [(one.promotion_id, one.coupon_code, one.amount_minor) for one in kept.benefits] == [("pro_1", "TEN", 201)]
    assert (kept.total_minor, kept.gross_minor, kept.lines[1].discount_minor) == (2_099, 1_500, 1)


@pytest.mark.parametrize(
    ("why", "slug"),
    [
        ("unknown", "coupon-invalid"),
        ("ended", "coupon-invalid"),
        ("not-started", "coupon-invalid"),
        ("per-customer", "coupon-invalid"),
        ("spend-too-low", "coupon-invalid"),
        ("not-applicable", "coupon-invalid"),
        ("exhausted", "coupon-exhausted"),
    ],
)
async def test_a_coupon_that_is_no_good_is_refused_with_its_reason(store: Any, why: str, slug: str) -> None:
    await store.sell("A")
    store.marketing.refuses("TEN", why)

    answer = await store.quote(store.guest(), ("A", 1), coupon_code="TEN")

    assert (answer.status_code, answer.json()["type"]) == (409, f"/problems/{slug}")
    assert [(one["pointer"], one["code"], one["coupon_code"]) for one in answer.json()["errors"]] == [
        ("/coupon_code", why, "TEN")
    ]
    assert await store.rows("quote") == 0


@pytest.mark.parametrize(
    "answer",
    [
        {"benefits": [], "lines": [], "discount_minor": 5, "coupon": None},
        {"benefits": [], "lines": [{"line_id": "l1", "discount_minor": 5}], "discount_minor": 5, "coupon": None},
        {"nonsense": True},
        [],
        "words",
    ],
)
async def test_an_answer_that_does_not_add_up_takes_nothing_off(store: Any, answer: Any) -> None:
    await store.sell("A")
    store.marketing.answer = answer

    quote = (await store.quote(store.guest(), ("A", 1), coupon_code="TEN")).json()

    assert (quote["benefits"], quote["discount"], quote["total"]) == ("unavailable", store.money(0), store.money(1_800))


@pytest.mark.parametrize("status", [403, 404, 409, 500, 503])
async def test_full_prices_hold_where_marketing_refuses_or_breaks(store: Any, status: int) -> None:
    await store.sell("A")
    store.marketing.status = status

    quote = (await store.quote(store.guest(), ("A", 1), coupon_code="TEN")).json()

    assert (quote["benefits"], quote["total"]) == ("unavailable", store.money(1_800))


async def test_nobody_waits_longer_for_marketing_than_the_time_box(store: Any) -> None:
    await store.sell("A")
    store.marketing.wait = asyncio.Event()

    quote = (await asyncio.wait_for(store.quote(store.guest(), ("A", 1), coupon_code="TEN"), 2)).json()

    assert (quote["benefits"], quote["total"]) == ("unavailable", store.money(1_800))
