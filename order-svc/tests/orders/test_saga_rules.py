"""The steps of an order's life: what is said and done, also twice, late, and before its cause."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from order_svc.orders.rules import parcels, saga
from order_svc.orders.rules.order import Case
from order_svc.orders.rules.states import BenefitState, Impossible, Status, StockState
from svc_contracts.events.order import Benefit, OrderRejected, RefusedBenefit, Shortage
from svc_contracts.events.stock import Allocation

CaseOf = Callable[..., Case]
Step = Callable[[Case], None]

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
GOODS = [Allocation(line_id="l1", sku="A", warehouse="main", quantity=2)]
SHORT = [Shortage(line_id="l1", sku="A", wanted=2, available=1)]
NO_COUPON = [RefusedBenefit(promotion_id="pro_1", code="TEN", why="coupon-exhausted")]
BENEFIT = Benefit(promotion_id="pro_1", coupon_code="TEN", amount_minor=200)
CHANNEL = {"channel": "mall", "external_id": "M-1", "payment_method": "channel"}


def reserved(case: Case) -> None:
    saga.stock_reserved(case, 1, GOODS)


def refused(case: Case) -> None:
    saga.stock_refused(case, 1, SHORT)


def locked(case: Case) -> None:
    saga.benefits_locked(case, 1)


def coupon_gone(case: Case) -> None:
    saga.benefits_refused(case, 1, NO_COUPON)


def said(case: Case) -> list[str]:
    return [event.type for event in case.says]


def test_an_order_without_benefits_awaits_its_money_once_the_goods_are_promised(case_of: CaseOf) -> None:
    case = case_of()
    reserved(case)
    order = case.order
    assert (order.status, order.stock_state, order.allocations) == (Status.AWAITING_PAYMENT, StockState.RESERVED, GOODS)
    assert said(case) == ["order.awaiting_payment"]
    assert order.expires_at == NOW + timedelta(seconds=900)
    assert case.due == {"undecided": None, "unpaid": order.expires_at}
    assert [entry.kind for entry in case.entries] == ["stock_reserved", "awaiting_payment"]


def test_short_goods_reject_a_shops_order_with_every_shortage(case_of: CaseOf) -> None:
    case = case_of()
    refused(case)
    assert (case.order.status, case.order.reason) == (Status.REJECTED, "stock_short")
    [event] = case.says
    assert isinstance(event, OrderRejected)
    assert (event.reason, event.shortages, event.refusals, event.at) == ("stock_short", SHORT, [], NOW)
    assert case.due == {"undecided": None}
    assert case.asked == []  # nothing was taken


@pytest.mark.parametrize(
    ("replies", "status", "reason"),
    [
        ([reserved, locked], Status.AWAITING_PAYMENT, None),
        ([reserved, coupon_gone], Status.REJECTED, "benefits_refused"),
        ([refused, locked], Status.REJECTED, "stock_short"),
        ([refused, coupon_gone], Status.REJECTED, "stock_short"),
    ],
)
def test_the_replies_decide_alike_in_either_order_and_however_often_they_come(
    case_of: CaseOf, replies: Sequence[Step], status: Status, reason: str | None
) -> None:
    for order in permutations([*replies, *replies]):
        case = case_of(benefits=[BENEFIT], benefit_state=BenefitState.ASKED)
        for n, reply in enumerate(order):
            reply(case)
            if len(set(order[: n + 1])) < len(replies):
                assert case.order.status is Status.PLACED
        assert (case.order.status, case.order.reason) == (status, reason)
        assert len(case.says) == 1


def test_a_rejection_names_what_both_refused_and_asks_back_only_what_was_taken(case_of: CaseOf) -> None:
    case = case_of(benefits=[BENEFIT], benefit_state=BenefitState.ASKED)
    refused(case)
    coupon_gone(case)
    assert (case.order.shortages, case.order.refusals, case.asked) == (SHORT, NO_COUPON, [])
    case = case_of(benefits=[BENEFIT], benefit_state=BenefitState.ASKED)
    reserved(case)
    coupon_gone(case)
    assert case.asked == ["stock"]
    case = case_of(benefits=[BENEFIT], benefit_state=BenefitState.ASKED)
    refused(case)
    locked(case)
    assert case.asked == ["benefits"]


def test_a_word_about_another_attempt_is_let_be(case_of: CaseOf) -> None:
    case = case_of(attempt=2)
    saga.stock_reserved(case, 1, GOODS)
    saga.stock_refused(case, 3, SHORT)
    assert not case.is_touched
    assert case.order.stock_state is StockState.ASKED


@pytest.mark.parametrize("state", [state for state in Status if state is not Status.PLACED])
def test_a_reply_that_comes_after_the_decision_changes_nothing_of_the_order(case_of: CaseOf, state: Status) -> None:
    case = case_of(status=state, stock_state=StockState.RESERVED, benefit_state=BenefitState.LOCKED)
    for step in (reserved, refused, locked, coupon_gone, saga.undecided):
        step(case)
    assert not case.is_touched
    assert case.order.status is state


def test_cash_on_delivery_is_confirmed_before_any_money_came(case_of: CaseOf) -> None:
    case = case_of(payment_method="cod")
    reserved(case)
    assert (case.order.status, case.order.paid_at) == (Status.CONFIRMED, None)
    assert said(case) == ["order.confirmed"]
    assert case.order.payment_status.value == "none"


def test_an_order_of_nothing_is_paid_by_itself(case_of: CaseOf) -> None:
    case = case_of(gross_minor=0, delivery_fee_minor=0, total_minor=0)
    reserved(case)
    assert said(case) == ["order.paid", "order.confirmed"]
    assert case.order.payment_status.value == "paid"


def test_a_prepaid_channel_order_carries_the_channels_money_and_time(case_of: CaseOf) -> None:
    paid_at = NOW - timedelta(hours=5)
    case = case_of(**CHANNEL, prepaid_at=paid_at)
    reserved(case)
    assert said(case) == ["payment.recorded", "order.paid", "order.confirmed"]
    assert (case.order.charged_minor, case.order.paid_at) == (2_800, paid_at)
    assert [(row.kind, row.provider, row.amount_minor, row.at) for row in case.ledger] == [
        ("charge", "channel", 2_800, paid_at)
    ]


def test_short_goods_hold_a_channels_order_and_its_release_asks_again(case_of: CaseOf) -> None:
    case = case_of(**CHANNEL, prepaid_at=NOW)
    refused(case)
    assert (case.order.status, said(case)) == (Status.ON_HOLD, ["order.held"])
    assert case.opened_holds == [("stock_short", {"shortages": [SHORT[0].model_dump()]})]
    saga.hold_released(case, ["stock_short"])
    order = case.order
    assert (order.status, order.attempt, order.stock_state) == (Status.PLACED, 2, StockState.ASKED)
    assert case.asks_again
    assert case.due["undecided"] == NOW + saga.UNDECIDED_AFTER
    saga.stock_reserved(case, 1, GOODS)
    assert order.status is Status.PLACED
    saga.stock_reserved(case, 2, GOODS)
    assert order.status is Status.CONFIRMED
    assert said(case).count("order.paid") == 1


def test_money_that_came_before_the_goods_were_promised_again_is_counted_once(case_of: CaseOf) -> None:
    case = case_of(**CHANNEL, status=Status.ON_HOLD, stock_state=StockState.REFUSED)
    saga.charged(case, 2_800, at=NOW)
    assert said(case) == ["order.paid"]
    saga.hold_released(case, ["stock_short"])
    saga.stock_reserved(case, 2, GOODS)
    assert case.order.status is Status.CONFIRMED
    assert said(case).count("order.paid") == 1


@pytest.mark.parametrize(("changes", "status"), [({}, Status.REJECTED), (CHANNEL, Status.ON_HOLD)])
def test_without_a_decision_a_shops_order_ends_and_a_channels_order_waits(
    case_of: CaseOf, changes: dict[str, str], status: Status
) -> None:
    case = case_of(**changes)
    saga.undecided(case)
    assert case.order.status is status
    if status is Status.REJECTED:
        # Whoever takes the goods later hears of the end and gives them back.
        assert (case.order.reason, case.asked) == ("undecided", ["stock"])
    else:
        assert case.opened_holds == [("undecided", {})]


def test_the_full_amount_pays_and_confirms_and_a_part_of_it_does_not(case_of: CaseOf) -> None:
    case = case_of()
    reserved(case)
    saga.charged(case, 1_000, at=NOW)
    assert (case.order.status, case.order.payment_status.value) == (Status.AWAITING_PAYMENT, "partially_paid")
    saga.charged(case, 1_800, at=NOW)
    assert (case.order.status, case.order.paid_at) == (Status.CONFIRMED, NOW)
    assert said(case) == ["order.awaiting_payment", "order.paid", "order.confirmed"]
    assert case.due == {"undecided": None, "unpaid": None}


def test_an_incomplete_address_holds_the_paid_order_until_somebody_waives_it(case_of: CaseOf) -> None:
    case = case_of(address_missing=("street",))
    reserved(case)
    saga.charged(case, 2_800, at=NOW)
    assert (case.order.status, said(case)[-2:]) == (Status.ON_HOLD, ["order.paid", "order.held"])
    assert case.opened_holds == [("incorrect_address", {"missing": ["street"]})]
    saga.hold_released(case, ["incorrect_address"])
    assert (case.order.status, case.order.waived) == (Status.CONFIRMED, ("incorrect_address",))
    assert said(case)[-2:] == ["order.hold_released", "order.confirmed"]


def test_expiry_ends_an_unpaid_order_and_gives_back_a_part_that_was_paid(case_of: CaseOf) -> None:
    case = case_of()
    reserved(case)
    saga.charged(case, 1_000, at=NOW)
    saga.expire(case)
    order = case.order
    assert (order.status, order.reason, said(case)[-1]) == (Status.EXPIRED, "unpaid", "order.expired")
    assert (case.asked, case.refund_minor, order.refunding_minor) == (["stock", "money"], 1_000, 1_000)


def test_expiry_waits_a_while_for_a_payment_that_nobody_knows_of(case_of: CaseOf) -> None:
    case = case_of()
    reserved(case)
    case.order.open_attempt = 1
    expires_at = case.order.expires_at
    assert expires_at is not None
    case.now = expires_at
    saga.expire(case)
    last = expires_at + saga.UNKNOWN_PAYMENT_WAIT
    assert (case.order.status, case.due["unpaid"]) == (Status.AWAITING_PAYMENT, last)
    case.now = last
    saga.expire(case)
    assert case.order.status is Status.EXPIRED


@pytest.mark.parametrize("state", [state for state in Status if state is not Status.AWAITING_PAYMENT])
def test_expiry_touches_only_what_awaits_its_money(case_of: CaseOf, state: Status) -> None:
    case = case_of(status=state, expires_at=NOW)
    saga.expire(case)
    assert not case.is_touched


@pytest.mark.parametrize("state", [Status.REJECTED, Status.EXPIRED, Status.CANCELLED])
def test_money_that_comes_after_the_end_goes_back(case_of: CaseOf, state: Status) -> None:
    case = case_of(status=state)
    saga.charged(case, 2_800, at=NOW)
    assert (case.refund_minor, case.asked, case.order.status) == (2_800, ["money"], state)
    saga.refunded(case, 2_800, reason="order_over")
    assert (case.settled, case.order.balance_minor) == (["money"], 0)


def test_an_unpaid_order_is_cancelled_once_its_goods_are_back(case_of: CaseOf) -> None:
    case = case_of()
    reserved(case)
    saga.cancel(case, "changed_mind")
    assert (case.order.status, case.asked) == (Status.CANCELLING, ["stock"])
    assert case.due == {"undecided": None, "unpaid": None}
    saga.stock_released(case)
    saga.stock_released(case)
    assert (case.order.status, said(case)) == (
        Status.CANCELLED,
        ["order.awaiting_payment", "order.cancelling", "order.cancelled"],
    )
    assert case.refund_minor == 0


def test_a_paid_order_is_cancelled_once_goods_and_money_are_back_in_that_order(case_of: CaseOf) -> None:
    case = case_of(benefits=[BENEFIT], benefit_state=BenefitState.ASKED)
    reserved(case)
    locked(case)
    saga.charged(case, 2_800, at=NOW)
    saga.benefits_used(case)
    saga.cancel(case, "changed_mind")
    assert (case.asked, case.refund_minor) == (["stock", "benefits", "money"], 0)
    saga.benefits_released(case)
    saga.stock_released(case)
    assert (case.order.status, case.refund_minor) == (Status.CANCELLING, 2_800)
    saga.refunded(case, 2_800, reason="changed_mind")
    assert case.order.status is Status.CANCELLED
    assert sorted(case.settled) == ["benefits", "money", "stock"]


def test_cancelling_waits_for_the_payment_that_nobody_knows_of(case_of: CaseOf) -> None:
    case = case_of()
    reserved(case)
    case.order.open_attempt = 1
    saga.cancel(case, "changed_mind")
    saga.stock_released(case)
    assert case.order.status is Status.CANCELLING
    saga.charged(case, 2_800, at=NOW)
    assert case.refund_minor == 0
    saga.attempt_ended(case)
    assert case.refund_minor == 2_800
    saga.refunded(case, 2_800, reason="changed_mind")
    assert case.order.status is Status.CANCELLED


def test_money_that_comes_while_an_order_is_cancelled_goes_back_after_the_goods_have_come(case_of: CaseOf) -> None:
    case = case_of()
    reserved(case)
    saga.cancel(case, "changed_mind")
    saga.charged(case, 2_800, at=NOW)
    assert (case.order.status, case.refund_minor) == (Status.CANCELLING, 0)
    saga.stock_released(case)
    assert (case.order.status, case.refund_minor) == (Status.CANCELLING, 2_800)
    # While it is on its way nothing else ends the order.
    saga.attempt_ended(case)
    assert case.order.status is Status.CANCELLING
    saga.refunded(case, 2_800, reason="changed_mind")
    assert case.order.status is Status.CANCELLED


def test_parcels_that_have_left_keep_the_order_alive_and_the_money_where_it_is(case_of: CaseOf) -> None:
    case = case_of()
    reserved(case)
    saga.charged(case, 2_800, at=NOW)
    parcels.fulfilment_accepted(case, "ful_1")
    saga.cancel(case, "changed_mind")
    parcels.shipped(case, "shp_1", 2)
    assert case.order.status is Status.CANCELLING
    saga.release_refused(case)
    saga.release_refused(case)
    assert (case.order.status, case.order.reason, case.refund_minor) == (Status.IN_FULFILMENT, None, 0)
    assert said(case)[-1] == "order.cancel_refused"
    assert set(case.settled) == {"stock", "money"}
    parcels.delivered(case, "shp_1", 2)
    assert (case.order.status, said(case)[-1]) == (Status.COMPLETED, "order.completed")


def test_a_delivery_told_before_the_refused_cancellation_completes_with_it(case_of: CaseOf) -> None:
    case = case_of()
    reserved(case)
    saga.charged(case, 2_800, at=NOW)
    saga.cancel(case, "changed_mind")
    parcels.shipped(case, "shp_1", 2)
    parcels.delivered(case, "shp_1", 2)
    assert case.order.status is Status.CANCELLING
    saga.release_refused(case)
    assert (case.order.status, said(case)[-2:]) == (Status.COMPLETED, ["order.cancel_refused", "order.completed"])


def test_nothing_is_cancelled_once_a_parcel_has_left(case_of: CaseOf) -> None:
    case = case_of(status=Status.IN_FULFILMENT, stock_state=StockState.RESERVED, shipped_units=1)
    with pytest.raises(Impossible):
        saga.cancel(case, "changed_mind")
    assert not case.is_touched


def test_the_last_of_several_parcels_completes_the_order(case_of: CaseOf) -> None:
    case = case_of(units=3)
    reserved(case)
    saga.charged(case, 2_800, at=NOW)
    parcels.shipped(case, "shp_1", 2)
    parcels.delivered(case, "shp_1", 2)
    assert case.order.status is Status.IN_FULFILMENT
    parcels.shipped(case, "shp_2", 1)
    parcels.delivered(case, "shp_2", 1)
    assert case.order.status is Status.COMPLETED


def test_what_is_paid_at_the_door_is_paid_at_the_last_delivery(case_of: CaseOf) -> None:
    case = case_of(payment_method="cod")
    reserved(case)
    parcels.shipped(case, "shp_1", 2)
    parcels.delivered(case, "shp_1", 2)
    assert said(case) == ["order.confirmed", "payment.recorded", "order.paid", "order.completed"]
    assert (case.order.charged_minor, case.order.payment_status.value) == (2_800, "paid")


def test_a_bundle_is_confirmed_in_units_of_its_line(case_of: CaseOf) -> None:
    case = case_of(payment_method="cod", bundles={"l1": {"A": 2, "B": 1}}, units=4)
    parts = [
        Allocation(line_id="l1", sku="A", warehouse="main", quantity=6),
        Allocation(line_id="l1", sku="B", warehouse="main", quantity=3),
        Allocation(line_id="l2", sku="A", warehouse="main", quantity=1),
    ]
    saga.stock_reserved(case, 1, parts)
    found = {(one.line_id, one.warehouse): one.quantity for one in case.order.confirmed_allocations()}
    assert found == {("l1", "main"): 3, ("l2", "main"): 1}


def test_benefits_released_without_having_been_asked_for_say_nothing(case_of: CaseOf) -> None:
    case = case_of()
    saga.benefits_released(case)
    saga.benefits_used(case)
    assert not case.is_touched
