"""The sample shop as the public API takes it: the bodies of its requests. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from svc_local.sample.pictures import picture
from svc_local.sample.shapes import Category, Goods, Variant

SHOP = "sample"
CHANNEL = "web"
CURRENCY = "CNY"
WAREHOUSE = "sh-main"


def money(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": CURRENCY}


def shop_body() -> dict[str, Any]:
    return {
        "slug": SHOP,
        "name": {"zh": "四时生活馆", "en": "Four Seasons Living"},
        "channel": CHANNEL,
        "currency": CURRENCY,
        "time_zone": "Asia/Shanghai",
        "locales": ["zh-CN", "en"],
        "delivery_methods": [
            {
                "id": "standard",
                "name": {"zh": "标准配送", "en": "Standard delivery"},
                "fee": money(800),
                "free_from": money(9900),
            },
            {"id": "express", "name": {"zh": "次日达", "en": "Next day"}, "fee": money(1800)},
        ],
        "payment_methods": ["sandbox", "bank_transfer", "cod"],
        "unpaid_expiry_seconds": 900,
    }


def warehouse_body() -> dict[str, Any]:
    return {"code": WAREHOUSE, "region": "CN-SH", "priority": 10, "channels": [CHANNEL], "cut_off": "17:00"}


def category_body(category: Category) -> dict[str, Any]:
    return {"name": {"zh": category.zh, "en": category.en}, "attributes": list(category.attributes)}


def svg(goods: Goods) -> bytes:
    return picture(*goods.picture).encode()


def sku(goods: Goods, variant: Variant) -> str:
    return f"{goods.code}-{variant.code}"


def product_body(goods: Goods, *, category_id: str, image_url: str) -> dict[str, Any]:
    """An item of POST /v1/admin/products/bulk: product, variants, prices, and its listing submitted."""
    return {
        "category_id": category_id,
        "brand": goods.brand,
        "title": {"zh": goods.zh, "en": goods.en},
        "slug": goods.slug,
        "keywords": list(goods.keywords),
        "attributes": goods.attributes,
        "media": [{"url": image_url, "alt": {"zh": goods.zh, "en": goods.en}}],
        "details": [{"kind": "description", "text": {"zh": goods.about_zh, "en": goods.about_en}}],
        "variants": [
            {"sku": sku(goods, one), "options": one.options, "weight_g": one.weight_g} for one in goods.variants
        ],
        "listing": {
            "shop": SHOP,
            "prices": [{"sku": sku(goods, one), "amount": money(one.price_minor)} for one in goods.variants],
            "publish": True,
        },
    }


def receipt_body(category: Category) -> dict[str, Any]:
    """What lies in the warehouse at first: one receipt per category, which counts once."""
    lines = [{"sku": sku(goods, one), "quantity": one.units} for goods in category.goods for one in goods.variants]
    return {"warehouse": WAREHOUSE, "reference": f"{SHOP}-opening-{category.key}", "lines": lines}


def absent(goods: Iterable[Goods], known: Mapping[str, Any]) -> list[Goods]:
    """Those whose slug is not known yet."""
    return [one for one in goods if one.slug not in known]
