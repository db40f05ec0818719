"""The internal door that order-svc quotes through."""

from typing import Annotated

from pydantic import BaseModel, Field

from marketing_svc.benefits.queries import quoting
from marketing_svc.benefits.queries.quoting import Asked, AskedLine, Quoted
from marketing_svc.benefits.rules.quoting import CouponWhy
from marketing_svc.bodies import Id, ShopSlug
from svc_contracts.events.base import LINES_MAX, AmountMinor, Quantity, Sku
from svc_contracts.money import Currency
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Rt
from svc_kit.refusals import refuses

router = Router(tags=["benefits"])


class AskedLineBody(Body):
    line_id: Id
    sku: Sku
    product_id: Id | None = None
    quantity: Quantity
    unit_minor: AmountMinor
    gross_minor: AmountMinor


class BenefitQuoteBody(Body):
    shop: ShopSlug
    channel: Id
    currency: Currency
    person_id: Id | None = None
    coupon_code: Annotated[str, Field(max_length=64)] | None = None
    lines: Annotated[list[AskedLineBody], Field(min_length=1, max_length=LINES_MAX)]
    delivery_fee_minor: AmountMinor = 0


class LineAmount(BaseModel):
    line_id: str
    amount_minor: int


class BenefitView(BaseModel):
    promotion_id: str
    coupon_code: str | None
    name: dict[str, str]
    amount_minor: int
    lines: list[LineAmount]


class TraceView(BaseModel):
    promotion_id: str
    name: dict[str, str]
    amount_minor: int


class LineView(BaseModel):
    line_id: str
    discount_minor: int
    trace: list[TraceView]


class CouponView(BaseModel):
    code: str
    why: CouponWhy


class BenefitQuote(BaseModel):
    """`coupon`: only where the given code cannot be used."""

    benefits: list[BenefitView]
    lines: list[LineView]
    discount_minor: int
    coupon: CouponView | None


@router.post("/internal/v1/benefit-quotes", dependencies=[scope("internal:benefit-quotes")], responses=refuses())
async def quote_benefits(body: BenefitQuoteBody, con: Read, rt: Rt) -> BenefitQuote:
    lines = [AskedLine(one.line_id, one.sku, one.product_id, one.quantity, one.gross_minor) for one in body.lines]
    asked = Asked(body.shop, body.currency, body.person_id, body.coupon_code, lines)
    return _view(body, await quoting.quote(con, asked, at=rt.clock.now()))


def _view(body: BenefitQuoteBody, quoted: Quoted) -> BenefitQuote:
    result = quoted.evaluation
    benefits = [
        BenefitView(
            promotion_id=one.promotion_id,
            coupon_code=one.coupon_code,
            name=dict(one.name),
            amount_minor=one.amount_minor,
            lines=[LineAmount(line_id=id, amount_minor=amount) for id, amount in one.line_amounts_minor.items()],
        )
        for one in result.applied
    ]
    lines = [_line(one.line_id, quoted) for one in body.lines]
    coupon = None
    if body.coupon_code is not None and quoted.coupon is not None:
        coupon = CouponView(code=body.coupon_code, why=quoted.coupon)
    discount_minor = sum(line.discount_minor for line in lines)
    return BenefitQuote(benefits=benefits, lines=lines, discount_minor=discount_minor, coupon=coupon)


def _line(line_id: str, quoted: Quoted) -> LineView:
    trace = [
        TraceView(promotion_id=one.promotion_id, name=dict(one.name), amount_minor=one.amount_minor)
        for one in quoted.evaluation.traces.get(line_id, ())
    ]
    discount_minor = quoted.evaluation.discounts_minor.get(line_id, 0)
    return LineView(line_id=line_id, discount_minor=discount_minor, trace=trace)
