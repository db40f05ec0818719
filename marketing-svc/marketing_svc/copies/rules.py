"""What the copies say, as values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from svc_contracts.events.catalog import Price
from svc_contracts.pricing import Asking, choose_price


@dataclass(frozen=True, slots=True)
class Shop:
    shop: str
    channel: str
    currency: str
    state: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One sku in a shop."""

    listing_id: str
    shop: str
    product_id: str
    slug: str
    state: str
    brand: str | None
    category_path: tuple[str, ...]
    from_at: datetime | None
    until: datetime | None
    sku: str
    prices: tuple[Price, ...]

    def is_open(self, at: datetime) -> bool:
        """Live and inside its window."""
        begun = self.from_at is None or self.from_at <= at
        return self.state == "live" and begun and (self.until is None or at < self.until)

    def price_minor(self, shop: Shop, at: datetime) -> int | None:
        """What one unit costs anybody in the shop, or None where it has no price."""
        price = choose_price(self.prices, Asking(at=at, channel=shop.channel))
        return price.amount_minor if price is not None and price.currency == shop.currency else None

    def turns(self) -> list[datetime]:
        """When its price may change by the clock alone."""
        ends = [self.from_at, self.until, *(one for price in self.prices for one in (price.from_, price.until))]
        return [end for end in ends if end is not None]


def best(offers: Iterable[Offer], at: datetime) -> dict[str, Offer]:
    """{sku: its offer}: the open one where there is one (ties: listing id), else any that had it."""
    found: dict[str, Offer] = {}
    for offer in sorted(offers, key=lambda one: (not one.is_open(at), one.listing_id)):
        found.setdefault(offer.sku, offer)
    return found
