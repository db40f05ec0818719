"""The SQL that counts: one statement per scan of the facts, whatever is asked together. Reads, never writes.

This room alone reads across the tables of `facts` and `copies`: a figure joins them, and sets do not travel as values.
Days are counted here, from the copies' time zones, so that a late `shop.changed` or `product.changed` corrects all.
"""

# ruff: noqa: S608 - the statements are our own text; what comes from outside travels as parameters
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import asyncpg

from metrics_svc.kpis.asked import Period
from metrics_svc.kpis.definitions import By, Grain, Measure
from metrics_svc.kpis.rules import Cell

IDLE = "interval '30 minutes'"
# A session that began so long before the period is not looked for.
LOOK_BACK = "interval '24 hours'"
BUCKETS = {
    Grain.TOTAL: "{first}::date",
    Grain.DAY: "{day}",
    Grain.WEEK: "date_trunc('week', {day}::timestamp)::date",
    Grain.MONTH: "date_trunc('month', {day}::timestamp)::date",
}
# What lines are grouped by, as a number: grouping by text takes three times as long.
LINES_BY = {By.PRODUCT: "l.product_n", By.CATEGORY: "k.k", By.SKU: "l.sku_n"}
# The number → what it stands for.
THINGS = {
    By.PRODUCT: "SELECT n AS k, word AS thing FROM fact_word",
    By.CATEGORY: "SELECT DISTINCT k, category_id AS thing FROM categories",
    By.SKU: "SELECT n AS k, word AS thing FROM fact_word",
}
CATEGORIES = (
    "SELECT w.n, p.category_id, (dense_rank() OVER (ORDER BY p.category_id))::integer AS k "
    "FROM product_copy p JOIN fact_word w ON w.word = p.product_id"
)
VIEWS_BY = {
    By.PRODUCT: "t.product_id",
    By.CATEGORY: "CASE WHEN t.product_id IS NOT NULL THEN coalesce(p.category_id, 'unknown') END",
    By.SKU: "t.sku",
    By.CHANNEL: "coalesce(s.channel, 'unknown')",
}
COUNTED = {
    Measure.ORDERS: "count(*)",
    Measure.UNITS: "sum(units)::bigint",
    Measure.AMOUNT: "sum(amount)::bigint",
    Measure.DISCOUNT: "sum(discount)::bigint",
    Measure.BUYERS: "count(DISTINCT person_n)",
    Measure.PAID_ORDERS: "count(*)",
    Measure.PAID_AMOUNT: "sum(amount)::bigint",
    Measure.PAYING_BUYERS: "count(DISTINCT person_n)",
}


@dataclass(slots=True)
class Cut:
    """Which facts, and how they are cut into cells; collects the parameters of one statement."""

    period: Period
    grain: Grain
    by: By | None
    shops: Sequence[str] | None
    values: list[object] = field(default_factory=list)

    def place(self, value: object) -> str:
        if value not in self.values:
            self.values.append(value)
        return f"${self.values.index(value) + 1}"

    def bucket(self, day: str) -> str:
        return BUCKETS[self.grain].format(first=self.place(self.period.first), day=day)

    def within(self, at: str, day: str) -> str:
        """The exact day is only looked at near the ends: that is what costs, and what the planner cannot estimate."""
        a, b, c, d = (f"{self.place(moment)}::timestamptz" for moment in self.period.utc)
        first, last = (f"{self.place(day)}::date" for day in (self.period.first, self.period.last))
        return (
            f"{at} >= {a} AND {at} < {d} AND (({at} >= {b} AND {at} < {c}) OR ({day} >= {first} AND {day} <= {last}))"
        )

    def in_shops(self, shop: str) -> str:
        return "" if self.shops is None else f" AND {shop} = ANY({self.place(list(self.shops))}::text[])"

    @property
    def thing(self) -> str:
        """Of an order as a whole."""
        return "channel" if self.by is By.CHANNEL else "''"

    @property
    def by_line(self) -> bool:
        return self.by in LINES_BY


def day_of(at: str) -> str:
    """Where the shop is not known yet, UTC."""
    return f"({at} AT TIME ZONE coalesce(s.time_zone, 'UTC'))::date"


def orders_of(cut: Cut, scan: str) -> str:
    """The orders of the period, a row each: evaluated once, before lines multiply them."""
    at, amount = {"placed": ("f.placed_at", "f.total_minor"), "paid": ("f.paid_at", "f.paid_minor")}[scan]
    return (
        f"SELECT f.n, f.shop, f.currency, f.channel, f.person_n, f.visitor_id, {cut.bucket(day_of(at))} AS bucket, "
        f"{day_of(at)} AS day, f.units, {amount} AS amount, f.discount_minor AS discount "
        f"FROM fact_order f LEFT JOIN shop_copy s ON s.shop = f.shop "
        f"WHERE f.placed_seq IS NOT NULL AND f.rejected_at IS NULL "
        f"AND {cut.within(at, day_of(at))}{cut.in_shops('f.shop')}"
    )


def lines_of(cut: Cut, scan: str) -> str:
    """CTEs that end in `c`: the lines of the period, their cell and their thing as numbers."""
    assert cut.by is not None
    categories = f"categories AS MATERIALIZED ({CATEGORIES}), " if cut.by is By.CATEGORY else ""
    known = " LEFT JOIN categories k ON k.n = l.product_n" if cut.by is By.CATEGORY else ""
    return (
        f"WITH o AS MATERIALIZED (SELECT *, (dense_rank() OVER (ORDER BY bucket, shop, currency))::integer AS cell "
        f"FROM ({orders_of(cut, scan)}) found), {categories}"
        f"cells AS (SELECT DISTINCT cell, bucket, shop, currency FROM o), "
        f"c AS NOT MATERIALIZED (SELECT o.cell, {LINES_BY[cut.by]} AS k, o.n, o.person_n, o.visitor_id, o.day, "
        f"l.quantity AS units, l.net_minor AS amount, l.discount_minor AS discount "
        f"FROM o JOIN fact_order_line l ON l.order_n = o.n{known})"
    )


def named(cut: Cut, counted: str, columns: str) -> str:
    """`counted`, which has a cell and a `k`, with their names."""
    assert cut.by is not None
    return (
        f", counted AS MATERIALIZED ({counted}) "
        f"SELECT cells.bucket, cells.shop, cells.currency, coalesce(named.thing, 'unknown') AS thing, {columns} "
        f"FROM counted JOIN cells USING (cell) LEFT JOIN ({THINGS[cut.by]}) named ON named.k = counted.k"
    )


def of_orders(cut: Cut, scan: str, measures: Collection[Measure]) -> str:
    """Not for distinct things of lines."""
    columns = ", ".join(f'{COUNTED[one]} AS "{one.value}"' for one in sorted(measures))
    if not cut.by_line:
        return (
            f"SELECT bucket, shop, currency, {cut.thing} AS thing, {columns} "
            f"FROM ({orders_of(cut, scan)}) o GROUP BY 1, 2, 3, 4"
        )
    names = ", ".join(f'"{one.value}"' for one in sorted(measures))
    return lines_of(cut, scan) + named(cut, f"SELECT cell, k, {columns} FROM c GROUP BY cell, k", names)


def distinct_in_lines(cut: Cut, scan: str, measure: Measure, what: str) -> str:
    """An order or a buyer counts once for a thing, on however many lines. `what`: the number that tells them apart."""
    counted = (
        f'SELECT cell, k, count(*) AS "{measure.value}" FROM (SELECT DISTINCT cell, k, {what} FROM c) once '
        f"GROUP BY cell, k"
    )
    return lines_of(cut, scan) + named(cut, counted, f'"{measure.value}"')


def of_refunds(cut: Cut) -> str:
    day = day_of("r.refunded_at")
    thing = "f.channel" if cut.by is By.CHANNEL else "''"
    return (
        f"SELECT {cut.bucket(day)} AS bucket, f.shop, f.currency, {thing} AS thing, "
        f'sum(r.amount_minor)::bigint AS "{Measure.REFUNDED.value}" '
        f"FROM fact_refund r JOIN fact_order f ON f.order_id = r.order_id LEFT JOIN shop_copy s ON s.shop = f.shop "
        f"WHERE f.placed_seq IS NOT NULL AND f.rejected_at IS NULL "
        f"AND {cut.within('r.refunded_at', day)}{cut.in_shops('f.shop')} GROUP BY 1, 2, 3, 4"
    )


def views_of(cut: Cut) -> str:
    """Page views of the period; by product, category and sku only those of one."""
    day = day_of("t.at")
    thing = VIEWS_BY[cut.by] if cut.by else "''"
    products = " LEFT JOIN product_copy p ON p.product_id = t.product_id" if cut.by is By.CATEGORY else ""
    shown = f" AND {thing} IS NOT NULL" if cut.by_line else ""
    return (
        f"SELECT t.shop, t.visitor_id, {cut.bucket(day)} AS bucket, {thing} AS thing "
        f"FROM fact_traffic t LEFT JOIN shop_copy s ON s.shop = t.shop{products} "
        f"WHERE t.kind = 'page_viewed'{shown} AND {cut.within('t.at', day)}{cut.in_shops('t.shop')}"
    )


def of_views(cut: Cut) -> str:
    return (
        f"WITH v AS MATERIALIZED ({views_of(cut)}) "
        f"SELECT bucket, shop, '' AS currency, thing, count(*) AS \"{Measure.VIEWS.value}\", "
        f'count(DISTINCT visitor_id) AS "{Measure.VISITORS.value}" FROM v GROUP BY 1, 2, 3, 4'
    )


def of_sessions(cut: Cut) -> str:
    """A campaign holds until another one: a page inside the shop names none."""
    day = day_of("t.at")
    thing = VIEWS_BY[By.CHANNEL] if cut.by is By.CHANNEL else "''"
    moments = cut.period.utc
    begin, end = cut.place(moments[0]), cut.place(moments[3])
    first, last = cut.place(cut.period.first), cut.place(cut.period.last)
    visitor = "PARTITION BY shop, visitor_id"
    return (
        f"WITH v AS (SELECT t.shop, t.visitor_id, t.at, t.id, t.campaign, {day} AS day, {cut.bucket(day)} AS bucket, "
        f"{thing} AS thing FROM fact_traffic t LEFT JOIN shop_copy s ON s.shop = t.shop "
        f"WHERE t.kind = 'page_viewed' AND t.at >= {begin}::timestamptz - {LOOK_BACK} AND t.at < {end}::timestamptz"
        f"{cut.in_shops('t.shop')}), "
        f"w AS (SELECT *, lag(at) OVER seen AS at_before, count(campaign) OVER seen AS stretch FROM v "
        f"WINDOW seen AS ({visitor} ORDER BY at, id)), "
        f"x AS (SELECT *, max(campaign) OVER ({visitor}, stretch) AS held FROM w), "
        f"y AS (SELECT *, lag(held) OVER ({visitor} ORDER BY at, id) AS held_before FROM x) "
        f"SELECT bucket, shop, '' AS currency, thing, count(*) AS \"{Measure.SESSIONS.value}\" FROM y "
        f"WHERE (at_before IS NULL OR at - at_before > {IDLE} OR held IS DISTINCT FROM held_before) "
        f"AND day >= {first}::date AND day <= {last}::date GROUP BY 1, 2, 3, 4"
    )


def of_conversion(cut: Cut) -> str:
    same = "shop, bucket, thing, visitor_id"
    if cut.by_line:
        slices = lines_of(cut, "paid") + named(cut, "SELECT DISTINCT cell, k, visitor_id FROM c", "visitor_id")
    else:
        slices = f"SELECT bucket, shop, {cut.thing} AS thing, visitor_id FROM ({orders_of(cut, 'paid')}) o"
    return (
        f"WITH v AS (SELECT DISTINCT {same} FROM ({views_of(cut)}) seen), "
        f"b AS (SELECT DISTINCT {same}, true AS has_paid FROM ({slices}) c WHERE visitor_id IS NOT NULL) "
        f"SELECT bucket, shop, '' AS currency, thing, count(*) AS \"{Measure.SEEN.value}\", "
        f'count(b.has_paid) AS "{Measure.CONVERTED.value}" FROM v LEFT JOIN b USING ({same}) GROUP BY 1, 2, 3, 4'
    )


def of_repurchase(cut: Cut, window_days: int) -> str:
    window = Cut(cut.period.window(window_days), Grain.TOTAL, cut.by, cut.shops, cut.values)
    two = (
        f'count(*) AS "{Measure.WINDOW_BUYERS.value}", '
        f'count(*) FILTER (WHERE days >= 2) AS "{Measure.RETURNING_BUYERS.value}"'
    )
    if not cut.by_line:
        return (
            f"WITH v AS (SELECT DISTINCT bucket, shop, currency, {cut.thing} AS thing, person_n, day "
            f"FROM ({orders_of(window, 'paid')}) o), "
            f"d AS (SELECT bucket, shop, currency, thing, count(*) AS days FROM v GROUP BY 1, 2, 3, 4, person_n) "
            f"SELECT bucket, shop, currency, thing, {two} FROM d GROUP BY 1, 2, 3, 4"
        )
    seen = "SELECT DISTINCT cell, k, person_n, day FROM c"
    days = f"SELECT cell, k, count(*) AS days FROM ({seen}) v GROUP BY cell, k, person_n"
    columns = f'"{Measure.WINDOW_BUYERS.value}", "{Measure.RETURNING_BUYERS.value}"'
    return lines_of(window, "paid") + named(window, f"SELECT cell, k, {two} FROM ({days}) d GROUP BY cell, k", columns)


def cell_of(row: asyncpg.Record) -> Cell:
    return Cell(row["bucket"], row["shop"], row["currency"], row["thing"])
