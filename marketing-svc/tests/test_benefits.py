"""What orders take: locked, used, given back, with every answer and every number."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from svc_kit.consumer import Poison

pytestmark = pytest.mark.anyio

TABLES = ("benefit_order", "benefit_use", "budget_entry")


async def test_an_order_locks_its_benefits_then_uses_them(marketing: Any) -> None:
    campaign = await marketing.campaign(hard_cap=marketing.money(10_000))
    tenth = await marketing.promotion(campaign_id=campaign["id"])
    coupon, batch = await marketing.coupon(campaign_id=campaign["id"])
    order = marketing.placed(
        "ord_1", marketing.benefit(tenth, 1_000), marketing.benefit(coupon, 2_000, "WELCOME"), person_id="per_1"
    )

    await marketing.deliver(order)

    [locked] = await marketing.said(about="ord_1")
    assert (locked.type, locked.seq, locked.topic) == ("benefits.locked", 1, "campaign.events")
    assert locked.data == {
        "order_id": "ord_1",
        "attempt": 1,
        "items": [
            {"promotion_id": tenth["id"], "code": None, "amount_minor": 1_000},
            {"promotion_id": coupon["id"], "code": "WELCOME", "amount_minor": 2_000},
        ],
    }
    assert await marketing.counter(tenth) == (0, 1, 1_000, 0)
    assert await marketing.counter(coupon) == (0, 1, 2_000, 0)
    assert await marketing.counter(batch) == (0, 1, 2_000, 0)
    assert await marketing.counter(campaign) == (0, 1, 3_000, 0)

    await marketing.deliver(marketing.confirmed("ord_1"))

    assert await marketing.types("ord_1") == ["benefits.locked", "benefits.used"]
    assert await marketing.counter(batch) == (1, 0, 0, 2_000)
    assert await marketing.counter(campaign) == (1, 0, 0, 3_000)
    seen = await marketing.get("campaigns", campaign)
    assert (seen["reserved"], seen["spent"], seen["left"]) == (
        marketing.money(0),
        marketing.money(3_000),
        marketing.money(7_000),
    )
    await marketing.audit()


async def test_placed_and_confirmed_in_one_batch_is_locked_and_used(marketing: Any) -> None:
    coupon, batch = await marketing.coupon()

    await marketing.deliver(
        marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME")), marketing.confirmed("ord_1")
    )

    assert await marketing.types("ord_1") == ["benefits.locked", "benefits.used"]
    assert await marketing.counter(batch) == (1, 0, 0, 2_000)
    await marketing.audit()


async def test_what_the_header_calls_an_order_without_benefits_is_not_even_read(marketing: Any) -> None:
    coupon, _ = await marketing.coupon()

    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME")), ce_benefits="0")

    assert await marketing.types("ord_1") == []
    assert [await marketing.rows(table) for table in TABLES] == [0, 0, 0]


async def test_asked_twice_it_answers_the_same_and_changes_nothing(marketing: Any) -> None:
    coupon, batch = await marketing.coupon()
    order = marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME"))
    await marketing.deliver(order)

    await marketing.deliver(order)
    await marketing.deliver(order, order)

    said = await marketing.said(about="ord_1")
    assert [event.type for event in said] == ["benefits.locked"] * 4
    assert [event.data for event in said] == [said[0].data] * 4
    assert await marketing.counter(batch) == (0, 1, 2_000, 0)
    await marketing.audit()


async def test_the_same_event_delivered_again_is_not_even_answered(marketing: Any) -> None:
    coupon, batch = await marketing.coupon()
    order = marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME"))
    id = UUID(int=7)

    await marketing.deliver(order, ids=[id])
    await marketing.deliver(order, ids=[id])

    assert await marketing.types("ord_1") == ["benefits.locked"]
    assert await marketing.counter(batch) == (0, 1, 2_000, 0)


async def test_a_higher_attempt_of_a_locked_order_hears_the_same_about_its_attempt(marketing: Any) -> None:
    coupon, batch = await marketing.coupon()
    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME")))

    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME"), attempt=2))

    assert [event.data["attempt"] for event in await marketing.said(about="ord_1")] == [1, 2]
    assert await marketing.counter(batch) == (0, 1, 2_000, 0)


async def test_all_or_nothing_and_every_reason_is_named(marketing: Any) -> None:
    campaign = await marketing.campaign(hard_cap=marketing.money(999))
    fine = await marketing.promotion()
    dear = await marketing.promotion(campaign_id=campaign["id"])
    coupon, batch = await marketing.coupon(total=1)
    await marketing.deliver(marketing.placed("ord_0", marketing.benefit(coupon, 2_000, "WELCOME")))
    before = [await marketing.counter(one) for one in (fine, dear, coupon, batch, campaign)]

    await marketing.deliver(
        marketing.placed(
            "ord_1",
            marketing.benefit(fine, 1_000),
            marketing.benefit(dear, 1_000),
            marketing.benefit(coupon, 2_000, "WELCOME"),
            marketing.benefit("prm_unknown", 1),
            marketing.benefit(coupon, 1, "UNKNOWN"),
            marketing.benefit(coupon, 1),
        )
    )

    [refused] = await marketing.said(about="ord_1")
    assert refused.type == "benefits.refused"
    assert [(one["promotion_id"], one["code"], one["why"]) for one in refused.data["items"]] == [
        (dear["id"], None, "budget-exhausted"),
        (coupon["id"], "WELCOME", "coupon-exhausted"),
        ("prm_unknown", None, "promotion-ended"),
        (coupon["id"], "UNKNOWN", "coupon-invalid"),
        (coupon["id"], None, "coupon-invalid"),
    ]
    assert [await marketing.counter(one) for one in (fine, dear, coupon, batch, campaign)] == before
    await marketing.audit()


async def test_a_higher_attempt_after_a_refusal_is_decided_afresh(marketing: Any) -> None:
    coupon, batch = await marketing.coupon(total=1)
    benefit = marketing.benefit(coupon, 2_000, "WELCOME")
    await marketing.deliver(marketing.placed("ord_0", benefit), marketing.placed("ord_1", benefit))
    await marketing.deliver(marketing.ended("ord_0"))

    await marketing.deliver(marketing.placed("ord_1", benefit))
    assert await marketing.types("ord_1") == ["benefits.refused"] * 2
    await marketing.deliver(marketing.placed("ord_1", benefit, attempt=2))

    assert await marketing.types("ord_1") == ["benefits.refused", "benefits.refused", "benefits.locked"]
    assert await marketing.counter(batch) == (0, 1, 2_000, 0)
    await marketing.audit()


@pytest.mark.parametrize("how", ["rejected", "expired", "cancelling", "cancelled"])
async def test_what_an_order_had_locked_is_usable_again_once_it_ends(marketing: Any, how: str) -> None:
    coupon, batch = await marketing.coupon(total=1)
    benefit = marketing.benefit(coupon, 2_000, "WELCOME")
    await marketing.deliver(marketing.placed("ord_1", benefit, person_id="per_1"))

    await marketing.deliver(marketing.ended("ord_1", how))

    [_, released] = await marketing.said(about="ord_1")
    assert (released.type, released.data["items"]) == (
        "benefits.released",
        [{"promotion_id": coupon["id"], "code": "WELCOME", "amount_minor": 2_000}],
    )
    assert await marketing.counter(batch) == (0, 0, 0, 0)
    await marketing.deliver(marketing.placed("ord_2", benefit, person_id="per_1"))
    assert await marketing.types("ord_2") == ["benefits.locked"]
    await marketing.audit()


async def test_a_coupon_goes_from_one_order_to_the_next_within_one_batch(marketing: Any) -> None:
    coupon, batch = await marketing.coupon(total=1)
    benefit = marketing.benefit(coupon, 2_000, "WELCOME")
    await marketing.deliver(marketing.placed("ord_1", benefit, person_id="per_1"))

    await marketing.deliver(
        marketing.ended("ord_1"),
        marketing.placed("ord_2", benefit, person_id="per_1"),
        marketing.ended("ord_2"),
        marketing.placed("ord_3", benefit, person_id="per_1"),
        marketing.placed("ord_4", benefit, person_id="per_1"),
    )

    assert await marketing.types("ord_2") == ["benefits.locked", "benefits.released"]
    assert await marketing.types("ord_3") == ["benefits.locked"]
    assert await marketing.types("ord_4") == ["benefits.refused"]
    assert await marketing.counter(batch) == (0, 1, 2_000, 0)
    await marketing.audit()


async def test_an_end_that_comes_before_its_order_is_remembered(marketing: Any) -> None:
    coupon, batch = await marketing.coupon()

    await marketing.deliver(marketing.ended("ord_1", "rejected"))
    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME")))
    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME"), attempt=2))

    said = await marketing.said(about="ord_1")
    assert [(event.type, event.data["items"]) for event in said] == [("benefits.released", [])] * 3
    assert await marketing.counter(batch) == (0, 0, 0, 0)


async def test_the_end_of_a_refused_order_gives_nothing_back_and_says_so(marketing: Any) -> None:
    await marketing.deliver(marketing.placed("ord_1", marketing.benefit("prm_unknown", 1)))

    await marketing.deliver(marketing.ended("ord_1", "rejected"))

    [_, released] = await marketing.said(about="ord_1")
    assert (released.type, released.data["items"]) == ("benefits.released", [])
    assert await marketing.rows("budget_entry") == 0


async def test_cancelling_releases_once_and_cancelled_needs_no_second_word(marketing: Any) -> None:
    coupon, batch = await marketing.coupon()
    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME")))

    await marketing.deliver(marketing.ended("ord_1", "cancelling"), marketing.ended("ord_1", "cancelled"))

    assert await marketing.types("ord_1") == ["benefits.locked", "benefits.released"]
    assert await marketing.counter(batch) == (0, 0, 0, 0)
    await marketing.audit()


async def test_what_is_used_comes_back_only_when_the_order_is_cancelled_for_good(marketing: Any) -> None:
    coupon, batch = await marketing.coupon(total=1)
    benefit = marketing.benefit(coupon, 2_000, "WELCOME")
    await marketing.deliver(marketing.placed("ord_1", benefit), marketing.confirmed("ord_1"))

    await marketing.deliver(marketing.ended("ord_1", "cancelling"))
    # Had a parcel been on its way, the order would live on with the coupon that somebody else got.
    await marketing.deliver(marketing.placed("ord_2", benefit))

    assert await marketing.types("ord_1") == ["benefits.locked", "benefits.used"]
    assert await marketing.types("ord_2") == ["benefits.refused"]
    await marketing.deliver(marketing.ended("ord_1", "cancelled"))
    assert await marketing.types("ord_1") == ["benefits.locked", "benefits.used", "benefits.released"]
    assert await marketing.counter(batch) == (0, 0, 0, 0)
    await marketing.audit()


async def test_a_confirmation_twice_uses_once_and_after_the_end_not_at_all(marketing: Any) -> None:
    coupon, batch = await marketing.coupon()
    benefit = marketing.benefit(coupon, 2_000, "WELCOME")
    await marketing.deliver(marketing.placed("ord_1", benefit), marketing.placed("ord_2", benefit))
    await marketing.deliver(marketing.ended("ord_2"))

    await marketing.deliver(marketing.confirmed("ord_1"), marketing.confirmed("ord_1"), marketing.confirmed("ord_2"))

    assert await marketing.types("ord_1") == ["benefits.locked", "benefits.used"]
    assert await marketing.types("ord_2") == ["benefits.locked", "benefits.released"]
    assert await marketing.counter(batch) == (1, 0, 0, 2_000)
    await marketing.audit()


async def test_a_used_order_that_is_asked_again_says_so(marketing: Any) -> None:
    coupon, batch = await marketing.coupon()
    order = marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME"))
    await marketing.deliver(order, marketing.confirmed("ord_1"))

    await marketing.deliver(order)

    assert await marketing.types("ord_1") == ["benefits.locked", "benefits.used", "benefits.used"]
    assert await marketing.counter(batch) == (1, 0, 0, 2_000)


@pytest.mark.parametrize("known", [False, True])
async def test_a_confirmation_of_what_was_never_locked_is_poison(marketing: Any, known: bool) -> None:
    if known:
        await marketing.deliver(marketing.placed("ord_1", marketing.benefit("prm_unknown", 1)))
    before = [await marketing.rows(table) for table in TABLES]

    with pytest.raises(Poison, match="ord_1 was confirmed without its benefits"):
        await marketing.deliver(marketing.confirmed("ord_1"))

    assert [await marketing.rows(table) for table in TABLES] == before


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


async def test_the_ledger_is_never_rewritten(marketing: Any) -> None:
    coupon, _ = await marketing.coupon()
    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME")))

    async with marketing.runtime.db.read() as con:
        for statement in ("UPDATE budget_entry SET uses = 9", "DELETE FROM budget_entry"):
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await con.execute(statement)

    await marketing.audit()
