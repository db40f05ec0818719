"""The suite's side of the data: read by other means than pandas, and the same."""

from datetime import UTC, datetime, timedelta

import pytest

from svc_local.demo.baskets import Basket, Line, Stock, articles_of, baskets_of, batches, cents, refuse_long, tamper
from svc_local.demo.expected import Expected
from svc_local.troubles import Trouble

AT = datetime(2017, 7, 9, 12, tzinfo=UTC)


def make_basket(id: int = 1, *lines: Line, minutes: int = 0) -> Basket:
    return Basket(id, 7, AT + timedelta(minutes=minutes), lines or (Line(100, 1, 399, 0),))


def test_both_sides_read_the_same_without_sharing_a_line_of_code(goods: Stock, counted: Expected) -> None:
    lines = [line for basket in goods.baskets for line in basket.lines]

    assert len(goods.baskets) == counted.orders
    assert len(lines) == counted.lines
    assert len(goods.articles) == counted.products
    assert sum(line.units for line in lines) == counted.units
    assert sum(line.net_minor for line in lines) == counted.net_minor
    assert sum(line.discount_minor for line in lines) == counted.discount_minor
    assert (goods.first_day, goods.last_day) == (counted.first_day, counted.last_day)


def test_baskets_are_in_time_order_and_articles_hold_exactly_their_units(goods: Stock) -> None:
    assert [basket.at for basket in goods.baskets] == sorted(basket.at for basket in goods.baskets)
    assert {one.id: one.units for one in goods.articles} == units_of(goods)
    assert min(one.price_minor for one in goods.articles) == 1
    assert all(one.title and one.category for one in goods.articles)


def units_of(goods: Stock) -> dict[int, int]:
    units: dict[int, int] = {}
    for basket in goods.baskets:
        for line in basket.lines:
            units[line.product] = units.get(line.product, 0) + line.units
    return units


def test_orders_of_nothing_are_orders_all_the_same(goods: Stock) -> None:
    assert sum(basket.total_minor == 0 for basket in goods.baskets) == 8


@pytest.mark.parametrize(
    ("amount", "minor"), [(0.0, 0), (0.29, 29), (1.15, 115), (2.675, 268), (0.005, 1), (1.004, 100), (840.0, 84_000)]
)
def test_amounts_are_rounded_half_up_on_the_decimal_that_is_written(amount: float, minor: int) -> None:
    assert cents(amount) == minor


def test_rows_become_baskets_by_time_and_then_by_number() -> None:
    noon, later = datetime(2017, 1, 1, 12), datetime(2017, 1, 1, 13)  # noqa: DTZ001 - as the files hold them
    rows = [
        (3, later, 7, 101, 1, 1.0, 0.5, 0.25),
        (2, noon, 8, 100, 2, 3.99, 0.0, 0.0),
        (1, noon, 9, 100, 1, 0.0, 0.0, 0.0),
        (3, later, 7, 100, 1, 2.0, 0.0, 0.0),
    ]

    found = baskets_of(rows)

    assert [basket.id for basket in found] == [1, 2, 3]
    assert found[2] == Basket(3, 7, later.replace(tzinfo=UTC), (Line(100, 1, 200, 0), Line(101, 1, 100, 75)))
    assert found[2].lines[1].gross_minor == 175


def test_an_article_is_shown_at_its_dearest_unit_and_never_for_nothing() -> None:
    baskets = [make_basket(1, Line(5, 3, 1_000, 0), Line(6, 1, 0, 0)), make_basket(2, Line(5, 1, 300, 20))]

    first, second = articles_of(
        baskets, {5: {"product_type": "ICE  CREAM", "package_size": "1 PT", "brand": "Private"}}
    )

    assert (first.id, first.units, first.price_minor) == (5, 4, 333)
    assert (first.title, first.category, first.brand) == ("Ice cream, 1 pt (no. 5)", "unknown", "Private")
    assert (second.title, second.price_minor, second.units) == ("Unknown (no. 6)", 1, 1)


def test_an_order_has_two_hundred_lines_at_most_and_more_are_never_cut() -> None:
    refuse_long([make_basket(1, *[Line(n, 1, 1, 0) for n in range(200)])])

    with pytest.raises(Trouble, match="Basket 2 has 201 lines"):
        refuse_long([make_basket(), make_basket(2, *[Line(n, 1, 1, 0) for n in range(201)])])


def test_tampering_adds_a_cent_to_one_line_and_changes_nothing_else() -> None:
    baskets = [make_basket(n, Line(100, 1, 0, 0), Line(101, 2, n, 5)) for n in range(5)]

    changed, line = tamper(baskets)

    assert [n for n in range(5) if changed[n] != baskets[n]] == [2]
    assert changed[2].lines == (Line(100, 1, 0, 0), Line(101, 2, 3, 5))
    assert (line.basket, line.product, line.day, line.true_minor, line.sent_minor) == (2, 101, "2017-07-09", 2, 3)


def test_batches_keep_the_order_and_both_limits() -> None:
    one, three = (Line(1, 1, 1, 0),), tuple(Line(n, 1, 1, 0) for n in range(3))
    baskets = [make_basket(n, *lines) for n, lines in enumerate([one, one, one, three, three, one, three])]

    found = list(batches(baskets, orders_max=2, lines_max=4))

    assert [[basket.id for basket in some] for some in found] == [[0, 1], [2, 3], [4, 5], [6]]


def test_an_order_above_the_limit_of_lines_still_goes_alone() -> None:
    [some] = batches([make_basket(1, *[Line(n, 1, 1, 0) for n in range(9)])], orders_max=2, lines_max=4)

    assert len(some) == 1
