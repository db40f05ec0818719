"""The facts behind a number: the same conditions as the scans that counted it, a row for each fact, by time."""

# ruff: noqa: S608 - the statements are our own text; what comes from outside travels as parameters
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from metrics_svc.kpis.asked import Period
from metrics_svc.kpis.definitions import By, Grain, Measure
from metrics_svc.kpis.scans import VIEWS_BY, Cut, day_of, orders_of

Mark = tuple[datetime, str, str]  # when, id, line: where a page ends

SOURCES = {
    "placed": ("f.placed_event", "'order.placed'", "f.placed_at", "f.total_minor"),
    "paid": ("f.paid_event", "'order.paid'", "f.paid_at", "f.paid_minor"),
}
OF_LINES = {
    By.PRODUCT: "coalesce(lp.word, 'unknown')",
    By.CATEGORY: "coalesce(lc.category_id, 'unknown')",
    By.SKU: "ls.word",
}
LINES = (
    " JOIN fact_order_line l ON l.order_n = f.n JOIN fact_word ls ON ls.n = l.sku_n "
    "LEFT JOIN fact_word lp ON lp.n = l.product_n LEFT JOIN product_copy lc ON lc.product_id = lp.word"
)


@dataclass(slots=True)
class Wanted:
    """`only`: what each dimension must say; `currency` likewise, of what has one."""

    measure: Measure
    period: Period
    shops: Sequence[str] | None
    only: dict[By, str] = field(default_factory=dict)
    currency: str | None = None

    @property
    def by_line(self) -> bool:
        return any(by in OF_LINES for by in self.only)


async def facts(con: asyncpg.Connection, wanted: Wanted, *, after: Mark | None, limit: int) -> list[asyncpg.Record]:
    """Columns event_id, type, at, day, mark_id, mark_line and those of the facts, as many as there are."""
    cut = Cut(wanted.period, Grain.TOTAL, None, wanted.shops)
    match wanted.measure.scan:
        case "placed":
            query = _of_orders(cut, wanted, "placed")
        case "paid" | "repurchase":
            query = _of_orders(cut, wanted, "paid")
        case "refunds":
            query = _of_refunds(cut, wanted)
        case "conversion" if wanted.measure is Measure.CONVERTED:
            query = _of_orders(cut, wanted, "paid")
        case _:
            query = _of_views(cut, wanted)
    beyond = ""
    if after is not None:
        at, id_, line = (cut.place(value) for value in after)
        beyond = f"WHERE (at, mark_id, mark_line) > ({at}::timestamptz, {id_}::text, {line}::text) "
    query = f"SELECT * FROM ({query}) facts {beyond}ORDER BY at, mark_id, mark_line LIMIT {cut.place(limit)}::bigint"
    return await con.fetch(query, *cut.values)


def _of_orders(cut: Cut, wanted: Wanted, source: str) -> str:
    event, kind, at, amount = SOURCES[source]
    line = "l.line_id" if wanted.by_line else "NULL::text"
    figures = (
        "l.quantity AS units, l.net_minor AS amount_minor, l.discount_minor, ls.word AS sku, lp.word AS product_id, "
        "coalesce(lc.category_id, 'unknown') AS category_id"
        if wanted.by_line
        else f"f.units, {amount} AS amount_minor, f.discount_minor"
    )
    only = "".join(
        f" AND {OF_LINES.get(by, 'f.channel')} = {cut.place(value)}::text" for by, value in wanted.only.items()
    )
    return (
        f"SELECT {event} AS event_id, {kind} AS type, {at} AS at, {day_of(at)} AS day, f.order_id AS mark_id, "
        f"coalesce({line}, '') AS mark_line, f.order_id, {line} AS line_id, f.shop, f.channel, f.currency, "
        f"fp.word AS person_id, f.visitor_id, {figures} "
        f"FROM fact_order f LEFT JOIN shop_copy s ON s.shop = f.shop LEFT JOIN fact_word fp ON fp.n = f.person_n"
        f"{LINES if wanted.by_line else ''} "
        f"WHERE f.placed_seq IS NOT NULL AND f.rejected_at IS NULL "
        f"AND {cut.within(at, day_of(at))}{cut.in_shops('f.shop')}{_in_currency(cut, wanted)}{only}{_who(cut, wanted)}"
    )


def _in_currency(cut: Cut, wanted: Wanted) -> str:
    return "" if wanted.currency is None else f" AND f.currency = {cut.place(wanted.currency)}::text"


def _who(cut: Cut, wanted: Wanted) -> str:
    """Of whom the numerators of the two rates speak."""
    same = Wanted(Measure.SEEN, wanted.period, wanted.shops, wanted.only)
    match wanted.measure:
        case Measure.CONVERTED:
            return f" AND (f.shop, f.visitor_id) IN (SELECT shop, visitor_id FROM ({_of_views(cut, same)}) seen)"
        case Measure.RETURNING_BUYERS:
            paid = orders_of(cut, "paid")
            if wanted.by_line:
                same = Wanted(Measure.WINDOW_BUYERS, wanted.period, wanted.shops, wanted.only, wanted.currency)
                paid = (
                    f"SELECT p.shop, p.currency, w.n AS person_n, p.day FROM ({_of_orders(cut, same, 'paid')}) p "
                    f"JOIN fact_word w ON w.word = p.person_id"
                )
            return (
                f" AND (f.shop, f.currency, f.person_n) IN (SELECT shop, currency, person_n FROM ({paid}) o "
                f"GROUP BY shop, currency, person_n HAVING count(DISTINCT day) >= 2)"
            )
        case _:
            return ""


def _of_refunds(cut: Cut, wanted: Wanted) -> str:
    day = day_of("r.refunded_at")
    only = f" AND f.channel = {cut.place(wanted.only[By.CHANNEL])}::text" if By.CHANNEL in wanted.only else ""
    return (
        f"SELECT r.event_id, 'order.refunded' AS type, r.refunded_at AS at, {day} AS day, r.event_id::text AS mark_id, "
        f"'' AS mark_line, f.order_id, f.shop, f.channel, f.currency, fp.word AS person_id, f.visitor_id, "
        f"r.amount_minor FROM fact_refund r JOIN fact_order f ON f.order_id = r.order_id "
        f"LEFT JOIN shop_copy s ON s.shop = f.shop LEFT JOIN fact_word fp ON fp.n = f.person_n "
        f"WHERE f.placed_seq IS NOT NULL AND f.rejected_at IS NULL "
        f"AND {cut.within('r.refunded_at', day)}{cut.in_shops('f.shop')}{_in_currency(cut, wanted)}{only}"
    )


def _of_views(cut: Cut, wanted: Wanted) -> str:
    day = day_of("t.at")
    only = "".join(f" AND {VIEWS_BY[by]} = {cut.place(value)}::text" for by, value in wanted.only.items())
    return (
        f"SELECT t.event_id, 'traffic.page_viewed' AS type, t.at, {day} AS day, t.visitor_id AS mark_id, "
        f"t.id AS mark_line, t.shop, coalesce(s.channel, 'unknown') AS channel, t.visitor_id, t.session_id, "
        f"t.person_id, t.product_id, t.sku FROM fact_traffic t LEFT JOIN shop_copy s ON s.shop = t.shop "
        f"LEFT JOIN product_copy p ON p.product_id = t.product_id "
        f"WHERE t.kind = 'page_viewed' AND {cut.within('t.at', day)}{cut.in_shops('t.shop')}{only}"
    )
