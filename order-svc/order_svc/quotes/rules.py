"""From what is asked to what it costs: every amount whole, every sum exact. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from order_svc.buyers import Buyer
from order_svc.copies.rules import Offer
from order_svc.orders.rules.placing import Line
from svc_contracts import pricing
from svc_contracts.events.catalog import ShopChanged
from svc_contracts.events.order import Benefit

VALID_FOR = timedelta(minutes=15)
AMOUNT_MINOR_MAX = 10**15  # what the contracts carry

Why = Literal["unknown", "not-live", "outside-window", "no-price"]
BenefitsState = Literal["applied", "none", "unavailable"]


@dataclass(frozen=True, slots=True)
class Asked:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Asking:
    """Either lines or a cart. `region`: country, province, city, district."""

    shop: str
    buyer: Buyer
    region: Mapping[str, Any]
    delivery_method: str
    lines: tuple[Asked, ...] = ()
    cart_id: str | None = None
    coupon_code: str | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """Binding until `expires_at`. `id` is None for one that was never stored; `order_id` for one not placed yet."""

    id: str | None
    shop: str
    channel: str
    currency: str
    cart_id: str | None
    person_id: str | None
    visitor_key: str | None
    region: Mapping[str, Any]
    delivery_method: str
    lines: tuple[Line, ...]
    delivery_fee_minor: int
    discount_minor: int
    total_minor: int
    benefits: tuple[Benefit, ...]
    benefits_state: BenefitsState
    expires_at: datetime
    order_id: str | None = None

    @property
    def gross_minor(self) -> int:
        return self.total_minor - self.delivery_fee_minor + self.discount_minor

    def is_expired(self, at: datetime) -> bool:
        return self.expires_at <= at

    def is_of(self, buyer: Buyer) -> bool:
        return buyer.owns(person_id=self.person_id, visitor_key=self.visitor_key)


@dataclass(frozen=True, slots=True)
class Bad:
    """The n-th line cannot be bought."""

    n: int
    sku: str
    why: Why


@dataclass(frozen=True, slots=True)
class Granted:
    """What marketing-svc takes off: the benefits, and the same by line. `coupon_why`: why the coupon is no good."""

    benefits: tuple[Benefit, ...] = ()
    discounts: Mapping[str, int] = field(default_factory=dict)
    traces: Mapping[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    coupon_why: str | None = None


def unit_price(offer: Offer | None, shop: ShopChanged, *, quantity: int, at: datetime) -> int | Why:
    """The price of one in the shop's currency, or why there is none."""
    if offer is None:
        return "unknown"
    if offer.state != "live":
        return "not-live"
    if not offer.is_open(at):
        return "outside-window"
    price = offer.price(pricing.Asking(at=at, channel=shop.channel, quantity=quantity))
    if price is None or price.currency != shop.currency:
        return "no-price"
    return price.amount_minor


def price_lines(
    asked: Sequence[Asked], offers: Mapping[str, Offer], shop: ShopChanged, *, at: datetime
) -> tuple[list[Line], list[Bad]]:
    """Lines l1, l2, …, or every bad one. A price for many counts the units of all lines of the sku."""
    units: dict[str, int] = {}
    for one in asked:
        units[one.sku] = units.get(one.sku, 0) + one.quantity
    prices = {sku: unit_price(offers.get(sku), shop, quantity=count, at=at) for sku, count in units.items()}
    lines: list[Line] = []
    bad: list[Bad] = []
    for n, one in enumerate(asked):
        price = prices[one.sku]
        if isinstance(price, str):
            bad.append(Bad(n, one.sku, price))
            continue
        offer = offers[one.sku]
        lines.append(
            Line(
                line_id=f"l{n + 1}",
                sku=one.sku,
                product_id=offer.product_id,
                title=offer.title,
                quantity=one.quantity,
                gross_minor=price * one.quantity,
                discount_minor=0,
                components=tuple(offer.sku.components),
                image=offer.image,
            )
        )
    return lines, bad


def withdrawn(quote: Quote, offers: Mapping[str, Offer]) -> list[Bad]:
    """The lines whose listing is not live any more. An end of its window or of its price does not undo a quote."""
    states = [(n, line.sku, offers.get(line.sku)) for n, line in enumerate(quote.lines)]
    return [
        Bad(n, sku, "unknown" if offer is None else "not-live")
        for n, sku, offer in states
        if offer is None or offer.state != "live"
    ]


def gross_of(lines: Sequence[Line]) -> int:
    return sum(line.gross_minor for line in lines)


def is_sound(granted: Granted, lines: Sequence[Line]) -> bool:
    """Whether what marketing-svc says adds up: per benefit, per line, in all; no line below nothing."""
    gross = {line.line_id: line.gross_minor for line in lines}
    by_line: dict[str, int] = {}
    for benefit in granted.benefits:
        if sum(part.amount_minor for part in benefit.lines) != benefit.amount_minor:
            return False
        for part in benefit.lines:
            by_line[part.line_id] = by_line.get(part.line_id, 0) + part.amount_minor
    told = {line_id: amount for line_id, amount in granted.discounts.items() if amount}
    if {line_id: amount for line_id, amount in by_line.items() if amount} != told:
        return False
    return all(line_id in gross and 0 < amount <= gross[line_id] for line_id, amount in told.items())


def quote_of(
    asking: Asking,
    shop: ShopChanged,
    lines: Sequence[Line],
    *,
    quote_id: str | None,
    delivery_fee_minor: int,
    granted: Granted | None,
    at: datetime,
) -> Quote:
    """`granted`: None where marketing-svc did not answer; then full prices hold."""
    given = granted or Granted()
    if given.discounts:
        lines = [
            replace(
                line,
                discount_minor=given.discounts.get(line.line_id, 0),
                trace=given.traces.get(line.line_id, ()),
            )
            for line in lines
        ]
    discount = sum(line.discount_minor for line in lines)
    state: BenefitsState = "unavailable" if granted is None else "applied" if given.benefits else "none"
    return Quote(
        id=quote_id,
        shop=shop.shop,
        channel=shop.channel,
        currency=shop.currency,
        cart_id=asking.cart_id,
        person_id=asking.buyer.person_id,
        visitor_key=asking.buyer.visitor_key,
        region=asking.region,
        delivery_method=asking.delivery_method,
        lines=tuple(lines),
        delivery_fee_minor=delivery_fee_minor,
        discount_minor=discount,
        total_minor=gross_of(lines) - discount + delivery_fee_minor,
        benefits=given.benefits,
        benefits_state=state,
        expires_at=at + VALID_FOR,
    )
