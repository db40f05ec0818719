"""Formulas and names of periods. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from metrics_svc.kpis.asked import Asked, Period
from metrics_svc.kpis.definitions import DIMS, Definition, Grain, Measure, Shape

RATE_DIGITS = 6


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Where a number stands. `bucket`: the first day of the day, week, month or period. Traffic has no currency."""

    bucket: date
    shop: str
    currency: str
    thing: str


Measures = Mapping[Measure, int]


@dataclass(frozen=True, slots=True)
class Figure:
    """Sums have no numerator; the value of a fraction without a denominator is None."""

    value: int | float | None
    numerator: int | None = None
    denominator: int | None = None


def needed(definition: Definition) -> tuple[Measure, ...]:
    return tuple(one for one in (definition.numerator, definition.denominator) if one is not None)


def figure(definition: Definition, measures: Measures) -> Figure | None:
    """None where no fact of the cell concerns the figure."""
    if not any(one in measures for one in needed(definition)):
        return None
    numerator = measures.get(definition.numerator, 0)
    denominator = measures.get(definition.denominator, 0) if definition.denominator else 0
    match definition.shape:
        case Shape.SUM:
            return Figure(numerator)
        case Shape.DIFFERENCE:
            return Figure(numerator - denominator, numerator, denominator)
        case Shape.MEAN:
            return Figure(half_up(numerator, denominator), numerator, denominator)
        case Shape.RATE:
            return Figure(rate(numerator, denominator), numerator, denominator)
        case _:
            assert_never(definition.shape)


def share(measure: Measure, *, units: int, amount_minor: int, discount_minor: int, by_line: bool) -> int | None:
    """What one fact adds to a measure; None where several facts may count as one."""
    match measure:
        case Measure.ORDERS | Measure.PAID_ORDERS:
            return None if by_line else 1
        case Measure.VIEWS:
            return 1
        case Measure.UNITS:
            return units
        case Measure.AMOUNT | Measure.PAID_AMOUNT | Measure.REFUNDED:
            return amount_minor
        case Measure.DISCOUNT:
            return discount_minor
        case _:
            return None


def half_up(numerator: int, denominator: int) -> int | None:
    """To a whole minor unit; both ≥ 0."""
    return (2 * numerator + denominator) // (2 * denominator) if denominator else None


def rate(numerator: int, denominator: int) -> float | None:
    return round(numerator / denominator, RATE_DIGITS) if denominator else None


def label(bucket: date, grain: Grain, period: Period) -> str:
    """2026-01-31, 2026-W05, 2026-01, or the period itself."""
    match grain:
        case Grain.DAY:
            return bucket.isoformat()
        case Grain.WEEK:
            year, week, _ = bucket.isocalendar()
            return f"{year}-W{week:02d}"
        case Grain.MONTH:
            return f"{bucket:%Y-%m}"
        case Grain.TOTAL:
            return str(period)
        case _:
            assert_never(grain)


def row(definition: Definition, cell: Cell, found: Figure, asked: Asked) -> dict[str, object]:
    """As the API shows it."""
    dims = {"shop": cell.shop}
    if cell.currency:
        dims["currency"] = cell.currency
    if asked.by is not None:
        dims[DIMS[asked.by]] = cell.thing
    period = asked.period.window(asked.window_days) if definition.windows_days else asked.period
    return {
        "key": definition.key,
        "period": label(cell.bucket, asked.grain, period),
        "dims": dims,
        "value": found.value,
        "numerator": found.numerator,
        "denominator": found.denominator,
        "definition_version": definition.version,
    }
