"""The one shape in which both sides lay down their figures, and what differs between two of them. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Grain = Literal["total", "day", "category", "product"]
Unit = Literal["minor", "count", "rate"]

WINDOWS_DAYS = (30, 90, 365)
NAMED_MAX = 40

# Figure → what it is counted in. Averages and rates stand with their numerator and denominator.
FIGURES: Mapping[str, Unit] = {
    "orders": "count",
    "units": "count",
    "gmv": "minor",
    "discounts": "minor",
    "buyers": "count",
    "average_order_value": "minor",
    "spend_per_buyer": "minor",
    **{f"repurchase_rate_{days}": "rate" for days in WINDOWS_DAYS},
}


class Cell(NamedTuple):
    """Where a number stands: a key of FIGURES, which of its parts, and the day or thing that it is of."""

    figure: str
    grain: Grain = "total"
    at: str = ""
    part: Literal["value", "numerator", "denominator"] = "value"

    def __str__(self) -> str:
        of = "" if self.part == "value" else f" ({self.part})"
        return f"{self.figure}{of}" + (f" of {self.grain} {self.at}" if self.grain != "total" else "")


Number = int | float
Figures = Mapping[Cell, Number]


class Difference(NamedTuple):
    cell: Cell
    expected: Number
    found: Number

    def __str__(self) -> str:
        return f"{self.cell}: pandas {shown(self.cell, self.expected)}, the suite {shown(self.cell, self.found)}"


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line of the data, as the side that counts knows it."""

    basket: int
    product: int
    day: str
    category: str
    units: int
    net_minor: int


def differences(expected: Figures, found: Figures) -> list[Difference]:
    """Every cell whose numbers are not the same; a cell that one side lacks is 0 there. Totals first, then by place."""
    cells = sorted({*expected, *found}, key=_order)
    pairs = ((cell, expected.get(cell, 0), found.get(cell, 0)) for cell in cells)
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


_GRAINS = ("total", "day", "category", "product")


def _order(cell: Cell) -> tuple[int, int, str, str]:
    known = list(FIGURES)
    return (_GRAINS.index(cell.grain), known.index(cell.figure) if cell.figure in known else 99, cell.at, cell.part)


def suspects(wrong: Iterable[Difference], lines: Collection[SoldLine]) -> list[SoldLine]:
    """The lines that lie where the amounts differ: on such a day, of such a category and of such a product.

    Nothing where one of the three shows no difference: then no line explains it.
    """
    places: dict[str, set[str]] = {"day": set(), "category": set(), "product": set()}
    for one in wrong:
        if one.cell.figure in ("gmv", "units", "discounts") and one.cell.grain in places:
            places[one.cell.grain].add(one.cell.at)
    return [
        line
        for line in lines
        if line.day in places["day"] and line.category in places["category"] and str(line.product) in places["product"]
    ]


def explained(wrong: Collection[Difference], lines: Collection[SoldLine]) -> list[str]:
    """A sentence for each difference (the first NAMED_MAX), then the lines that may be behind them."""
    said = [str(one) for one in list(wrong)[:NAMED_MAX]]
    if len(wrong) > NAMED_MAX:
        said.append(f"… and {len(wrong) - NAMED_MAX} more, all of them in reports/demo.json")
    found = suspects(wrong, lines)
    said += [
        f"the line: basket {line.basket}, product {line.product}, {line.day}, {line.category}: "
        f"{line.units} sold for {money(line.net_minor)}"
        for line in found[:NAMED_MAX]
    ]
    if len(found) > NAMED_MAX:
        said.append(f"… and {len(found) - NAMED_MAX} more lines of those products on those days")
    return said


def unit_of(cell: Cell) -> Unit:
    unit = FIGURES.get(cell.figure, "count")
    if cell.part == "value":
        return unit
    return "minor" if unit == "minor" and cell.part == "numerator" else "count"


def shown(cell: Cell, number: Number) -> str:
    """For people: money with its cents, rates in per cent."""
    match unit_of(cell):
        case "minor":
            return money(int(number))
        case "rate":
            return f"{number:.4%}"
        case "count":
            return f"{number:,}"


def money(minor: int) -> str:
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100:,}.{abs(minor) % 100:02d}"


def half_up(numerator: int, denominator: int) -> int:
    """The quotient of two numbers ≥ 0 to the next whole one, halves up; 0 where nothing is divided."""
    return (2 * numerator + denominator) // (2 * denominator) if denominator else 0
