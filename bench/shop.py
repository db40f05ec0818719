"""The bench's shop, made through the public API: a thousand skus, no promotions, stock without end."""

import secrets
from dataclasses import dataclass
from typing import Any

from svc_local.sample.door import Door
from svc_local.sample.pictures import picture
from svc_local.sample.staff import hire
from svc_local.sample.stocking import bulk, key, parts

SKU_COUNT = 1_000
UNITS = 1_000_000
PRICE_MINOR = 10_000
CURRENCY = "CNY"
WAREHOUSE = "bench-wh"
SHOP = "bench"
BULK = 100
REGION = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
ADDRESS = {**REGION, "street": "18 North Caoxi Road", "postcode": "200030"}
CONTACT = {"name": "Bench", "phone": "+8613800138000"}


@dataclass(frozen=True, slots=True)
class Shop:
    slug: str
    skus: tuple[str, ...]
    authorization: str


def money(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": CURRENCY}


def open_shop(gateway_url: str, credentials: dict[str, str]) -> Shop:
    with Door(gateway_url) as owner, Door(gateway_url) as approver:
        owner.sign_in(credentials["login"], credentials["password"])
        person = hire(owner, "bench-approver", ("approver",))
        approver.sign_in(person.login, person.password)
        _found(owner)
        skus = _offer(owner)
        _approve(approver)
        for some in parts(skus, 1_000):
            lines = [{"sku": sku, "quantity": UNITS} for sku in some]
            receipt = {"warehouse": WAREHOUSE, "reference": f"bench-{secrets.token_hex(6)}", "lines": lines}
            owner.ask("POST", "/v1/admin/stock-receipts", json=receipt, headers=key())
        return Shop(SHOP, tuple(skus), owner.authorization)


def _found(owner: Door) -> None:
    body = {
        "slug": SHOP,
        "name": {"zh": "测试店", "en": "Bench"},
        "channel": SHOP,
        "payment_methods": ["sandbox"],
        "delivery_methods": [{"id": "standard", "name": {"en": "Standard", "zh": "标准"}, "fee": money(0)}],
    }
    shop = owner.ask("POST", "/v1/admin/shops", json=body)
    owner.ask("POST", f"/v1/admin/shops/{SHOP}/open", json={"version": shop["version"]})
    warehouse = {"code": WAREHOUSE, "region": "CN-SH", "priority": 1, "channels": [SHOP], "cut_off": "17:00"}
    owner.ask("POST", "/v1/admin/warehouses", json=warehouse)


def _offer(owner: Door) -> list[str]:
    category = owner.ask("POST", "/v1/admin/categories", json={"name": {"zh": "测试", "en": "Bench"}})
    image = picture("tin", "#5e8c61", "#d9e8c5").encode()
    url = owner.ask("POST", "/v1/admin/media", content=image, headers={"Content-Type": "image/svg+xml"})["url"]
    skus = [f"B-{n:04d}" for n in range(SKU_COUNT)]
    for some in parts(skus, BULK):
        items = [_item(sku, category["id"], url) for sku in some]
        bulk(owner, "/v1/admin/products/bulk", {"items": items})
    return skus


def _item(sku: str, category_id: str, url: str) -> dict[str, Any]:
    return {
        "category_id": category_id,
        "title": {"zh": f"测试商品 {sku}", "en": f"Bench goods {sku}"},
        "slug": sku.lower(),
        "media": [{"url": url, "alt": {"en": sku}}],
        "variants": [{"sku": sku}],
        "listing": {"shop": SHOP, "prices": [{"sku": sku, "amount": money(PRICE_MINOR)}], "publish": True},
    }


def _approve(approver: Door) -> None:
    waiting = [one["id"] for one in approver.all_of("/v1/admin/listings", shop=SHOP, state="pending_review")]
    for some in parts(waiting, BULK):
        body = {"action": "approve_and_publish", "items": [{"id": one} for one in some]}
        bulk(approver, "/v1/admin/listings/bulk", body)
