"""Rows of GET A/kpis in the shape of the comparison."""

from typing import Any

from svc_local.demo.comparison import Cell
from svc_local.demo.entering import Categories
from svc_local.demo.figures import as_cells
from svc_local.demo.selection import Selection

CATEGORIES = Categories({"SOUP": "cat_1", "unknown": "cat_2"})


def make_row(key: str = "gmv", value: float = 5, **overrides: Any) -> dict[str, Any]:
    row = {"key": key, "period": "2017-01-01/2018-01-01", "dims": {"shop": "journey-40"}, "value": value}
    return row | {"numerator": None, "denominator": None, "definition_version": 1} | overrides


def test_totals_stand_without_a_place() -> None:
    assert as_cells([make_row("orders", 3), make_row("gmv", 799)], "total") == {Cell("orders"): 3, Cell("gmv"): 799}


def test_days_are_named_as_the_data_name_them() -> None:
    assert as_cells([make_row(period="2017-07-09")], "day") == {Cell("gmv", "day", "2017-07-09"): 5}


def test_categories_come_under_their_names_and_unknown_stays_unknown() -> None:
    rows = [make_row(value=n, dims={"category_id": id}) for n, id in enumerate(["cat_1", "cat_2", "unknown", "cat_9"])]

    assert as_cells(rows, "category", CATEGORIES) == {
        Cell("gmv", "category", "SOUP"): 0,
        Cell("gmv", "category", "unknown"): 3,
        Cell("gmv", "category", "cat_9"): 3,
    }


def test_products_come_under_the_numbers_of_the_data() -> None:
    rows = [make_row(dims={"sku": "journey-40-100"}), make_row(dims={"sku": "tea-1"})]

    assert as_cells(rows, "product", Selection(40)) == {
        Cell("gmv", "product", "100"): 5,
        Cell("gmv", "product", "tea-1"): 5,
    }


def test_averages_and_rates_bring_what_they_are_made_of() -> None:
    mean = make_row("average_order_value", 2_893, numerator=8_031_962, denominator=2_776)
    rate = make_row("repurchase_rate", 0.823529, numerator=28, denominator=34)

    cells = as_cells([mean], "total") | as_cells([rate], "total", suffix="_30")

    assert cells == {
        Cell("average_order_value"): 2_893,
        Cell("average_order_value", part="numerator"): 8_031_962,
        Cell("average_order_value", part="denominator"): 2_776,
        Cell("repurchase_rate_30"): 0.823529,
        Cell("repurchase_rate_30", part="numerator"): 28,
        Cell("repurchase_rate_30", part="denominator"): 34,
    }


def test_a_figure_without_a_value_is_zero() -> None:
    rows = [make_row("average_order_value") | {"value": None, "numerator": 0, "denominator": 0}]

    assert set(as_cells(rows, "total").values()) == {0}
