"""What differs, and which line is behind it."""

import pytest

from svc_local.demo.comparison import (
    NAMED_MAX,
    Cell,
    Difference,
    SoldLine,
    differences,
    explained,
    half_up,
    money,
    shown,
    suspects,
)

GMV = Cell("gmv")
LINES = [
    SoldLine(1, 100, "2017-07-09", "SOUP", 2, 399),
    SoldLine(1, 101, "2017-07-09", "TEA", 1, 100),
    SoldLine(2, 100, "2017-07-10", "SOUP", 1, 200),
    SoldLine(3, 102, "2017-07-09", "SOUP", 1, 50),
]


def a_cent_off() -> list[Difference]:
    return [
        Difference(GMV, 749, 750),
        Difference(Cell("gmv", "day", "2017-07-09"), 549, 550),
        Difference(Cell("gmv", "category", "SOUP"), 649, 650),
        Difference(Cell("gmv", "product", "100"), 599, 600),
    ]


def test_equal_figures_differ_in_nothing() -> None:
    figures = {GMV: 749, Cell("repurchase_rate_30"): 0.5}

    assert differences(figures, dict(figures)) == []


def test_a_place_that_one_side_lacks_is_zero_there() -> None:
    day = Cell("gmv", "day", "2017-07-09")

    assert differences({day: 5}, {}) == [Difference(day, 5, 0)]
    assert differences({}, {day: 5}) == [Difference(day, 0, 5)]
    assert differences({day: 0}, {}) == []


def test_totals_come_first_then_days_categories_and_products() -> None:
    found = {one.cell: one.found for one in reversed(a_cent_off())} | {Cell("orders"): 1}

    cells = [one.cell for one in differences({}, found)]

    assert cells == [Cell("orders"), *(one.cell for one in a_cent_off())]


def test_a_cent_on_one_line_is_traced_to_its_basket() -> None:
    assert suspects(a_cent_off(), LINES) == [LINES[0]]


@pytest.mark.parametrize("missing", ["day", "category", "product"])
def test_no_line_is_blamed_where_one_of_the_three_agrees(missing: str) -> None:
    assert suspects([one for one in a_cent_off() if one.cell.grain != missing], LINES) == []


def test_the_sentences_name_the_cent_and_the_line() -> None:
    assert explained(a_cent_off(), LINES) == [
        "gmv: pandas 7.49, the suite 7.50",
        "gmv of day 2017-07-09: pandas 5.49, the suite 5.50",
        "gmv of category SOUP: pandas 6.49, the suite 6.50",
        "gmv of product 100: pandas 5.99, the suite 6.00",
        "the line: basket 1, product 100, 2017-07-09, SOUP: 2 sold for 3.99",
    ]


def test_many_differences_are_counted_where_they_are_not_named() -> None:
    many = [Difference(Cell("units", "product", str(n)), n, n + 1) for n in range(NAMED_MAX + 3)]

    said = explained(many, [])

    assert len(said) == NAMED_MAX + 1
    assert said[-1] == "… and 3 more, all of them in reports/demo.json"


@pytest.mark.parametrize(
    ("numerator", "denominator", "whole"),
    [(0, 0, 0), (5, 0, 0), (1, 2, 1), (1, 3, 0), (2, 3, 1), (8_031_962, 2_776, 2_893), (7, 2, 4), (10, 5, 2)],
)
def test_quotients_are_rounded_half_up_in_whole_numbers(numerator: int, denominator: int, whole: int) -> None:
    assert half_up(numerator, denominator) == whole


@pytest.mark.parametrize(
    ("cell", "number", "words"),
    [
        (GMV, 8_031_962, "80,319.62"),
        (GMV, -5, "-0.05"),
        (Cell("units"), 3_937_320, "3,937,320"),
        (Cell("repurchase_rate_30"), 0.823529, "82.3529%"),
        (Cell("average_order_value", part="numerator"), 5, "0.05"),
        (Cell("average_order_value", part="denominator"), 5, "5"),
    ],
)
def test_numbers_are_shown_in_their_unit(cell: Cell, number: float, words: str) -> None:
    assert shown(cell, number) == words


def test_money_has_two_digits() -> None:
    assert [money(n) for n in (0, 7, 100, -1_234_567)] == ["0.00", "0.07", "1.00", "-12,345.67"]
