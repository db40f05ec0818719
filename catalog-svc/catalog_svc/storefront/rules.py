"""What the shop front shows of an offer, and the shapes of asking for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from svc_contracts.events.catalog import OfferSku, Price
from svc_contracts.pricing import Asking, choose_price

Sort = Literal["relevance", "price", "-price", "newest", "sales"]
Availability = Literal["in_stock", "low", "sold_out"]


@dataclass(frozen=True, slots=True)
class Showing:
    """An offer on its way to the shop front. `category_path` runs from the root."""

    listing_id: str
    shop: str
    channel: str
    product_id: str
    slug: str
    category_path: tuple[str, ...]
    category_names: tuple[dict[str, str], ...]
    brand: str | None
    title: dict[str, str]
    keywords: tuple[str, ...]
    description: tuple[dict[str, str], ...]
    image: str | None
    published_at: datetime
    skus: tuple[OfferSku, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """Prices in minor units, both inclusive."""

    category: str | None = None
    min_price_minor: int | None = None
    max_price_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Facets:
    """How many of what was found stand in which category and brand, and between which prices."""

    total: int
    categories: list[tuple[str, int]]
    brands: list[tuple[str, int]]
    price_min_minor: int | None
    price_max_minor: int | None


def price_now(prices: Iterable[Price], *, channel: str, at: datetime) -> Price | None:
    """What one unit costs somebody of whom nothing is known."""
    return choose_price(prices, Asking(at=at, channel=channel))


def lowest(skus: Sequence[OfferSku], *, channel: str, at: datetime) -> int | None:
    """The price at which the offer begins, in minor units."""
    chosen = [price_now(sku.prices, channel=channel, at=at) for sku in skus]
    return min((price.amount_minor for price in chosen if price is not None), default=None)


def next_turn(skus: Sequence[OfferSku], *, at: datetime) -> datetime | None:
    """When a price of the offer begins or ends next."""
    edges = [edge for sku in skus for price in sku.prices for edge in (price.from_, price.until)]
    return min((edge for edge in edges if edge is not None and edge > at), default=None)


def best(availabilities: Iterable[Availability]) -> Availability:
    """A product can be bought as long as one of its variants can."""
    found = set(availabilities)
    if "in_stock" in found:
        return "in_stock"
    return "low" if "low" in found else "sold_out"
