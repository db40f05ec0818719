"""The promotion engine and the prices on the pages, without a database."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_svc.promotions.rules.engine import Conditions, Line, Offered, Reward, Unmet, evaluate
from marketing_svc.promotions.rules.pricing import Shown, changes, next_turn, shown_prices
from marketing_svc.promotions.rules.promotion import (
    TRANSITIONS,
    Promotion,
    State,
    Verb,
    conditions_of,
    plain_conditions,
    possible,
    state_after,
    state_at,
)

NAME = {"en": "a promotion"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EARLIER, LATER = NOON.replace(hour=11), NOON.replace(hour=13)


def line(id: str = "l1", gross: int = 10_000, quantity: int = 1, **facts: Any) -> Line:
    given: dict[str, Any] = {"sku": id.upper(), "product_id": f"prd_{id}", "category_path": ("cat_tea",), "brand": None}
    return Line(line_id=id, quantity=quantity, gross_minor=gross, **{**given, **facts})


def offered(id: str = "p1", rate: int | None = 1_000, amount: int | None = None, **facts: Any) -> Offered:
    plain: dict[str, Any] = {"scope": "order", "conditions": Conditions(), "priority": 100, "stacking": "stack"}
    reward = Reward(None if amount else rate, amount)
    return Offered(id, NAME, reward=reward, **{**plain, **facts})


def promotion(id: str = "prm_1", **facts: Any) -> Promotion:
    plain: dict[str, Any] = {
        "shop": "tea",
        "campaign_id": None,
        "name": NAME,
        "trigger": "automatic",
        "scope": "catalogue",
        "state": State.ACTIVE,
        "conditions": Conditions(),
        "reward": Reward(1_000),
        "currency": "CNY",
        "priority": 100,
        "stacking": "stack",
        "group": None,
        "from_at": None,
        "until": None,
        "total": None,
        "per_customer": None,
        "paused_by_campaign": False,
        "exhausted": False,
        "ended_at": None,
        "created_at": NOON,
        "version": 1,
        "event_seq": 1,
    }
    return Promotion(id=id, **{**plain, **facts})


@pytest.mark.parametrize(
    ("what", "lines", "expected"),
    [
        ("a tenth of each line", [line(gross=10_000), line("l2", 5)], {"l1": 1_000, "l2": 1}),
        ("half a minor unit rounds up", [line(gross=15)], {"l1": 2}),
    ],
)
def test_a_rate_takes_its_part_of_every_chosen_line(what: str, lines: list[Line], expected: dict[str, int]) -> None:
    assert evaluate([offered()], lines).discounts_minor == expected, what


def test_an_amount_off_an_order_is_split_over_its_lines_to_the_last_unit() -> None:
    result = evaluate([offered(amount=100)], [line("l1", 1_000), line("l2", 1_000), line("l3", 1_000)])

    assert result.discounts_minor == {"l1": 34, "l2": 33, "l3": 33}
    assert result.applied[0].amount_minor == 100


def test_an_amount_never_takes_more_than_there_is() -> None:
    assert evaluate([offered(amount=2_000)], [line(gross=1_500)]).discounts_minor == {"l1": 1_500}


def test_a_catalogue_price_holds_per_unit_whatever_the_quantity() -> None:
    # 3 × round(10 % of 0.95) = 3 × 0.10, not round(10 % of 2.85) = 0.29
    by_rate = evaluate([offered(scope="catalogue")], [line(gross=285, quantity=3)])
    by_amount = evaluate([offered(amount=20, scope="catalogue")], [line(gross=285, quantity=3)])

    assert by_rate.discounts_minor == {"l1": 30}
    assert by_amount.discounts_minor == {"l1": 60}


def test_activity_prices_come_first_then_the_order_then_the_coupon_each_on_what_is_left() -> None:
    result = evaluate(
        [
            offered("coupon", amount=2_000, coupon_code="X", priority=0),
            offered("order", 1_000, priority=0),
            offered("activity", 5_000, scope="catalogue"),
        ],
        [line(gross=20_000)],
    )

    assert [(one.promotion_id, one.amount_minor) for one in result.applied] == [
        ("activity", 10_000),
        ("order", 1_000),
        ("coupon", 2_000),
    ]
    assert [one.promotion_id for one in result.traces["l1"]] == ["activity", "order", "coupon"]


def test_the_lowest_priority_acts_first_and_equals_go_by_id() -> None:
    result = evaluate([offered("c"), offered("b"), offered("a", priority=200)], [line()])

    assert [one.promotion_id for one in result.applied] == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("conditions", "unmet"),
    [
        (Conditions(skus=frozenset({"OTHER"})), Unmet.NOTHING_CHOSEN),
        (Conditions(product_ids=frozenset({"prd_other"})), Unmet.NOTHING_CHOSEN),
        (Conditions(category_ids=frozenset({"cat_other"})), Unmet.NOTHING_CHOSEN),
        (Conditions(brands=frozenset({"Other"})), Unmet.NOTHING_CHOSEN),
        (Conditions(spend_min_minor=10_001), Unmet.SPEND_TOO_LOW),
        (Conditions(quantity_min=2), Unmet.QUANTITY_TOO_LOW),
        (Conditions(spend_min_minor=10_000, quantity_min=1), None),
        (Conditions(skus=frozenset({"L1"}), product_ids=frozenset({"prd_l1"})), None),
        (Conditions(category_ids=frozenset({"cat_tea", "cat_other"})), None),
        (Conditions(skus=frozenset({"L1"}), brands=frozenset({"Other"})), Unmet.NOTHING_CHOSEN),
    ],
)
def test_all_named_conditions_must_hold(conditions: Conditions, unmet: Unmet | None) -> None:
    result = evaluate([offered(conditions=conditions)], [line()])

    assert result.unmet.get("p1") is unmet
    assert result.discounts_minor == {"l1": 0 if unmet else 1_000}


def test_the_spend_that_counts_is_that_of_the_chosen_lines_after_what_came_off_before() -> None:
    tea = Conditions(category_ids=frozenset({"cat_tea"}), spend_min_minor=9_001)
    lines = [line(), line("l2", category_path=("cat_cups",))]

    result = evaluate([offered("before", priority=1), offered("after", priority=2, conditions=tea)], lines)

    assert result.unmet == {"after": Unmet.SPEND_TOO_LOW}


def test_of_an_exclusive_group_only_the_first_that_gives_anything_applies() -> None:
    group: dict[str, Any] = {"stacking": "exclusive", "group": "g"}
    empty = Conditions(spend_min_minor=99_999)
    result = evaluate(
        [
            offered("p1", priority=1, conditions=empty, **group),
            offered("p2", priority=2, **group),
            offered("p3", priority=3, **group),
            offered("p4", priority=4, **{**group, "group": "h"}),
        ],
        [line()],
    )

    assert [one.promotion_id for one in result.applied] == ["p2", "p4"]
    assert result.unmet == {"p1": Unmet.SPEND_TOO_LOW, "p3": Unmet.EXCLUDED}


def test_after_a_stop_nothing_else_applies() -> None:
    result = evaluate([offered("p1", priority=1, stacking="stop_after"), offered("p2", coupon_code="X")], [line()])

    assert [one.promotion_id for one in result.applied] == ["p1"]
    assert result.unmet == {"p2": Unmet.EXCLUDED}


def test_a_catalogue_promotion_closes_its_own_lines_only() -> None:
    tea = Conditions(skus=frozenset({"L1"}))
    stop = offered("p1", scope="catalogue", stacking="stop_after", conditions=tea)

    result = evaluate([stop, offered("p2")], [line(), line("l2")])

    assert result.discounts_minor == {"l1": 1_000, "l2": 1_000}
    assert result.applied[1].line_amounts_minor == {"l2": 1_000}


PROMOTIONS = st.builds(
    lambda id, rate, amount, scope, priority, stacking, spend, code: offered(
        id,
        rate,
        amount,
        scope=scope,
        priority=priority,
        stacking=stacking,
        group="g" if stacking == "exclusive" else None,
        conditions=Conditions(spend_min_minor=spend),
        coupon_code=code,
    ),
    st.uuids().map(str),
    st.integers(1, 10_000),
    st.one_of(st.none(), st.integers(1, 50_000)),
    st.sampled_from(["catalogue", "order"]),
    st.integers(0, 3),
    st.sampled_from(["stack", "stop_after", "exclusive"]),
    st.integers(0, 5_000),
    st.one_of(st.none(), st.just("X")),
)
LINES = st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 9)), min_size=1, max_size=6).map(
    lambda rows: [line(f"l{n}", gross, quantity) for n, (gross, quantity) in enumerate(rows)]
)


@given(st.lists(PROMOTIONS, max_size=6, unique_by=lambda one: one.promotion_id), LINES)
def test_whatever_is_on_the_sums_agree_and_no_line_goes_below_nothing(some: list[Offered], lines: list[Line]) -> None:
    result = evaluate(some, lines)

    assert sum(result.discounts_minor.values()) == sum(one.amount_minor for one in result.applied)
    for one in result.applied:
        assert one.amount_minor == sum(one.line_amounts_minor.values()) > 0
    for one_line in lines:
        discount = result.discounts_minor[one_line.line_id]
        assert 0 <= discount <= one_line.gross_minor
        assert discount == sum(trace.amount_minor for trace in result.traces[one_line.line_id])
    assert {one.promotion_id for one in result.applied} | set(result.unmet) == {one.promotion_id for one in some}
    assert evaluate(reversed(some), lines) == result


def test_the_lowest_price_on_a_page_is_what_the_cart_pays() -> None:
    group: dict[str, Any] = {"stacking": "exclusive", "group": "g"}
    promotions = [
        promotion("prm_1", priority=1, until=LATER, **group),
        promotion("prm_2", priority=2, reward=Reward(5_000), **group),
        promotion("prm_3", priority=3, reward=Reward(None, 500)),
    ]
    prices = shown_prices(promotions, [line("A", 10_000, sku="A")])

    assert prices == {("prm_1", "A"): Shown(9_000, LATER), ("prm_3", "A"): Shown(8_500, LATER)}


def test_only_what_differs_is_told_and_what_is_gone_is_taken_back() -> None:
    known = {("p1", "A"): Shown(900, None), ("p1", "B"): Shown(900, None), ("p2", "A"): Shown(800, None)}
    now = {("p1", "A"): Shown(900, None), ("p1", "B"): Shown(900, LATER), ("p1", "C"): Shown(100, None)}

    assert changes(known, now) == {"p1": {"B": Shown(900, LATER), "C": Shown(100, None)}, "p2": {"A": None}}


def test_the_clock_looks_again_at_the_next_moment_that_is_not_past() -> None:
    assert next_turn([LATER, EARLIER, NOON], after=NOON) == LATER
    assert next_turn([EARLIER, NOON], after=NOON) is None


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", Verb)
def test_every_pair_of_state_and_verb_is_in_the_table_or_impossible(state: State, verb: Verb) -> None:
    reached = state_after(state, verb, from_at=None, now=NOON)

    assert (reached is not None) == ((state, verb) in TRANSITIONS) == (verb.value in possible(state))
    if reached is not None:
        assert reached in TRANSITIONS[(state, verb)]


@pytest.mark.parametrize(
    ("from_at", "expected"),
    [(None, State.ACTIVE), (EARLIER, State.ACTIVE), (NOON, State.ACTIVE), (LATER, State.SCHEDULED)],
)
@pytest.mark.parametrize(("state", "verb"), [(State.DRAFT, Verb.ACTIVATE), (State.PAUSED, Verb.RESUME)])
def test_the_window_chooses_between_scheduled_and_active(
    state: State, verb: Verb, from_at: datetime | None, expected: State
) -> None:
    assert state_after(state, verb, from_at=from_at, now=NOON) is expected


@pytest.mark.parametrize(
    ("state", "from_at", "until", "expected"),
    [
        (State.DRAFT, EARLIER, NOON, State.DRAFT),
        (State.SCHEDULED, LATER, None, State.SCHEDULED),
        (State.SCHEDULED, NOON, LATER, State.ACTIVE),
        (State.SCHEDULED, EARLIER, NOON, State.ENDED),
        (State.ACTIVE, None, LATER, State.ACTIVE),
        (State.ACTIVE, None, NOON, State.ENDED),
        (State.PAUSED, EARLIER, LATER, State.PAUSED),
        (State.PAUSED, EARLIER, NOON, State.ENDED),
        (State.ENDED, EARLIER, LATER, State.ENDED),
    ],
)
def test_the_clock_alone_begins_and_ends_what_runs(
    state: State, from_at: datetime | None, until: datetime | None, expected: State
) -> None:
    assert state_at(promotion(state=state, from_at=from_at, until=until), NOON) is expected


def test_a_promotion_is_off_at_the_end_of_its_window_even_where_the_timer_is_late() -> None:
    one = promotion(until=NOON)

    assert one.is_on(EARLIER)
    assert not one.is_on(NOON)
    assert not replace(one, until=None, state=State.PAUSED).is_on(NOON)


def test_conditions_survive_being_written_down() -> None:
    conditions = Conditions(skus=frozenset({"B", "A"}), brands=frozenset({"Yun"}), spend_min_minor=5)

    assert plain_conditions(conditions) == {"skus": ["A", "B"], "brands": ["Yun"], "spend_min_minor": 5}
    assert conditions_of(plain_conditions(conditions)) == conditions
