"""The bench's shop, made through the public API: a thousand skus, no promotions, stock without end."""

import secrets
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

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


KINDS = ("tea", "kettle", "teapot", "cup", "tray", "caddy", "whisk", "scale", "strainer", "pitcher")
STYLES = ("oolong", "jasmine", "porcelain", "black", "green", "travel", "gift", "cast iron", "glass", "bamboo")
KINDS_ZH = ("茶", "水壶", "茶壶", "杯", "茶盘", "茶罐", "茶筅", "秤", "滤网", "公道杯")
STYLES_ZH = ("乌龙", "茉莉", "瓷", "黑", "绿", "旅行", "礼盒", "铸铁", "玻璃", "竹")


@dataclass(frozen=True, slots=True)
class Shop:
    """`approver`: the login and password of the second person."""

    slug: str
    skus: tuple[str, ...]
    category_id: str
    image_url: str
    approver: tuple[str, str]


def money(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": CURRENCY}


def open_shop(gateway_url: str, credentials: dict[str, str]) -> Shop:
    with Door(gateway_url) as owner, Door(gateway_url) as approver:
        owner.sign_in(credentials["login"], credentials["password"])
        person = hire(owner, "bench-approver", ("approver",))
        approver.sign_in(person.login, person.password)
        _found(owner)
        category = owner.ask("POST", "/v1/admin/categories", json={"name": {"zh": "测试", "en": "Bench"}})["id"]
        image = picture("tin", "#5e8c61", "#d9e8c5").encode()
        url = owner.ask("POST", "/v1/admin/media", content=image, headers={"Content-Type": "image/svg+xml"})["url"]
        skus = [f"B-{n:04d}" for n in range(SKU_COUNT)]
        for some in parts(skus, BULK):
            bulk(owner, "/v1/admin/products/bulk", {"items": [_item(sku, category, url) for sku in some]})
        _approve(approver)
        for some in parts(skus, 1_000):
            _receive(owner, some, UNITS)
        return Shop(SHOP, tuple(skus), category, url, (person.login, person.password))


class Goods:
    """More goods for the shop while it is open."""

    def __init__(self, gateway_url: str, credentials: dict[str, str], shop: Shop) -> None:
        self.owner, self.approver = Door(gateway_url), Door(gateway_url)
        self.credentials = credentials
        self.shop = shop

    def __enter__(self) -> Self:
        self.owner.sign_in(self.credentials["login"], self.credentials["password"])
        self.approver.sign_in(*self.shop.approver)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for door in (self.owner, self.approver):
            door.__exit__(kind, fault, trace)

    def offer(self, units: int) -> str:
        """A new sku with so many units, published."""
        sku = f"H-{secrets.token_hex(4)}"
        bulk(self.owner, "/v1/admin/products/bulk", {"items": [_item(sku, self.shop.category_id, self.shop.image_url)]})
        _approve(self.approver)
        _receive(self.owner, [sku], units)
        return sku

    def level(self, sku: str) -> dict[str, Any]:
        [found] = self.owner.ask("GET", "/v1/admin/stock-levels", params={"sku": sku})["items"]
        return dict(found)


def _receive(owner: Door, skus: list[str], units: int) -> None:
    lines = [{"sku": sku, "quantity": units} for sku in skus]
    receipt = {"warehouse": WAREHOUSE, "reference": f"bench-{secrets.token_hex(6)}", "lines": lines}
    owner.ask("POST", "/v1/admin/stock-receipts", json=receipt, headers=key())


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


def _item(sku: str, category_id: str, url: str) -> dict[str, Any]:
    n = sum(sku.encode())
    kind, style = n % len(KINDS), (n // 3) % len(STYLES)
    return {
        "category_id": category_id,
        "title": {"zh": f"{STYLES_ZH[style]}{KINDS_ZH[kind]} {sku}", "en": f"{STYLES[style]} {KINDS[kind]} {sku}"},
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
