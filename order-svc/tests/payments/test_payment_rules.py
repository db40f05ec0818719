"""Attempts, refunds, signatures and splitting, without a database."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_svc.orders.rules.order import LedgerRow
from order_svc.payments.rules import (
    ASK_AGAIN_AFTER,
    ATTEMPT_TRANSITIONS,
    REFUND_TRANSITIONS,
    Attempt,
    AttemptState,
    Charge,
    MoneyBack,
    NotThatMuch,
    RefundState,
    balance_minor,
    pause,
    provider_key,
    refund_of_key,
    signature_holds,
    split_over,
)
from order_svc.payments.waiting import waited_seconds
from svc_local.sandbox import signature

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
SECRET = "correct horse"
BODY = b'{"id":"evt_1"}'


def attempt(state: AttemptState) -> Attempt:
    return Attempt("pay_1", "ord_1", 1, "sandbox", "sandbox", "ord_1-1", 100, "CNY", NOW, state)


def refund(state: RefundState) -> MoneyBack:
    return MoneyBack("ref_1", "ord_1", 1, "sandbox", "sbx_1", 100, "CNY", "cancelled", NOW, state)


FROM_TO = [
    ("requested", "unknown"),
    ("requested", "succeeded"),
    ("requested", "failed"),
    ("unknown", "succeeded"),
    ("unknown", "failed"),
    ("failed", "succeeded"),
]


@pytest.mark.parametrize(("old", "new"), list(product(AttemptState, AttemptState)))
def test_an_attempt_changes_only_as_the_table_says(old: AttemptState, new: AttemptState) -> None:
    one = attempt(old)

    changed = one.become(new, at=NOW)

    assert changed == ((old, new) in FROM_TO)
    assert one.state is (new if changed else old)
    if changed:
        assert (one.ended_at is None) == (new == "unknown")


@pytest.mark.parametrize(("old", "new"), list(product(RefundState, RefundState)))
def test_a_refund_ends_only_with_the_money_back(old: RefundState, new: RefundState) -> None:
    one = refund(old)

    changed = one.become(new, at=NOW)

    assert changed == (new in REFUND_TRANSITIONS[old])
    assert (one.ended_at == NOW) == (changed and new is RefundState.SUCCEEDED)


def test_every_state_is_reached_and_only_success_is_final() -> None:
    assert {new for _, new in FROM_TO} | {"requested"} == set(AttemptState)
    assert [state for state, more in ATTEMPT_TRANSITIONS.items() if not more] == [AttemptState.SUCCEEDED]
    assert [state for state, more in REFUND_TRANSITIONS.items() if not more] == [RefundState.SUCCEEDED]


def test_a_provider_key_derives_from_order_and_attempt_and_a_refund_key_from_its_try() -> None:
    one = refund(RefundState.REQUESTED)

    assert provider_key("ord_1", 2) == "ord_1-2"
    assert one.key == "ref_1-1"
    one.tries = 2
    assert one.key == "ref_1-2"
    assert refund_of_key(one.key) == "ref_1"


@pytest.mark.parametrize(("tries", "seconds"), [(0, 1), (1, 1), (2, 2), (3, 5), (8, 300), (9, 300), (1_000, 300)])
def test_the_wait_grows_and_then_stays(tries: int, seconds: int) -> None:
    assert pause(ASK_AGAIN_AFTER, tries) == timedelta(seconds=seconds)


def charge(ref: str, amount: int, refunded: int = 0) -> Charge:
    return Charge("sandbox", ref, 1, amount, refunded)


@pytest.mark.parametrize(
    ("charges", "amount", "parts"),
    [
        ([("a", 100, 0)], 100, {"a": 100}),
        ([("a", 100, 0)], 1, {"a": 1}),
        ([("a", 99, 0), ("b", 1, 0)], 100, {"a": 99, "b": 1}),
        ([("a", 99, 99), ("b", 2, 0)], 2, {"b": 2}),
        ([("a", 60, 10), ("b", 60, 0)], 70, {"a": 50, "b": 20}),
        ([("a", 60, 0)], 0, {}),
        ([], 0, {}),
    ],
)
def test_the_oldest_charge_gives_first(charges: list[tuple[str, int, int]], amount: int, parts: dict[str, int]) -> None:
    found = split_over([charge(*one) for one in charges], amount)

    assert {one.provider_ref: part for one, part in found} == parts


def test_more_than_came_in_never_goes_back() -> None:
    with pytest.raises(NotThatMuch):
        split_over([charge("a", 100, 40)], 61)


@given(st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)), max_size=8), st.integers(0, 5_000))
def test_the_parts_are_the_whole_and_none_exceeds_its_charge(amounts: list[tuple[int, int]], wanted: int) -> None:
    charges = [charge(str(n), max(pair), min(pair)) for n, pair in enumerate(amounts)]
    whole = sum(one.left_minor for one in charges)

    if wanted > whole:
        with pytest.raises(NotThatMuch):
            split_over(charges, wanted)
        return
    parts = split_over(charges, wanted)

    assert sum(part for _, part in parts) == wanted
    assert all(0 < part <= one.left_minor for one, part in parts)


def test_the_providers_signature_holds() -> None:
    assert signature_holds(signature(SECRET, BODY, int(NOW.timestamp())), BODY, secret=SECRET, now=NOW)


@pytest.mark.parametrize(("seconds", "holds"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_signature_holds_for_five_minutes_either_way(seconds: int, holds: bool) -> None:
    header = signature(SECRET, BODY, int(NOW.timestamp()) + seconds)

    assert signature_holds(header, BODY, secret=SECRET, now=NOW) is holds


GOOD = signature(SECRET, BODY, int(NOW.timestamp()))
AT, V1 = GOOD.split(",")


@pytest.mark.parametrize(
    ("header", "body", "secret"),
    [
        (None, BODY, SECRET),
        ("", BODY, SECRET),
        (",", BODY, SECRET),
        (AT, BODY, SECRET),
        (V1, BODY, SECRET),
        (f"t=,{V1}", BODY, SECRET),
        (f"t=-1,{V1}", BODY, SECRET),
        (f"t=١٢٣,{V1}", BODY, SECRET),
        (f"t={'9' * 400},{V1}", BODY, SECRET),
        (f"{AT},v1=é", BODY, SECRET),
        (f"{AT},v1=", BODY, SECRET),
        (GOOD.upper(), BODY, SECRET),
        (GOOD, BODY + b" ", SECRET),
        (GOOD, b"", SECRET),
        (GOOD, BODY, "another secret"),
        # Without a secret nobody can sign, not even with the empty one.
        (signature("", BODY, int(NOW.timestamp())), BODY, ""),
    ],
)
def test_nothing_else_holds(header: str | None, body: bytes, secret: str) -> None:
    assert not signature_holds(header, body, secret=secret, now=NOW)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 2.0),
        ("", 2.0),
        ("wait=0", 0.0),
        ("wait=7", 7.0),
        ("WAIT = 7", 7.0),
        ('wait="7"', 7.0),
        ("respond-async, wait=7", 7.0),
        ("return=minimal; wait=7", 7.0),
        ("wait=11", 10.0),
        ("wait=999999", 10.0),
        ("wait=-1", 2.0),
        ("wait=soon", 2.0),
        ("await=7", 2.0),
    ],
)
def test_a_client_may_prefer_to_wait_up_to_ten_seconds(prefer: str | None, seconds: float) -> None:
    assert waited_seconds(prefer, usual=2.0) == seconds


@pytest.mark.parametrize(
    ("rows", "balance"),
    [
        ([], 0),
        ([("charge", "request", 100)], 0),
        ([("charge", "failure", 100)], 0),
        ([("authorization", "success", 100), ("cancel", "success", 100)], 0),
        ([("charge", "success", 100), ("refund", "request", 40)], 100),
        ([("charge", "success", 100), ("refund", "failure", 40), ("refund", "success", 40)], 60),
        ([("charge", "success", 100), ("chargeback", "success", 100)], 0),
    ],
)
def test_the_balance_is_a_fold_of_what_succeeded(rows: list[tuple[Any, Any, int]], balance: int) -> None:
    ledger = [
        LedgerRow(1, kind, phase, "sandbox", f"ref-{n}", minor, NOW) for n, (kind, phase, minor) in enumerate(rows)
    ]

    assert balance_minor(ledger) == balance
