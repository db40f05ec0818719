"""Reading the shop front: found, sorted, with the price, the promotion price and the availability of this moment."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from catalog_svc.copies import queries as copies
from catalog_svc.copies.queries import Stock
from catalog_svc.shops.rules import Shop
from catalog_svc.storefront import store
from catalog_svc.storefront.rules import Availability, Facets, Filters, Sort, best, price_now
from catalog_svc.storefront.store import Shown, Words
from catalog_svc.storefront.words import Question, nearest, query, stem
from svc_contracts.events.catalog import OfferSku


@dataclass(frozen=True, slots=True)
class ShownVariant:
    """Prices in minor units; `promotion_price_minor` only where it is lower."""

    sku: str
    options: dict[str, str]
    price_minor: int
    promotion_price_minor: int | None
    availability: Availability


@dataclass(frozen=True, slots=True)
class ShownProduct:
    """`variants` are those with a price for everybody at this moment, cheapest known first by their own order."""

    offer: Shown
    variants: tuple[ShownVariant, ...]

    @property
    def price_minor(self) -> int:
        return min((one.price_minor for one in self.variants), default=self.offer.price_minor)

    @property
    def promotion_price_minor(self) -> int | None:
        """Where the product begins with promotions, if that is lower."""
        reduced = [one.promotion_price_minor for one in self.variants if one.promotion_price_minor is not None]
        least = min(reduced, default=None)
        return least if least is not None and least < self.price_minor else None

    @property
    def availability(self) -> Availability:
        return best(one.availability for one in self.variants)


async def words_for(con: asyncpg.Connection, shop: str, asked: Question) -> Words:
    """The question as PostgreSQL takes it; Latin words that the shop does not know are taken for ones that it knows."""
    unknown = await store.unknown_words(con, shop, [(one, stem(one)) for one in asked.latin]) if asked.latin else []
    meant = {}
    if unknown:
        similar = await store.similar_words(con, shop, unknown)
        meant = {word: nearest(word, similar.get(word, [])) for word in unknown}
    return Words(query(asked, meant), asked.text)


async def products(
    con: asyncpg.Connection,
    shop: Shop,
    filters: Filters,
    *,
    words: Words | None,
    sort: Sort,
    after: tuple[int, str] | None,
    limit: int,
    now: datetime,
) -> list[ShownProduct]:
    found = await store.page(con, shop.slug, filters, words=words, sort=sort, after=after, limit=limit)
    return await _priced(con, shop, found, now)


async def facets(con: asyncpg.Connection, shop: Shop, filters: Filters, words: Words | None) -> Facets:
    return await store.facets(con, shop.slug, filters, words)


async def product(con: asyncpg.Connection, shop: Shop, slug: str, *, now: datetime) -> ShownProduct | None:
    found = await store.by_slug(con, shop.slug, slug)
    return (await _priced(con, shop, [found], now))[0] if found else None


async def shown_categories(con: asyncpg.Connection, shop: str) -> list[str]:
    """Ids of the categories in which the shop shows something, and of those above them."""
    return await store.shown_categories(con, shop)


async def _priced(con: asyncpg.Connection, shop: Shop, found: list[Shown], now: datetime) -> list[ShownProduct]:
    skus = [sku for one in found for sku in one.skus]
    parts = {part.sku for sku in skus for part in sku.components}
    stock = await copies.stock(con, shop.channel, parts | {sku.sku for sku in skus})
    reduced = await copies.promotion_prices(con, shop.slug, {sku.sku for sku in skus}, at=now)
    return [ShownProduct(one, tuple(_variants(one, shop, stock, reduced, now))) for one in found]


def _variants(
    offer: Shown, shop: Shop, stock: Mapping[str, Stock], reduced: Mapping[str, int], now: datetime
) -> Collection[ShownVariant]:
    shown = []
    for sku in offer.skus:
        price = price_now(sku.prices, channel=shop.channel, at=now)
        if price is None:
            continue
        lower = reduced.get(sku.sku)
        if lower is not None and lower >= price.amount_minor:
            lower = None
        shown.append(ShownVariant(sku.sku, sku.options, price.amount_minor, lower, availability(sku, stock)))
    return shown


def availability(sku: OfferSku, stock: Mapping[str, Stock]) -> Availability:
    """Of a bundle: that of its scarcest component, sold out where one is too few for a whole bundle."""
    if not sku.components:
        known = stock.get(sku.sku)
        return known.availability if known else "sold_out"
    parts = [(stock.get(part.sku), part.quantity) for part in sku.components]
    if any(known is None or known.availability == "sold_out" or known.available < units for known, units in parts):
        return "sold_out"
    return "low" if any(known and known.availability == "low" for known, _ in parts) else "in_stock"
