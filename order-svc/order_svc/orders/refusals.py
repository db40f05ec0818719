"""Why there is no order, or why it stays as it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from order_svc.orders.rules.order import Order
from order_svc.quotes.refusals import CouponExhausted, CouponInvalid
from svc_contracts.events.order import RefusedBenefit, Shortage
from svc_kit.refusals import Fault, Refusal


class TotalChanged(Refusal):
    """`quote`: what it costs now."""

    slug, status = "total-changed", 409
    title = {"en": "The total is another one now", "zh": "应付金额已变化"}


class QuoteExpired(Refusal):
    slug, status = "quote-expired", 409
    title = {"en": "This quote is no longer valid; ask for a new one", "zh": "报价已过期，请重新获取"}


class StockShort(Refusal):
    """An entry per short line: sku, wanted, available, your_unpaid_order?"""

    slug, status = "stock-short", 409
    title = {"en": "Not enough in stock", "zh": "库存不足"}


class BudgetExhausted(Refusal):
    slug, status = "budget-exhausted", 409
    title = {"en": "The budget of this promotion is used up", "zh": "活动预算已用完"}


class OrderRejected(Refusal):
    """Nobody decided in time; what was taken for it comes back."""

    slug, status = "order-rejected", 409
    title = {"en": "The order could not be accepted", "zh": "订单未能被接受"}


class TooManyUnpaidOrders(Refusal):
    slug, status = "too-many-unpaid-orders", 409
    title = {"en": "Pay or cancel your open orders first", "zh": "请先支付或取消未付款订单"}


BENEFIT_WORDS: Mapping[str, tuple[str, str]] = {
    "coupon-exhausted": ("This coupon is used up", "优惠券已被领完"),
    "budget-exhausted": ("The budget of this promotion is used up", "活动预算已用完"),
    "coupon-invalid": ("This coupon cannot be used here", "优惠券无法使用"),
    "promotion-ended": ("This promotion is over", "活动已结束"),
}
BENEFIT_REFUSALS: Mapping[str, type[Refusal]] = {
    "coupon-exhausted": CouponExhausted,
    "budget-exhausted": BudgetExhausted,
}


def rejected(order: Order, *, unpaid: Mapping[str, str]) -> Refusal:
    """Every reason at once. `unpaid`: {sku: the buyer's own unpaid order that holds some of it}."""
    faults = [_short(one, unpaid.get(one.sku)) for one in order.shortages]
    faults += [_refused(one) for one in order.refusals]
    facts: dict[str, Any] = {"order_id": order.id, "number": order.number, "reason": order.reason}
    if order.shortages:
        return StockShort(faults, **facts)
    if order.refusals:
        return BENEFIT_REFUSALS.get(_first(order.refusals), CouponInvalid)(faults, **facts)
    return OrderRejected(faults, **facts)


def _first(refusals: Sequence[RefusedBenefit]) -> str:
    return refusals[0].why


def _short(one: Shortage, unpaid_order: str | None) -> Fault:
    facts: dict[str, Any] = {"line_id": one.line_id, "sku": one.sku, "wanted": one.wanted, "available": one.available}
    if unpaid_order is not None:
        facts["your_unpaid_order"] = unpaid_order
    en = f"Of {one.sku} there are {one.available}, {one.wanted} were asked for"
    zh = f"{one.sku} 仅剩 {one.available} 件，需要 {one.wanted} 件"
    return Fault(f"/lines/{one.line_id}", "stock-short", en, zh, **facts)


def _refused(one: RefusedBenefit) -> Fault:
    en, zh = BENEFIT_WORDS[one.why]
    facts = {"promotion_id": one.promotion_id} | ({"coupon_code": one.code} if one.code else {})
    return Fault("/coupon_code" if one.code else "", one.why, en, zh, **facts)
