"""The sample shop's campaign: a percentage off all tea, and a coupon code that a hundred may use."""

import time
from typing import Any

from svc_local.sample.catalogue import SHOP, money
from svc_local.sample.door import Door
from svc_local.sample.stocking import key
from svc_local.troubles import Trouble

NAME = {"zh": "秋日茶会", "en": "Autumn tea"}
CODE = "WELCOME20"
TEA = "Tea and teaware"
A_TEA = "buckwheat-herbal-tea"
SHOWN_WITHIN_SECONDS = 30.0
LOOK_EVERY_SECONDS = 0.2


def begin(merchant: Door) -> None:
    """Each part is made where it is not there yet."""
    campaign = _campaign(merchant)
    _promotion(merchant, _percent_off(merchant, campaign["id"]))
    coupon = _promotion(merchant, _coupon(campaign["id"]))
    if all(one["code"] != CODE for one in merchant.all_of("/v1/admin/coupon-batches", shop=SHOP)):
        batch = {"promotion_id": coupon["id"], "code": CODE, "total": 100, "per_customer": 1}
        merchant.ask("POST", "/v1/admin/coupon-batches", json=batch, headers=key())


def shown(anybody: Door) -> None:
    """Returns when the shop front shows the promotion's price: whoever comes first shall see the whole shop.

    Raises Trouble where it does not within a while.
    """
    until = time.monotonic() + SHOWN_WITHIN_SECONDS
    while True:
        page = anybody.ask("GET", f"/v1/store/{SHOP}/products/{A_TEA}")
        if all(one["promotion_price"] for one in page["variants"]):
            return
        if time.monotonic() > until:
            raise Trouble("The sample shop's promotion is active, but its prices are not shown: see `make logs`.")
        time.sleep(LOOK_EVERY_SECONDS)


def _campaign(merchant: Door) -> Any:
    known = {one["name"]["en"]: one for one in merchant.all_of("/v1/admin/campaigns", shop=SHOP)}
    found = known.get(NAME["en"])
    if found is None:
        body = {"shop": SHOP, "name": NAME, "planned": money(500_000)}
        found = merchant.ask("POST", "/v1/admin/campaigns", json=body, headers=key())
    return found


def _promotion(merchant: Door, body: dict[str, Any]) -> Any:
    """There and active afterwards."""
    known = {one["name"]["en"]: one for one in merchant.all_of("/v1/admin/promotions", shop=SHOP)}
    found = known.get(body["name"]["en"])
    if found is None:
        found = merchant.ask("POST", "/v1/admin/promotions", json=body, headers=key())
    if found["state"] == "draft":
        path = f"/v1/admin/promotions/{found['id']}/activate"
        found = merchant.ask("POST", path, json={"version": found["version"]})
    return found


def _percent_off(merchant: Door, campaign_id: str) -> dict[str, Any]:
    categories = {one["name"].get("en"): one["id"] for one in merchant.all_of("/v1/admin/categories")}
    return {
        "shop": SHOP,
        "campaign_id": campaign_id,
        "name": {"zh": "全场茶品九折", "en": "10% off all tea"},
        "trigger": "automatic",
        "scope": "catalogue",
        "conditions": {"category_ids": [categories[TEA]]},
        "reward": {"rate_bp": 1_000},
    }


def _coupon(campaign_id: str) -> dict[str, Any]:
    return {
        "shop": SHOP,
        "campaign_id": campaign_id,
        "name": {"zh": "新客满百减二十", "en": "20 yuan off 100"},
        "trigger": "code",
        "scope": "order",
        "conditions": {"spend_min_minor": 10_000},
        "reward": {"amount_minor": 2_000},
    }
