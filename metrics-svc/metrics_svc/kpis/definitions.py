"""What each figure means, as versioned data. A change of meaning is a new version with its own `effective_from`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

VERSION_1_FROM = date(2026, 1, 1)
WINDOWS_DAYS = (30, 90, 180, 365)
WINDOW_DAYS = 365


class Unit(StrEnum):
    COUNT = "count"
    MINOR = "minor"  # whole minor units of the row's currency
    RATE = "rate"  # 0 to 1, rounded to six places


class Grain(StrEnum):
    TOTAL = "total"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class By(StrEnum):
    PRODUCT = "product"
    CATEGORY = "category"
    CHANNEL = "channel"
    SKU = "sku"


DIMS: Mapping[By, str] = {
    By.PRODUCT: "product_id",
    By.CATEGORY: "category_id",
    By.CHANNEL: "channel",
    By.SKU: "sku",
}


class Measure(StrEnum):
    """What is counted from the facts in one scan each; the name before the dot says which scan."""

    ORDERS = "placed.orders"
    UNITS = "placed.units"
    AMOUNT = "placed.amount"
    DISCOUNT = "placed.discount"
    BUYERS = "placed.buyers"
    PAID_ORDERS = "paid.orders"
    PAID_AMOUNT = "paid.amount"
    PAYING_BUYERS = "paid.buyers"
    REFUNDED = "refunds.amount"
    VIEWS = "views.views"
    VISITORS = "views.visitors"
    SESSIONS = "sessions.sessions"
    SEEN = "conversion.visitors"
    CONVERTED = "conversion.converted"
    WINDOW_BUYERS = "repurchase.buyers"
    RETURNING_BUYERS = "repurchase.again"

    @property
    def scan(self) -> str:
        return self.value.partition(".")[0]


class Shape(StrEnum):
    SUM = "sum"  # the numerator
    DIFFERENCE = "difference"  # numerator − denominator
    MEAN = "mean"  # numerator ÷ denominator, half up to a minor unit
    RATE = "rate"  # numerator ÷ denominator, six places


Words = Mapping[str, str]
LINES = frozenset(By)
ORDERS = frozenset({By.CHANNEL})
GRAINS = tuple(Grain)
PLACED, PAID, REJECTED, REFUNDED = "order.placed", "order.paid", "order.rejected", "order.refunded"
VIEWED = "traffic.page_viewed"


@dataclass(frozen=True, slots=True)
class Definition:
    """`events`: those whose facts are in the numerator, `denominator_events` likewise; `refunds`: how they count."""

    key: str
    unit: Unit
    shape: Shape
    numerator: Measure
    name: Words
    formula: Words
    events: tuple[str, ...]
    denominator: Measure | None = None
    denominator_events: tuple[str, ...] = ()
    by: frozenset[By] = LINES
    grains: tuple[Grain, ...] = GRAINS
    booked_on: str = "placed_at"
    refunds: str = "not_deducted"
    windows_days: tuple[int, ...] = ()
    version: int = 1
    effective_from: date = VERSION_1_FROM
    owner: str = "metrics-svc"
    time_zone: str = "shop"


def _of_orders(key: str, unit: Unit, numerator: Measure, name: Words, formula: Words) -> Definition:
    return Definition(key, unit, Shape.SUM, numerator, name, formula, events=(PLACED, REJECTED))


DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "visitors", Unit.COUNT, Shape.SUM, Measure.VISITORS,
        {"en": "Visitors", "zh": "访客数"},
        {"en": "distinct visitors with at least one page view in the period, bots excluded; never a sum of days",
         "zh": "周期内至少浏览一个页面的去重访客数，不含机器人；不等于各日之和"},
        events=(VIEWED,), booked_on="at",
    ),
    Definition(
        "page_views", Unit.COUNT, Shape.SUM, Measure.VIEWS,
        {"en": "Page views", "zh": "浏览量"},
        {"en": "page views, bots excluded; by product, category and sku only those of such pages",
         "zh": "页面浏览次数，不含机器人；按商品、类目、SKU 时仅计相应页面"},
        events=(VIEWED,), booked_on="at",
    ),
    Definition(
        "sessions", Unit.COUNT, Shape.SUM, Measure.SESSIONS,
        {"en": "Sessions", "zh": "会话数"},
        {"en": "stretches of page views of one visitor; 30 minutes without one, or another campaign, begin a new "
               "session; booked on its first view",
         "zh": "同一访客的连续浏览；间隔超过 30 分钟或来源活动变化即为新会话；计入首次浏览当日"},
        events=(VIEWED,), booked_on="at", by=ORDERS,
    ),
    Definition(
        "conversion_rate", Unit.RATE, Shape.RATE, Measure.CONVERTED,
        {"en": "Conversion rate", "zh": "支付转化率"},
        {"en": "visitors with at least one order paid in the period ÷ visitors, joined on the visitor",
         "zh": "周期内至少有一笔已付款订单的访客数 ÷ 访客数，按访客匹配"},
        events=(VIEWED, PAID, PLACED, REJECTED), denominator=Measure.SEEN, denominator_events=(VIEWED,),
        booked_on="paid_at",
    ),
    _of_orders(
        "orders", Unit.COUNT, Measure.ORDERS, {"en": "Orders", "zh": "订单数"},
        {"en": "orders placed and not rejected; held and later cancelled ones count; by product, category and sku "
               "each order once where it has such a line",
         "zh": "已下单且未被拒绝的订单数；挂起及之后取消的计入；按商品、类目、SKU 时含该行的订单各计一次"},
    ),
    _of_orders(
        "units", Unit.COUNT, Measure.UNITS, {"en": "Units", "zh": "件数"},
        {"en": "Σ quantity of the lines of these orders", "zh": "上述订单各行数量之和"},
    ),
    _of_orders(
        "gmv", Unit.MINOR, Measure.AMOUNT, {"en": "Gross merchandise value", "zh": "成交总额 (GMV)"},
        {"en": "Σ totals of these orders, delivery fees included; by product, category and sku Σ net of their lines, "
               "without delivery fees",
         "zh": "上述订单总额之和，含运费；按商品、类目、SKU 时为各行净额之和，不含运费"},
    ),
    _of_orders(
        "discounts", Unit.MINOR, Measure.DISCOUNT, {"en": "Discounts", "zh": "优惠金额"},
        {"en": "Σ discount of the lines of these orders", "zh": "上述订单各行优惠之和"},
    ),
    _of_orders(
        "buyers", Unit.COUNT, Measure.BUYERS, {"en": "Buyers", "zh": "下单买家数"},
        {"en": "distinct persons of these orders in the period; never a sum of days",
         "zh": "周期内上述订单的去重买家数；不等于各日之和"},
    ),
    Definition(
        "paid_gmv", Unit.MINOR, Shape.SUM, Measure.PAID_AMOUNT,
        {"en": "Paid GMV", "zh": "支付金额"},
        {"en": "Σ paid of orders paid in the period; by product, category and sku Σ net of their lines",
         "zh": "周期内付款订单的实付之和；按商品、类目、SKU 时为各行净额之和"},
        events=(PAID, PLACED, REJECTED), booked_on="paid_at",
    ),
    Definition(
        "net_sales", Unit.MINOR, Shape.DIFFERENCE, Measure.PAID_AMOUNT,
        {"en": "Net sales", "zh": "净销售额"},
        {"en": "paid GMV − refunds, each refund booked on its own day",
         "zh": "支付金额 − 退款；退款计入退款当日"},
        events=(PAID, PLACED, REJECTED), denominator=Measure.REFUNDED, denominator_events=(REFUNDED,),
        by=ORDERS, booked_on="paid_at, refunded_at", refunds="deducted_on_refund_date",
    ),
    Definition(
        "average_order_value", Unit.MINOR, Shape.MEAN, Measure.PAID_AMOUNT,
        {"en": "Average order value", "zh": "笔单价"},
        {"en": "paid GMV ÷ orders paid in the period", "zh": "支付金额 ÷ 付款订单数"},
        events=(PAID, PLACED, REJECTED), denominator=Measure.PAID_ORDERS,
        denominator_events=(PAID, PLACED, REJECTED), booked_on="paid_at",
    ),
    Definition(
        "spend_per_buyer", Unit.MINOR, Shape.MEAN, Measure.PAID_AMOUNT,
        {"en": "Spend per buyer", "zh": "客单价"},
        {"en": "paid GMV ÷ distinct persons who paid in the period", "zh": "支付金额 ÷ 去重付款买家数"},
        events=(PAID, PLACED, REJECTED), denominator=Measure.PAYING_BUYERS,
        denominator_events=(PAID, PLACED, REJECTED), booked_on="paid_at",
    ),
    Definition(
        "repurchase_rate", Unit.RATE, Shape.RATE, Measure.RETURNING_BUYERS,
        {"en": "Repurchase rate", "zh": "复购率"},
        {"en": "persons with paid orders on at least two different days of the window ÷ persons with a paid order in "
               "it; the window is the `window_days` shop days that end with `to`",
         "zh": "窗口内在至少两个不同日期有付款订单的买家数 ÷ 窗口内有付款订单的买家数；"
               "窗口为以 to 结束的 window_days 个店铺日"},
        events=(PAID, PLACED, REJECTED), denominator=Measure.WINDOW_BUYERS,
        denominator_events=(PAID, PLACED, REJECTED), grains=(Grain.TOTAL,), booked_on="paid_at",
        windows_days=WINDOWS_DAYS,
    ),
)  # fmt: skip
BY_KEY: Mapping[str, Definition] = {definition.key: definition for definition in DEFINITIONS}
