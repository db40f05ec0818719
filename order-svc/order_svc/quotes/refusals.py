"""Why there is no quote."""

from collections.abc import Iterable, Mapping

from order_svc.quotes.rules import Bad
from svc_kit.refusals import Fault, Refusal

Words = Mapping[str, tuple[str, str]]

LINE_WORDS: Words = {
    "unknown": ("This shop does not sell {sku}", "本店没有商品 {sku}"),
    "not-live": ("{sku} is not on sale now", "{sku} 目前未上架"),
    "outside-window": ("{sku} is not on sale at this time", "{sku} 不在销售时间内"),
    "no-price": ("{sku} has no price here for this quantity", "{sku} 在此数量下没有价格"),
}
COUPON_WORDS: Words = {
    "unknown": ("There is no such coupon", "优惠券不存在"),
    "not-started": ("This coupon is not valid yet", "优惠券尚未生效"),
    "ended": ("This coupon is over", "优惠券已过期"),
    "exhausted": ("This coupon is used up", "优惠券已被领完"),
    "per-customer": ("You have used this coupon already", "您已使用过该优惠券"),
    "spend-too-low": ("The order is too small for this coupon", "订单金额未达到使用门槛"),
    "not-applicable": ("This coupon is not for these goods", "优惠券不适用于这些商品"),
}


class NotPurchasable(Refusal):
    slug, status = "not-purchasable", 409
    title = {"en": "Some of this cannot be bought", "zh": "部分商品无法购买"}


class CouponInvalid(Refusal):
    slug, status = "coupon-invalid", 409
    title = {"en": "This coupon cannot be used here", "zh": "优惠券无法使用"}


class CouponExhausted(Refusal):
    slug, status = "coupon-exhausted", 409
    title = {"en": "This coupon is used up", "zh": "优惠券已被领完"}


def not_purchasable(bad: Iterable[Bad], *, pointer: str = "/lines/{n}") -> NotPurchasable:
    """`{n}` in the pointer stands for the number of the line."""
    return NotPurchasable([_line_fault(one, pointer.format(n=one.n)) for one in bad])


def coupon_refused(code: str, why: str, *, pointer: str) -> Refusal:
    en, zh = COUPON_WORDS.get(why, COUPON_WORDS["not-applicable"])
    kind = CouponExhausted if why == "exhausted" else CouponInvalid
    return kind([Fault(pointer, why, en, zh, coupon_code=code)])


def _line_fault(one: Bad, pointer: str) -> Fault:
    en, zh = LINE_WORDS[one.why]
    return Fault(pointer, one.why, en.format(sku=one.sku), zh.format(sku=one.sku), sku=one.sku)
