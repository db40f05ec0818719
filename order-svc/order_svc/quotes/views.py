"""A quote as the API shows it."""

from datetime import datetime

from pydantic import BaseModel

from order_svc.quotes.rules import BenefitsState, Quote
from svc_contracts.events.base import LocalText
from svc_contracts.money import Money


class TraceView(BaseModel):
    promotion_id: str
    name: LocalText
    amount: Money


class QuoteLineView(BaseModel):
    line_id: str
    sku: str
    product_id: str | None
    title: LocalText
    quantity: int
    gross: Money
    discount: Money
    net: Money
    trace: list[TraceView]


class QuoteView(BaseModel):
    """`benefits`: unavailable where marketing-svc did not answer; then full prices hold."""

    id: str | None
    cart_id: str | None
    lines: list[QuoteLineView]
    delivery_method: str
    delivery_fee: Money
    discount: Money
    total: Money
    benefits: BenefitsState
    expires_at: datetime
    order_id: str | None


def quote_view(quote: Quote) -> QuoteView:
    def money(amount_minor: int) -> Money:
        return Money(amount_minor=amount_minor, currency=quote.currency)

    lines = [
        QuoteLineView(
            line_id=line.line_id,
            sku=line.sku,
            product_id=line.product_id,
            title=line.title,
            quantity=line.quantity,
            gross=money(line.gross_minor),
            discount=money(line.discount_minor),
            net=money(line.net_minor),
            trace=[
                TraceView(promotion_id=one["promotion_id"], name=one["name"], amount=money(one["amount_minor"]))
                for one in line.trace
            ],
        )
        for line in quote.lines
    ]
    return QuoteView(
        id=quote.id,
        cart_id=quote.cart_id,
        lines=lines,
        delivery_method=quote.delivery_method,
        delivery_fee=money(quote.delivery_fee_minor),
        discount=money(quote.discount_minor),
        total=money(quote.total_minor),
        benefits=quote.benefits_state,
        expires_at=quote.expires_at,
        order_id=quote.order_id,
    )
