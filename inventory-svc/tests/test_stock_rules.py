"""The arithmetic of stock, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_svc.stock.rules import (
    COUNTERS,
    SIGNS,
    CauseKind,
    Level,
    Movement,
    MovementKind,
    applied,
    deltas,
    level_key,
    open_alerts,
    tell,
)

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)

# models.md §2, row by row: on_hand, reserved, prelocked, damaged, quality_hold, incoming
TABLE = {
    "received": (1, 0, 0, 0, 0, 0),
    "ordered": (0, 0, 0, 0, 0, 1),
    "ordered_back": (0, 0, 0, 0, 0, -1),
    "reserved": (0, 1, 0, 0, 0, 0),
    "released": (0, -1, 0, 0, 0, 0),
    "shipped": (-1, -1, 0, 0, 0, 0),
    "prelocked": (0, 0, 1, 0, 0, 0),
    "unlocked": (0, 0, -1, 0, 0, 0),
    "damaged": (0, 0, 0, 1, 0, 0),
    "restored": (0, 0, 0, -1, 0, 0),
    "quarantined": (0, 0, 0, 0, 1, 0),
    "cleared": (0, 0, 0, 0, -1, 0),
    "written_off": (-1, 0, 0, -1, 0, 0),
    "adjusted": (1, 0, 0, 0, 0, 0),
    "transfer_out": (-1, 0, 0, 0, 0, 0),
    "transfer_in": (1, 0, 0, 0, 0, 0),
}


def movement(kind: MovementKind, quantity: int = 1, **overrides: object) -> Movement:
    given = {"key": "A@main", "cause_kind": CauseKind.ORDER, "cause_id": "ord_1", "line": "1", **overrides}
    return Movement(kind=kind, quantity=quantity, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(MovementKind))
def test_each_kind_of_movement_has_the_signs_of_the_table(kind: MovementKind) -> None:
    assert tuple(SIGNS[kind].get(counter, 0) for counter in COUNTERS) == TABLE[kind]


def test_a_receipt_against_a_purchase_order_also_lowers_what_is_incoming() -> None:
    received = movement(MovementKind.RECEIVED, 4, cause_kind=CauseKind.PURCHASE_RECEIPT)

    assert deltas([received]) == {"A@main": {"on_hand": 4, "incoming": -4}}


def test_movements_of_a_level_are_summed_before_they_are_applied() -> None:
    moves = [movement(MovementKind.RECEIVED, 10), movement(MovementKind.RESERVED, 3), movement(MovementKind.SHIPPED, 2)]

    assert deltas(moves) == {"A@main": {"on_hand": 8, "reserved": 1}}


def test_what_is_available_leaves_out_whatever_cannot_be_sold() -> None:
    level = Level("A@main", 20, reserved=3, prelocked=2, damaged=1, quality_hold=4, safety_stock=5, backorder_limit=6)

    assert (level.available, level.sellable) == (5, 11)


@pytest.mark.parametrize(
    ("on_hand", "backorder", "reorder_point", "availability"),
    [(0, 0, 0, "sold_out"), (1, 0, 0, "in_stock"), (0, 1, 0, "low"), (5, 0, 5, "low"), (6, 0, 5, "in_stock")],
)
def test_the_class_follows_what_may_be_sold(
    on_hand: int, backorder: int, reorder_point: int, availability: str
) -> None:
    level = Level("A@main", on_hand, backorder_limit=backorder, reorder_point=reorder_point)

    assert level.availability == availability


def test_a_count_that_finds_less_than_was_promised_raises_the_deficit() -> None:
    level = Level("A@main", 10, reserved=8)

    assert applied(level, {"on_hand": -5}, may_raise_deficit=True).deficit == 3


def test_a_deficit_heals_when_goods_come_in_and_nothing_else_may_raise_it() -> None:
    level = Level("A@main", 5, reserved=8, deficit=3)

    assert applied(level, {"on_hand": 2}, may_raise_deficit=False).deficit == 1
    assert applied(level, {"on_hand": 9}, may_raise_deficit=False).deficit == 0
    assert applied(replace(level, deficit=0, on_hand=8), {"reserved": 1}, may_raise_deficit=False).deficit == 0


def test_the_first_word_about_a_level_is_said_at_once() -> None:
    telling = tell(Level("A@main", 10), NOW)

    assert telling.changed
    assert telling.due_at is None
    assert telling.level.announced_available == 10


def told(on_hand: int, at: datetime) -> Level:
    return tell(Level("A@main", on_hand), at).level


@pytest.mark.parametrize(("passed_ms", "at_once"), [(0, False), (999, False), (1_000, True), (1_001, True)])
def test_a_level_speaks_once_a_second(passed_ms: int, at_once: bool) -> None:
    level = replace(told(10, NOW), on_hand=9)

    telling = tell(level, NOW + timedelta(milliseconds=passed_ms))

    assert telling.changed is at_once
    assert telling.due_at == (None if at_once else NOW + timedelta(seconds=1))


def test_a_change_of_class_is_said_at_once() -> None:
    telling = tell(replace(told(10, NOW), on_hand=0), NOW + timedelta(milliseconds=1))

    assert telling.changed
    assert telling.opened == ("out",)
    assert telling.level.event_seq == 3


def test_a_second_change_within_the_second_asks_for_no_second_timer() -> None:
    first = tell(replace(told(10, NOW), on_hand=9), NOW).level

    assert tell(replace(first, on_hand=8), NOW).due_at is None


def test_a_level_that_is_again_as_it_was_told_says_nothing() -> None:
    telling = tell(told(10, NOW), NOW + timedelta(seconds=5))

    assert telling.event_count == 0


@pytest.mark.parametrize(
    ("available", "was_open", "is_open"),
    [(11, False, False), (10, False, True), (10, True, True), (12, True, True), (13, True, False)],
)
def test_a_low_alert_opens_at_the_reorder_point_and_closes_a_margin_above(
    available: int, was_open: bool, is_open: bool
) -> None:
    level = Level("A@main", available, reorder_point=10, alert_low=was_open)

    assert open_alerts(level)[0] is is_open


@pytest.mark.parametrize(
    ("available", "reorder_point", "was_open", "is_open"),
    [(0, 0, False, True), (1, 0, False, False), (1, 0, True, False), (1, 10, True, True), (2, 10, True, False)],
)
def test_an_out_alert_closes_only_when_something_worth_naming_is_there(
    available: int, reorder_point: int, was_open: bool, is_open: bool
) -> None:
    assert open_alerts(Level("A@main", available, reorder_point=reorder_point, alert_out=was_open))[1] is is_open


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 1_500)), max_size=30))
def test_whatever_happens_the_last_word_is_said_or_due(changes: list[tuple[int, int]]) -> None:
    level, now, due = told(20, NOW), NOW, False
    for change, passed_ms in changes:
        now += timedelta(milliseconds=passed_ms)
        level = replace(level, on_hand=max(0, level.on_hand + change))
        telling = tell(level, now)
        level, due = telling.level, due or telling.due_at is not None
        silent = (level.announced_on_hand, level.announced_availability) == (level.on_hand, level.availability)
        assert silent or level.announce_pending
        assert level.announce_pending is due


def test_the_key_of_a_level_names_both() -> None:
    level = Level(level_key("A/1-b", "main"))

    assert (level.key, level.sku, level.warehouse) == ("A/1-b@main", "A/1-b", "main")
