"""The steps that fill the sample shop. Each looks first what is there, so that all of it may run again."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from svc_local.sample import catalogue
from svc_local.sample.catalogue import SHOP, WAREHOUSE
from svc_local.sample.door import Door
from svc_local.sample.goods import CATEGORIES
from svc_local.sample.shapes import Category
from svc_local.troubles import Trouble

BULK_MAX = 100

T = TypeVar("T")


def open_shop(merchant: Door) -> None:
    shop = merchant.find(f"/v1/admin/shops/{SHOP}")
    if shop is None:
        shop = merchant.ask("POST", "/v1/admin/shops", json=catalogue.shop_body())
    if shop["state"] != "open":
        merchant.ask("POST", f"/v1/admin/shops/{SHOP}/open", json={"version": shop["version"]})


def open_warehouse(merchant: Door) -> None:
    if merchant.find(f"/v1/admin/warehouses/{WAREHOUSE}") is None:
        merchant.ask("POST", "/v1/admin/warehouses", json=catalogue.warehouse_body())


def add_categories(merchant: Door) -> dict[str, str]:
    """{key: id} of all categories."""
    known = {one["name"].get("en"): one["id"] for one in merchant.all_of("/v1/admin/categories")}
    for category in CATEGORIES:
        if category.en not in known:
            made = merchant.ask("POST", "/v1/admin/categories", json=catalogue.category_body(category))
            known[category.en] = made["id"]
    return {category.key: known[category.en] for category in CATEGORIES}


def bring_goods(merchant: Door, category_ids: dict[str, str]) -> None:
    """Pictures, products, prices; every new listing is submitted."""
    for category in CATEGORIES:
        category_id = category_ids[category.key]
        known = {one["slug"]: one for one in merchant.all_of("/v1/admin/products", category_id=category_id)}
        items = [
            catalogue.product_body(one, category_id=category_id, image_url=upload(merchant, catalogue.svg(one)))
            for one in catalogue.absent(category.goods, known)
        ]
        for some in parts(items, BULK_MAX):
            bulk(merchant, "/v1/admin/products/bulk", {"items": some})


def upload(merchant: Door, content: bytes) -> str:
    headers = {"Content-Type": "image/svg+xml"}
    return str(merchant.ask("POST", "/v1/admin/media", content=content, headers=headers)["url"])


def publish(approver: Door) -> None:
    """Everything of the shop that waits for a second person."""
    waiting = [one["id"] for one in approver.all_of("/v1/admin/listings", shop=SHOP, state="pending_review")]
    for some in parts(waiting, BULK_MAX):
        body = {"action": "approve_and_publish", "items": [{"id": one} for one in some]}
        bulk(approver, "/v1/admin/listings/bulk", body)


def receive(merchant: Door) -> None:
    """The opening stock; a receipt's reference counts once."""
    for category in CATEGORIES:
        receive_category(merchant, category)


def receive_category(merchant: Door, category: Category) -> None:
    merchant.ask("POST", "/v1/admin/stock-receipts", json=catalogue.receipt_body(category), headers=key())


def bulk(door: Door, path: str, body: dict[str, Any]) -> None:
    """Raises Trouble where one of the items was refused."""
    results = door.ask("POST", path, json=body, headers=key())["results"]
    if refused := [one for one in results if one.get("problem")]:
        raise Trouble(f"The sample shop was refused: {path}: {refused[0]['problem']}")


def key() -> dict[str, str]:
    """A new one each time: what was done already is seen by looking, not by the key."""
    return {"Idempotency-Key": secrets.token_hex(16)}


def parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    for n in range(0, len(items), size):
        yield list(items[n : n + size])
