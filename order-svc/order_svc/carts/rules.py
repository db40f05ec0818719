"""A cart, and what is to be said about it now. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from order_svc.copies.rules import Offer
from order_svc.quotes.rules import Asked, Why, unit_price
from svc_contracts.events.base import LINES_MAX, LocalText
from svc_contracts.events.catalog import ShopChanged

QUANTITY_MAX = 1_000_000

State = Literal["active", "converting", "converted", "abandoned", "recovered", "expired"]

# verb → from which states, to which one. A cart that was merged into another is expired.
TRANSITIONS: Mapping[str, tuple[frozenset[State], State]] = {
    "change": (frozenset({"active"}), "active"),
    "claim": (frozenset({"active"}), "active"),
    "merge": (frozenset({"active"}), "expired"),
    "convert": (frozenset({"active", "converting"}), "converted"),
}


def possible(state: State) -> list[str]:
    """What may be done with a cart in that state; `merge` and `convert` are not the buyer's to ask."""
    return [verb for verb in ("change", "claim") if state in TRANSITIONS[verb][0]]


@dataclass(frozen=True, slots=True)
class CartLine:
    """`unit_minor`: the price shown when the line was last set; None where there was none."""

    sku: str
    quantity: int
    unit_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Cart:
    id: str
    shop: str
    person_id: str | None
    visitor_key: str | None
    coupon_code: str | None
    state: State
    merged_into: str | None
    created_at: datetime
    changed_at: datetime
    version: int
    lines: tuple[CartLine, ...] = ()

    def line(self, sku: str) -> CartLine | None:
        return next((line for line in self.lines if line.sku == sku), None)


@dataclass(frozen=True, slots=True)
class Problem:
    """`code`: insufficient_stock, variant_unavailable, price_changed, coupon_invalid or shop_closed."""

    code: str
    why: str | None = None
    wanted: int | None = None
    available: int | None = None
    was_minor: int | None = None
    now_minor: int | None = None


@dataclass(frozen=True, slots=True)
class SeenLine:
    sku: str
    title: LocalText
    image: str | None
    quantity: int
    unit_minor: int | None
    problems: tuple[Problem, ...] = ()

    @property
    def total_minor(self) -> int | None:
        return None if self.unit_minor is None else self.unit_minor * self.quantity


@dataclass(frozen=True, slots=True)
class Seen:
    """A cart as it is worth now. What cannot be bought counts nothing."""

    cart: Cart
    currency: str
    lines: tuple[SeenLine, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def subtotal_minor(self) -> int:
        return sum(line.total_minor or 0 for line in self.lines)


@dataclass(frozen=True, slots=True)
class Sight:
    """What the copies say at `at`. `units`: how many lie in the warehouses of the shop's channel, components too."""

    shop: ShopChanged
    offers: Mapping[str, Offer]
    units: Mapping[str, int]
    at: datetime

    def price(self, sku: str, quantity: int) -> int | Why:
        return unit_price(self.offers.get(sku), self.shop, quantity=quantity, at=self.at)


def priced(asked: Sequence[Asked], sight: Sight) -> list[CartLine]:
    """One line per sku, with its price of now."""
    lines = folded([CartLine(one.sku, one.quantity) for one in asked])
    prices = [sight.price(line.sku, line.quantity) for line in lines]
    return [
        line if isinstance(price, str) else replace(line, unit_minor=price)
        for line, price in zip(lines, prices, strict=True)
    ]


def recalculate(cart: Cart, sight: Sight) -> Seen:
    demand: dict[str, int] = {}
    for line in cart.lines:
        if (offer := sight.offers.get(line.sku)) is not None:
            for sku, count in offer.parts.items():
                demand[sku] = demand.get(sku, 0) + count * line.quantity
    lines = tuple(_seen(line, sight, demand) for line in cart.lines)
    problems = () if sight.shop.state == "open" else (Problem("shop_closed"),)
    return Seen(cart, sight.shop.currency, lines, problems)


def _seen(line: CartLine, sight: Sight, demand: Mapping[str, int]) -> SeenLine:
    offer, price = sight.offers.get(line.sku), sight.price(line.sku, line.quantity)
    title, image = (offer.title, offer.image) if offer else ({}, None)
    if offer is None or isinstance(price, str):
        gone = Problem("variant_unavailable", why=price if isinstance(price, str) else None)
        return SeenLine(line.sku, title, image, line.quantity, None, (gone,))
    problems: list[Problem] = []
    if line.unit_minor is not None and line.unit_minor != price:
        problems.append(Problem("price_changed", was_minor=line.unit_minor, now_minor=price))
    units = sight.units
    if any(demand[sku] > units.get(sku, 0) + offer.sku.backorder_limit for sku in offer.parts):
        available = min(units.get(sku, 0) // count for sku, count in offer.parts.items())
        problems.append(Problem("insufficient_stock", wanted=line.quantity, available=available))
    return SeenLine(line.sku, title, image, line.quantity, price, tuple(problems))


def folded(lines: Sequence[CartLine]) -> tuple[CartLine, ...]:
    """One line per sku, in the order of their first; the first price stays."""
    found: dict[str, CartLine] = {}
    for line in lines:
        known = found.get(line.sku)
        found[line.sku] = line if known is None else replace(known, quantity=known.quantity + line.quantity)
    return tuple(found.values())


def merged(own: Cart, guests: Cart) -> tuple[CartLine, ...]:
    """The member's lines and the guest's. What does not fit any more is left out: signing in must not fail by it."""
    lines = folded([*own.lines, *guests.lines])[:LINES_MAX]
    return tuple(replace(line, quantity=min(line.quantity, QUANTITY_MAX)) for line in lines)
