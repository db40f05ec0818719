"""Pandas' side: the totals of the data, and every figure by hand on a few lines."""

import pandas
import pytest

from svc_local.demo.comparison import Cell
from svc_local.demo.expected import Expected, LeftOut, cents, count
from svc_local.demo.selection import Selection

LINES = pandas.DataFrame(
    [
        (1, 10, 100, 2, 399, 100, "2017-12-31", "SOUP"),
        (1, 10, 101, 1, 0, 0, "2017-12-31", "unknown"),
        (1, 11, 100, 1, 200, 0, "2018-01-01", "SOUP"),
        (2, 12, 102, 5, 1, 50, "2018-01-01", "TEA"),
        (2, 13, 102, 5, 0, 51, "2018-01-01", "TEA"),
        (3, 14, 100, 1, 200, 0, "2017-10-03", "SOUP"),
    ],
    columns=["household", "basket", "product", "units", "net", "discount", "day", "category"],
)


@pytest.fixture
def few() -> Expected:
    return Expected(LINES, LeftOut(0, 0, 0), "2017-01-01", "2018-01-01")


def test_all_households_come_to_the_known_totals() -> None:
    everything = count(Selection(None))

    assert (everything.orders, everything.orders_of_zero, everything.lines) == (155_518, 150, 1_460_438)
    assert (everything.units, everything.products) == (152_923_108, 68_260)
    assert (everything.net_minor, everything.discount_minor) == (459_602_706, 79_619_146)
    assert everything.left_out == LeftOut(lines=8_869, with_amount=29, amount_minor=1_252)
    assert (everything.first_day, everything.last_day) == ("2017-01-01", "2018-01-01")


def test_the_first_forty_households_come_to_the_known_totals(counted: Expected) -> None:
    assert (counted.orders, counted.lines, counted.products) == (2_776, 23_893, 8_237)
    assert counted.net_minor == 8_031_962
    assert counted.figures[Cell("gmv")] == 8_031_962


@pytest.mark.parametrize("grain", ["day", "category", "product"])
def test_the_parts_of_each_grain_add_up_to_the_total(counted: Expected, grain: str) -> None:
    for figure in ("units", "gmv", "discounts"):
        parts = [number for cell, number in counted.figures.items() if cell[:2] == (figure, grain)]
        assert sum(parts) == counted.figures[Cell(figure)]


def test_orders_buyers_and_means_are_counted_once_each(few: Expected) -> None:
    figures = few.figures

    assert figures[Cell("orders")] == 5
    assert figures[Cell("orders", "day", "2018-01-01")] == 3
    assert figures[Cell("units")] == 15
    assert figures[Cell("gmv")] == 800
    assert figures[Cell("discounts")] == 201
    assert figures[Cell("buyers")] == 3
    assert figures[Cell("average_order_value")] == 160
    assert figures[Cell("spend_per_buyer")] == 267  # 800 / 3 = 266.67
    assert figures[Cell("spend_per_buyer", part="denominator")] == 3


def test_who_came_twice_on_one_day_did_not_come_again(few: Expected) -> None:
    assert few.figures[Cell("repurchase_rate_30", part="numerator")] == 1
    assert few.figures[Cell("repurchase_rate_30", part="denominator")] == 2
    assert few.figures[Cell("repurchase_rate_30")] == 0.5


def test_the_window_ends_with_the_last_day_and_counts_both_ends(few: Expected) -> None:
    # 2017-10-04 is the first of the 90 days that end with 2018-01-01: household 3 came a day before.
    assert few.figures[Cell("repurchase_rate_90", part="denominator")] == 2
    assert few._repurchase(91)[Cell("repurchase_rate_91", part="denominator")] == 3
    assert few.figures[Cell("repurchase_rate_365")] == 0.333333


def test_sums_stand_by_day_by_category_and_by_product(few: Expected) -> None:
    assert few.figures[Cell("gmv", "day", "2017-12-31")] == 399
    assert few.figures[Cell("gmv", "category", "SOUP")] == 799
    assert few.figures[Cell("units", "category", "unknown")] == 1
    assert few.figures[Cell("discounts", "product", "102")] == 101


def test_a_fraction_of_a_cent_is_refused_and_not_rounded_away() -> None:
    assert cents(pandas.Series([0.29, 1.15, 840.0, 0.07])).tolist() == [29, 115, 84_000, 7]
    with pytest.raises(ValueError, match="fractions of a cent"):
        cents(pandas.Series([1.005], name="sales_value"))
