"""What the copies say, as values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from svc_contracts.events.catalog import ListingWindow, OfferSku, Price, ShopChanged
from svc_contracts.events.stock import WarehouseChanged
from svc_contracts.pricing import Asking, choose_price


@dataclass(frozen=True, slots=True)
class Offer:
    """One sku in a shop, as it can be bought or not."""

    listing_id: str
    shop: str
    product_id: str
    category_path: tuple[str, ...]
    brand: str | None
    title: dict[str, str]
    image: str | None
    state: str
    window: ListingWindow
    sku: OfferSku

    @property
    def parts(self) -> dict[str, int]:
        """{sku that lies in a warehouse: units of it in one of these}; a bundle's are those of its components."""
        if not self.sku.components:
            return {self.sku.sku: 1}
        found: dict[str, int] = {}
        for part in self.sku.components:
            found[part.sku] = found.get(part.sku, 0) + part.quantity
        return found

    def is_open(self, at: datetime) -> bool:
        """Live and inside its window."""
        begun = self.window.from_ is None or self.window.from_ <= at
        return self.state == "live" and begun and (self.window.until is None or at < self.window.until)

    def price(self, asking: Asking) -> Price | None:
        return choose_price(self.sku.prices, asking)


# What a shop needs to know of the world to sell: one read for many requests.
@dataclass(frozen=True, slots=True)
class ShopFacts:
    shop: ShopChanged
    promotes: bool  # ≥ 1 automatic promotion is active now

    @property
    def is_open(self) -> bool:
        return self.shop.state == "open"


def best(offers: Iterable[Offer], at: datetime) -> dict[str, Offer]:
    """{sku: its offer}: the open one where there is one (ties: listing id), else the latest listing that had it."""
    found: dict[str, Offer] = {}
    for offer in sorted(offers, key=lambda one: (not one.is_open(at), one.listing_id)):
        found.setdefault(offer.sku.sku, offer)
    return found


def serving(warehouses: Iterable[WarehouseChanged], channel: str) -> Sequence[WarehouseChanged]:
    """The open warehouses that serve the channel, the first to be asked first."""
    open_ones = [one for one in warehouses if one.state == "active" and channel in one.channels]
    return sorted(open_ones, key=lambda one: (one.priority, one.code))
