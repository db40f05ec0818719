"""Search over the sample shop: the questions of search_questions.csv and what each finds first."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog_svc.app import SERVICE
from svc_kit.testing import client_of, runtime_of
from svc_local.sample import catalogue
from svc_local.sample.goods import CATEGORIES

pytestmark = pytest.mark.anyio

QUESTIONS = Path(__file__).with_name("search_questions.csv")


async def fill(runtime: Any) -> None:
    """The sample shop's goods, as its loader brings them."""
    client = client_of(runtime)
    approver_scopes = ("catalog:read", "listing:approve")
    async with (
        client.as_(id="stf_a", scopes=("*",)) as brings,
        client.as_(id="stf_b", scopes=approver_scopes) as approves,
    ):
        await brings.post("/v1/admin/shops", json=catalogue.shop_body())
        await brings.post("/v1/admin/shops/sample/open", json={"version": 1})
        for category in CATEGORIES:
            made = (await brings.post("/v1/admin/categories", json=catalogue.category_body(category))).json()
            items = []
            for goods in category.goods:
                image = (await brings.post("/v1/admin/media", content=catalogue.svg(goods))).json()
                items.append(catalogue.product_body(goods, category_id=made["id"], image_url=image["url"]))
            key = {"Idempotency-Key": category.key}
            brought = (await brings.post("/v1/admin/products/bulk", json={"items": items}, headers=key)).json()
            ids = [{"id": one["listing_id"]} for one in brought["results"]]
            body = {"action": "approve_and_publish", "items": ids}
            acted = (await approves.post("/v1/admin/listings/bulk", json=body, headers=key)).json()
            assert {one["state"] for one in acted["results"]} == {"live"}, (brought, acted)


async def test_every_question_finds_first_what_it_is_meant_to_find(database_of: Callable[[str], Any]) -> None:
    with QUESTIONS.open(newline="") as file:
        questions = list(csv.DictReader(file))
    async with runtime_of(SERVICE, database_of("catalog_svc")) as runtime:
        await fill(runtime)
        found = {}
        async with client_of(runtime).as_("visitor", id="anonymous", scopes=("store",)) as visitor:
            for one in questions:
                params = {"q": one["question"], "limit": "1"}
                answer = (await visitor.get("/v1/store/sample/products", params=params)).json()
                found[one["question"]] = next((item["slug"] for item in answer["items"]), "")

    assert len(questions) >= 30
    assert found == {one["question"]: one["first"] for one in questions}
