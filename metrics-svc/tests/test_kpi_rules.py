"""Questions read from parameters, formulas, names of periods."""

from datetime import UTC, date, datetime

import pytest

from metrics_svc.kpis.asked import Asked, Faulty, Looked, Looking, Period, Question, look, read
from metrics_svc.kpis.definitions import BY_KEY, DEFINITIONS, By, Grain, Measure, Shape, Unit
from metrics_svc.kpis.rules import Figure, figure, half_up, label, rate, share

JANUARY = {"from_": "2026-01-01", "to": "2026-01-31"}


def codes(found: Asked | Faulty | Looked) -> list[tuple[str, str]]:
    assert isinstance(found, Faulty), found
    return [(one.pointer, one.code) for one in found.wrong]


def test_a_question_without_keys_is_for_all_that_fit() -> None:
    plain, by_sku = read(Question(**JANUARY)), read(Question(**JANUARY, by="sku", grain="day"))

    assert isinstance(plain, Asked)
    assert isinstance(by_sku, Asked)
    assert [one.key for one in plain.definitions] == list(BY_KEY)
    assert {"sessions", "net_sales", "repurchase_rate"}.isdisjoint(one.key for one in by_sku.definitions)
    assert (plain.grain, plain.by, plain.window_days) == (Grain.TOTAL, None, 365)


def test_keys_are_read_once_each_in_the_order_asked() -> None:
    asked = read(Question(keys=" units,orders ,units", **JANUARY))

    assert isinstance(asked, Asked)
    assert [one.key for one in asked.definitions] == ["units", "orders"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Question("orders"), [("/from", "missing"), ("/to", "missing")]),
        (Question("orders", "2026-02-30", "x"), [("/from", "not-a-date"), ("/to", "not-a-date")]),
        (Question("orders", "20260101", "2026-W01-1"), [("/from", "not-a-date"), ("/to", "not-a-date")]),
        (Question("orders", "1999-12-31", "2200-01-01"), [("/from", "out-of-range"), ("/to", "out-of-range")]),
        (Question("orders", "2026-01-02", "2026-01-01"), [("/to", "before-from")]),
        (Question("", **JANUARY), [("/keys", "missing")]),
        (Question(" , ", **JANUARY), [("/keys", "missing")]),
        (Question("orders", **JANUARY, grain="hour"), [("/grain", "unknown-value")]),
        (Question("orders", **JANUARY, by="brand"), [("/by", "unknown-value")]),
        (Question("orders", **JANUARY, window_days="31"), [("/window_days", "unknown-value")]),
        (Question("orders", **JANUARY, window_days="030"), [("/window_days", "unknown-value")]),
        (Question("net_sales", **JANUARY, by="sku"), [("/by", "by-not-possible")]),
        (Question("repurchase_rate", **JANUARY, grain="day"), [("/grain", "grain-not-possible")]),
    ],
)
def test_what_is_wrong_is_said(question: Question, expected: list[tuple[str, str]]) -> None:
    assert codes(read(question)) == expected


def test_all_faults_are_said_at_once() -> None:
    question = Question("orders,foo,sessions,bar", "2026-13-01", None, "hour", "sku", "7")

    found = read(question)

    assert isinstance(found, Faulty)
    assert found.unknown == ("foo", "bar")
    assert codes(found) == [
        ("/keys", "unknown-kpi"),
        ("/keys", "unknown-kpi"),
        ("/from", "not-a-date"),
        ("/to", "missing"),
        ("/grain", "unknown-value"),
        ("/window_days", "unknown-value"),
        ("/by", "by-not-possible"),
    ]
    assert all(one.en and one.zh for one in found.wrong)


def test_looking_behind_a_figure_says_all_faults_too() -> None:
    assert codes(look(Looking("foo", part="half"))) == [
        ("/key", "unknown-kpi"),
        ("/from", "missing"),
        ("/to", "missing"),
        ("/part", "unknown-value"),
    ]
    assert codes(look(Looking("orders", **JANUARY, part="denominator"))) == [("/part", "no-denominator")]
    assert codes(look(Looking("net_sales", **JANUARY, only={By.SKU: "A"}))) == [("/sku", "by-not-possible")]


def test_behind_a_repurchase_rate_lies_its_window() -> None:
    looked = look(Looking("repurchase_rate", **JANUARY, window_days="30", part="denominator"))

    assert looked == Looked(
        BY_KEY["repurchase_rate"], Measure.WINDOW_BUYERS, Period(date(2026, 1, 2), date(2026, 1, 31))
    )


def test_a_period_reaches_from_the_first_zone_to_the_last() -> None:
    day = Period(date(2026, 1, 1), date(2026, 1, 1))

    assert day.utc == (
        datetime(2025, 12, 31, 9, tzinfo=UTC),
        datetime(2026, 1, 1, 13, tzinfo=UTC),
        datetime(2026, 1, 1, 9, tzinfo=UTC),
        datetime(2026, 1, 2, 13, tzinfo=UTC),
    )
    assert (day.days, day.window(30)) == (1, Period(date(2025, 12, 3), date(2026, 1, 1)))


@pytest.mark.parametrize(
    ("key", "measures", "expected"),
    [
        ("gmv", {Measure.AMOUNT: 700}, Figure(700)),
        ("gmv", {Measure.PAID_AMOUNT: 700}, None),
        ("net_sales", {Measure.PAID_AMOUNT: 700, Measure.REFUNDED: 900}, Figure(-200, 700, 900)),
        ("net_sales", {Measure.REFUNDED: 900}, Figure(-900, 0, 900)),
        ("average_order_value", {Measure.PAID_AMOUNT: 5, Measure.PAID_ORDERS: 2}, Figure(3, 5, 2)),
        ("spend_per_buyer", {Measure.PAID_AMOUNT: 4, Measure.PAYING_BUYERS: 3}, Figure(1, 4, 3)),
        ("conversion_rate", {Measure.CONVERTED: 1, Measure.SEEN: 3}, Figure(0.333333, 1, 3)),
        ("conversion_rate", {Measure.CONVERTED: 0, Measure.SEEN: 0}, Figure(None, 0, 0)),
    ],
)
def test_formulas(key: str, measures: dict[Measure, int], expected: Figure | None) -> None:
    assert figure(BY_KEY[key], measures) == expected


@pytest.mark.parametrize(
    ("numerator", "denominator", "value"),
    [(0, 1, 0), (1, 2, 1), (1, 3, 0), (2, 3, 1), (3, 2, 2), (10**18 + 1, 2, 5 * 10**17 + 1), (1, 0, None)],
)
def test_means_are_rounded_half_up_to_a_minor_unit(numerator: int, denominator: int, value: int | None) -> None:
    assert half_up(numerator, denominator) == value


def test_rates_have_six_places() -> None:
    assert (rate(2, 3), rate(1, 1), rate(0, 0)) == (0.666667, 1.0, None)


@pytest.mark.parametrize(
    ("bucket", "grain", "expected"),
    [
        (date(2026, 1, 31), Grain.DAY, "2026-01-31"),
        (date(2024, 12, 30), Grain.WEEK, "2025-W01"),
        (date(2020, 12, 28), Grain.WEEK, "2020-W53"),
        (date(2026, 1, 1), Grain.MONTH, "2026-01"),
        (date(2026, 1, 5), Grain.TOTAL, "2026-01-05/2026-02-01"),
    ],
)
def test_periods_have_names(bucket: date, grain: Grain, expected: str) -> None:
    assert label(bucket, grain, Period(date(2026, 1, 5), date(2026, 2, 1))) == expected


@pytest.mark.parametrize("measure", list(Measure))
def test_every_measure_knows_what_a_fact_adds(measure: Measure) -> None:
    adds = share(measure, units=2, amount_minor=3, discount_minor=4, by_line=False)

    expected = {
        Measure.ORDERS: 1, Measure.PAID_ORDERS: 1, Measure.VIEWS: 1, Measure.UNITS: 2, Measure.AMOUNT: 3,
        Measure.PAID_AMOUNT: 3, Measure.REFUNDED: 3, Measure.DISCOUNT: 4,
    }  # fmt: skip
    assert adds == expected.get(measure)


def test_definitions_are_whole() -> None:
    assert len(BY_KEY) == len(DEFINITIONS) == 14
    for one in DEFINITIONS:
        assert set(one.name) == set(one.formula) == {"en", "zh"}
        assert (one.shape is Shape.SUM) == (one.denominator is None) == (not one.denominator_events)
        assert (one.shape is Shape.RATE) == (one.unit is Unit.RATE)
        assert one.events
        assert one.version == 1
