"""Showing and withdrawing offers, and counting what was sold."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from catalog_svc.storefront import sales, store
from catalog_svc.storefront.rules import Showing, lowest
from catalog_svc.storefront.words import fragments, latin_words, runs, stem, vector, words
from svc_contracts.events.order import OrderPlaced, OrderRejected
from svc_kit.consumer import Received
from svc_kit.transaction import Tx


async def show(tx: Tx, offers: Sequence[Showing]) -> None:
    """Each offer as it now is; one without a price for everybody is withdrawn."""
    rows, priceless = [], []
    for offer in offers:
        price_minor = lowest(offer.skus, channel=offer.channel, at=tx.now)
        if price_minor is None:
            priceless.append(offer.listing_id)
        else:
            rows.append(_row(offer, price_minor))
    await withdraw(tx, priceless)
    if rows:
        await store.upsert(tx.con, rows)
        await store.add_words(tx.con, {(offer.shop, word) for offer in offers for word in _vocabulary(offer)})


async def withdraw(tx: Tx, listing_ids: Collection[str]) -> None:
    """What is not shown anyway stays as it is."""
    if listing_ids:
        await store.delete(tx.con, listing_ids)


def _row(offer: Showing, price_minor: int) -> dict[str, Any]:
    return {
        "listing_id": offer.listing_id,
        "shop": offer.shop,
        "product_id": offer.product_id,
        "slug": offer.slug,
        "brand": offer.brand,
        "image": offer.image,
        "price_minor": price_minor,
        "published_at": offer.published_at,
        "words": index(offer),
        "title_run": " ".join("".join(runs(title)) for title in offer.title.values()),
        "category_path": list(offer.category_path),
        "title": offer.title,
        "skus": [sku.model_dump(mode="json", by_alias=True) for sku in offer.skus],
    }


def index(offer: Showing) -> str:
    """Everything that an offer is found by, the weightiest first."""
    titles = list(offer.title.values())
    named = [*offer.keywords, offer.brand or "", *(name for names in offer.category_names for name in names.values())]
    told = [text for texts in offer.description for text in texts.values()]
    return vector(
        [
            ("A", (word for text in titles for word in words(text))),
            ("B", (word for text in named for word in words(text))),
            ("C", (part for text in titles for part in fragments(text))),
            ("D", (part for text in named for part in fragments(text))),
            ("D", (sku.sku.lower() for sku in offer.skus)),
            ("D", (word for text in told for word in words(text))),
        ]
    )


def _vocabulary(offer: Showing) -> set[str]:
    named = [*offer.keywords, offer.brand or "", *(name for names in offer.category_names for name in names.values())]
    found = {word for text in (*offer.title.values(), *named) for word in latin_words(text)}
    return found | {stem(word) for word in found}


async def count_sales(tx: Tx, events: Sequence[Received]) -> None:
    """An order counts once, however often it is placed anew, until it is rejected."""
    placed: dict[str, tuple[str, str, sales.Lines]] = {}
    rejected: set[str] = set()
    for event in (received.event for received in events):
        if isinstance(event, OrderPlaced):
            lines = [(line.product_id, line.quantity) for line in event.lines if line.product_id is not None]
            placed.setdefault(event.order_id, (event.order_id, event.shop, lines))
        elif isinstance(event, OrderRejected):
            rejected.add(event.order_id)
    units: Counter[tuple[str, str]] = Counter()
    if placed:
        counted = await sales.count_orders(tx.con, list(placed.values()))
        for order_id, shop, lines in placed.values():
            if order_id in counted:
                for product_id, quantity in lines:
                    units[shop, product_id] += quantity
    if rejected:
        for shop, lines in await sales.reject_orders(tx.con, rejected):
            for product_id, quantity in lines:
                units[shop, product_id] -= quantity
    if units:
        await sales.add_units(tx.con, units)
