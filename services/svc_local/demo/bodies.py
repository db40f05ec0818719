"""Baskets and articles as the public API takes them: the bodies of the demo's requests. Pure."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from svc_local.demo.baskets import Article, Basket, Line
from svc_local.demo.selection import Selection
from svc_local.sample.pictures import picture

CURRENCY = "USD"
CARRIER = "demo"
SIZE_MAX = 200  # of a title

# Complete Journey names no places: every parcel goes to the same door.
REGION = {"country": "US", "province": "Ohio", "city": "Cincinnati"}
ADDRESS = {
    **REGION,
    "name": "Complete Journey",
    "phone": "+15135550100",
    "street": "302 W 3rd Street",
    "postcode": "45202",
}
CONTACT = {"name": "One More", "phone": "+15135550101"}

COLOURS = ("#b5533c", "#3c7a89", "#7a8b3c", "#8a5a9e", "#c08a2e", "#4a6fa5", "#a34a6b", "#4f8a5b")


def money(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": CURRENCY}


def sku(selection: Selection, product: int) -> str:
    """Skus are one namespace for all shops; the shop's name keeps the selections apart."""
    return f"{selection.shop}-{product}"


def product_of(selection: Selection, sku: str) -> str:
    """The product's number in the data files, as the other side names it."""
    return sku.removeprefix(f"{selection.shop}-")


def shop_body(selection: Selection) -> dict[str, Any]:
    return {
        "slug": selection.shop,
        "name": {"en": f"Complete Journey, {selection.words}"},
        "channel": selection.shop,
        "currency": CURRENCY,
        "time_zone": "UTC",
        "locales": ["en"],
        "payment_methods": ["sandbox"],
    }


def warehouse_body(selection: Selection) -> dict[str, Any]:
    return {"code": selection.shop, "region": "US-OH", "channels": [selection.shop], "time_zone": "UTC"}


def category_body(name: str, *, parent_id: str | None) -> dict[str, Any]:
    return {"name": {"en": name}} | ({"parent_id": parent_id} if parent_id else {})


def svg(department: str) -> bytes:
    """A department's picture, in a colour of its own."""
    colour = COLOURS[sum(department.encode()) % len(COLOURS)]
    return picture("bag", colour, "#f4efe6").encode()


def product_body(selection: Selection, article: Article, *, category_id: str, image_url: str) -> dict[str, Any]:
    """An item of POST A/products/bulk: the product, its only variant, its price, its listing submitted."""
    title = {"en": article.title[:SIZE_MAX]}
    code = sku(selection, article.id)
    return {
        "category_id": category_id,
        "brand": article.brand,
        "title": title,
        "slug": code,
        "media": [{"url": image_url, "alt": title}],
        "variants": [{"sku": code}],
        "listing": {
            "shop": selection.shop,
            "prices": [{"sku": code, "amount": money(article.price_minor)}],
            "publish": True,
        },
    }


def receipt_body(selection: Selection, n: int, articles: Sequence[Article]) -> dict[str, Any]:
    """The n-th delivery: exactly what the baskets take, under a reference that counts once."""
    lines = [{"sku": sku(selection, one.id), "quantity": one.units} for one in articles]
    return {"warehouse": selection.shop, "reference": f"{selection.shop}-{n:04d}", "lines": lines}


def orders_body(selection: Selection, baskets: Sequence[Basket]) -> dict[str, Any]:
    return {"channel": selection.shop, "items": [order_body(selection, basket) for basket in baskets]}


def order_body(selection: Selection, basket: Basket) -> dict[str, Any]:
    """An item of POST A/channel-orders/bulk: paid on the channel at the moment it was placed."""
    at = stamp(basket.at)
    return {
        "external_id": str(basket.id),
        "shop": selection.shop,
        "buyer_ref": f"household-{basket.household}",
        "placed_at": at,
        "paid_at": at,
        "region": REGION,
        "lines": [_line(selection, line) for line in basket.lines],
        "delivery_fee": money(0),
        "total": money(basket.total_minor),
        "address": ADDRESS,
    }


def _line(selection: Selection, line: Line) -> dict[str, Any]:
    return {
        "sku": sku(selection, line.product),
        "quantity": line.units,
        "gross": money(line.gross_minor),
        "discount": money(line.discount_minor),
        "net": money(line.net_minor),
    }


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def quote_body(selection: Selection, articles: Sequence[Article]) -> dict[str, Any]:
    lines = [{"sku": sku(selection, one.id), "quantity": 1} for one in articles]
    return {"lines": lines, "region": REGION, "delivery_method": "standard"}


def somebody() -> dict[str, str]:
    """A visitor whom nobody has seen before."""
    return {"X-Visitor-Id": secrets.token_urlsafe(24)}


def one_more_body(selection: Selection, article: Article) -> dict[str, Any]:
    """A storefront's "buy now" of a single unit."""
    return {
        "lines": [{"sku": sku(selection, article.id), "quantity": 1}],
        "region": REGION,
        "delivery_method": "standard",
        "expected_total": money(article.price_minor),
        "contact": CONTACT,
        "address": {key: value for key, value in ADDRESS.items() if key not in ("name", "phone")},
        "payment_method": "sandbox",
    }


def step_body(action: str, fulfilment_ids: Sequence[str]) -> dict[str, Any]:
    """A bulk step. A parcel's number is its fulfilment's."""
    if action == "ship":
        items = [{"id": one, "carrier": CARRIER, "tracking_no": one.upper()} for one in fulfilment_ids]
    else:
        items = [{"id": one} for one in fulfilment_ids]
    return {"action": action, "items": items}
