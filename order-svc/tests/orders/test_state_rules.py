"""The table of transitions, whole: every pair of a state and a verb."""

import pytest

from order_svc.orders.rules.states import (
    DEAD,
    TERMINAL,
    FulfilmentStatus,
    Impossible,
    PaymentStatus,
    Status,
    Verb,
    after,
    fulfilment_status,
    may_cancel,
    payment_status,
    possible_for_buyer,
    possible_for_staff,
)

# Written out by hand from the picture of an order's life, one row per state.
EXPECTED = {
    "placed": {
        "reject": "rejected",
        "await_payment": "awaiting_payment",
        "audit": "auditing",
        "hold": "on_hold",
        "cancel": "cancelling",
    },
    "rejected": {},
    "awaiting_payment": {"audit": "auditing", "hold": "on_hold", "expire": "expired", "cancel": "cancelling"},
    "expired": {},
    "auditing": {"hold": "on_hold", "confirm": "confirmed", "cancel": "cancelling"},
    "on_hold": {
        "audit": "auditing",
        "ask_again": "placed",
        "await_payment": "awaiting_payment",
        "cancel": "cancelling",
    },
    "confirmed": {"fulfil": "in_fulfilment", "cancel": "cancelling"},
    "in_fulfilment": {"complete": "completed", "cancel": "cancelling"},
    "completed": {},
    "cancelling": {"keep": "in_fulfilment", "settle": "cancelled"},
    "cancelled": {},
}


@pytest.mark.parametrize("state", Status)
@pytest.mark.parametrize("verb", Verb)
def test_each_pair_of_state_and_verb_leads_where_it_should_or_nowhere(state: Status, verb: Verb) -> None:
    expected = EXPECTED[state.value].get(verb.value)
    if expected is not None:
        assert after(state, verb) is Status(expected)
        return
    with pytest.raises(Impossible) as caught:
        after(state, verb)
    assert (caught.value.state, caught.value.verb) == (state, verb)


def test_every_state_is_reached_and_only_ends_lead_nowhere() -> None:
    reached, new = set[str](), {"placed"}
    while new:
        reached |= new
        new = {target for state in new for target in EXPECTED[state].values()} - reached
    assert reached == {state.value for state in Status}
    assert {state for state in Status if not EXPECTED[state.value]} == TERMINAL
    assert TERMINAL - {Status.COMPLETED} == DEAD


@pytest.mark.parametrize("state", Status)
def test_an_order_may_be_cancelled_until_it_has_ended_or_something_has_left(state: Status) -> None:
    alive = state.value in ("placed", "awaiting_payment", "auditing", "on_hold", "confirmed", "in_fulfilment")
    assert may_cancel(state, shipped_units=0) is alive
    assert may_cancel(state, shipped_units=1) is False


@pytest.mark.parametrize(
    ("state", "shipped", "buyer", "staff"),
    [
        ("placed", 0, ["cancel"], ["cancel"]),
        ("awaiting_payment", 0, ["pay", "cancel"], ["cancel"]),
        ("on_hold", 0, ["cancel"], ["approve", "cancel"]),
        ("in_fulfilment", 0, ["cancel"], ["cancel"]),
        ("in_fulfilment", 1, [], []),
        ("cancelling", 0, [], []),
        ("completed", 2, [], []),
    ],
)
def test_what_is_possible_now_is_said_in_the_words_of_the_routes(
    state: str, shipped: int, buyer: list[str], staff: list[str]
) -> None:
    assert possible_for_buyer(Status(state), shipped_units=shipped) == buyer
    assert possible_for_staff(Status(state), shipped_units=shipped) == staff


@pytest.mark.parametrize(
    ("total", "charged", "refunded", "is_paid", "expected"),
    [
        (100, 0, 0, False, "none"),
        (100, 40, 0, False, "partially_paid"),
        (100, 100, 0, True, "paid"),
        (100, 120, 0, True, "overpaid"),
        (100, 100, 30, True, "partially_refunded"),
        (100, 100, 100, True, "refunded"),
        (0, 0, 0, False, "none"),
        (0, 0, 0, True, "paid"),
    ],
)
def test_the_payment_status_follows_from_the_ledger(
    total: int, charged: int, refunded: int, is_paid: bool, expected: str
) -> None:
    found = payment_status(total_minor=total, charged_minor=charged, refunded_minor=refunded, is_paid=is_paid)
    assert found is PaymentStatus(expected)


@pytest.mark.parametrize(
    ("shipped", "delivered", "expected"),
    [
        (0, 0, "unfulfilled"),
        (1, 0, "partial"),
        (1, 1, "partial"),
        (3, 0, "shipped"),
        (3, 2, "shipped"),
        (3, 3, "delivered"),
    ],
)
def test_the_fulfilment_status_follows_from_the_parcels(shipped: int, delivered: int, expected: str) -> None:
    found = fulfilment_status(units=3, shipped_units=shipped, delivered_units=delivered)
    assert found is FulfilmentStatus(expected)
