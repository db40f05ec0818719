"""What orders take: locked, used, given back, with every answer and every number."""

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


async def test_the_ledger_is_never_rewritten(marketing: Any) -> None:
    coupon, _ = await marketing.coupon()
    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(coupon, 2_000, "WELCOME")))

    async with marketing.runtime.db.read() as con:
        for statement in ("UPDATE budget_entry SET uses = 9", "DELETE FROM budget_entry"):
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await con.execute(statement)

    await marketing.audit()
