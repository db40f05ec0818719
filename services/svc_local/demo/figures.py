"""What the suite says: its own figures, from GET A/kpis alone, laid down in the shape of the comparison."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

from svc_local.demo.bodies import product_of
from svc_local.demo.comparison import FIGURES, WINDOWS_DAYS, Cell, Figures, Grain, Number
from svc_local.demo.door import DemoDoor
from svc_local.demo.entering import Categories
from svc_local.demo.selection import Selection

PATH = "/v1/admin/kpis"
SUMS = ("units", "gmv", "discounts")
PLAIN = tuple(figure for figure in FIGURES if not figure.startswith("repurchase"))
AVERAGES = ("average_order_value", "spend_per_buyer")


class Desk:
    """Asks for the figures of one shop and one period, day by day as the shop counts days."""

    def __init__(self, door: DemoDoor, selection: Selection, *, first: str, last: str) -> None:
        self.door = door
        self.selection = selection
        self.period = {"from": first, "to": last, "shop": selection.shop}

    def orders_known(self) -> tuple[int, int]:
        """(orders, paid orders) that the figures hold so far."""
        rows = self.rows(keys="orders,average_order_value", grain="total")
        cells = as_cells(rows, "total")
        paid = cells.get(Cell("average_order_value", part="denominator"), 0)
        return int(cells.get(Cell("orders"), 0)), int(paid)

    def figures(self, categories: Categories) -> Figures:
        found = as_cells(self.rows(keys=",".join(PLAIN), grain="total"), "total")
        for days in WINDOWS_DAYS:
            rows = self.rows(keys="repurchase_rate", grain="total", window_days=days)
            found |= as_cells(rows, "total", suffix=f"_{days}")
        found |= as_cells(self.rows(keys=",".join(("orders", *SUMS)), grain="day"), "day")
        found |= as_cells(self.rows(keys=",".join(SUMS), grain="total", by="category"), "category", categories)
        found |= as_cells(self.rows(keys=",".join(SUMS), grain="total", by="sku"), "product", self.selection)
        return found

    def rows(self, **asked: str | int) -> list[dict[str, Any]]:
        """Nothing as long as metrics-svc has not heard of the shop."""
        answer = self.door.ask("GET", PATH, params={**self.period, **asked}, accept=(404,))
        found: list[dict[str, Any]] = answer.get("rows", [])
        return found


def as_cells(
    rows: Iterable[Mapping[str, Any]],
    grain: Grain,
    names: Categories | Selection | None = None,
    *,
    suffix: str = "",
) -> dict[Cell, Number]:
    """Rows of one grain. Averages and rates bring their numerator and denominator along."""
    cells: dict[Cell, Number] = {}
    for row in rows:
        figure, at = f"{row['key']}{suffix}", place_of(row, grain, names)
        parts: tuple[Literal["value", "numerator", "denominator"], ...] = ("value",)
        if figure.startswith(("repurchase", *AVERAGES)):
            parts = ("value", "numerator", "denominator")
        for part in parts:
            cell = Cell(figure, grain, at, part)
            cells[cell] = cells.get(cell, 0) + (row[part] or 0)
    return cells


def place_of(row: Mapping[str, Any], grain: Grain, names: Categories | Selection | None) -> str:
    """The name that the data files have for what the row is about."""
    match grain, names:
        case "category", Categories():
            return names.name_of(str(row["dims"]["category_id"]))
        case "product", Selection():
            return product_of(names, str(row["dims"]["sku"]))
        case "day", _:
            return date.fromisoformat(row["period"]).isoformat()
        case _:
            return ""
