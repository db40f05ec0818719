"""The same things at the same time, in transactions of their own."""

import asyncio
from typing import Any

import pytest

from catalog_svc.listings.commands.steps import Step, take_step
from catalog_svc.products.commands.creating import NewProduct, create_product
from catalog_svc.products.rules import Variant
from svc_kit.refusals import Refusal

pytestmark = pytest.mark.anyio


async def test_of_eight_products_with_one_sku_exactly_one_is_created(demo: Any) -> None:
    category = await demo.category()

    async def create(n: int) -> str:
        try:
            async with demo.runtime.db.transaction() as tx:
                item = NewProduct(category, {"en": "Tea"}, slug=f"tea-{n}", variants=(Variant("A"),))
                await create_product(tx, item)
        except Refusal as refusal:
            return refusal.slug
        return "created"

    outcomes = await asyncio.gather(*(create(n) for n in range(8)))

    assert sorted(outcomes) == ["created"] + ["sku-taken"] * 7
    assert len(await demo.said(type="product.changed")) == 1


async def test_a_listing_paused_and_repriced_at_once_tells_gap_free_and_ends_paused(demo: Any) -> None:
    [brought] = await demo.live(await demo.item(await demo.category(), "A", 1000))
    [first] = demo.done(await demo.merchant.get("/v1/admin/price-lists", params={"shop": "demo"}))["items"]

    async def pause() -> None:
        async with demo.runtime.db.transaction() as tx:
            await take_step(tx, "pause", Step(brought["listing_id"]))

    async def reprice(amount_minor: int) -> None:
        path = f"/v1/admin/price-lists/{first['id']}/prices/A"
        demo.done(await demo.merchant.put(path, json={"price": demo.money(amount_minor)}))

    await asyncio.gather(*(reprice(n) for n in range(900, 904)), pause(), *(reprice(n) for n in range(904, 908)))

    said = await demo.said(about=brought["listing_id"])
    assert [one.seq for one in said] == list(range(1, len(said) + 1))
    assert (said[-1].data["state"], await demo.found()) == ("paused", [])
    [price] = demo.done(await demo.merchant.get(f"/v1/admin/price-lists/{first['id']}/prices"))["items"]
    assert said[-1].data["skus"][0]["prices"][0]["amount_minor"] == price["price"]["amount_minor"]


async def test_bulks_that_cross_do_not_deadlock(demo: Any) -> None:
    category = await demo.category()
    brought = await demo.live(*[await demo.item(category) for _ in range(20)])
    ids = [one["listing_id"] for one in brought]

    outcomes = await asyncio.gather(demo.act("pause", *ids), demo.act("pause", *reversed(ids)))

    statuses = sorted(one["http_status"] for results in outcomes for one in results)
    assert statuses == [200] * 20 + [409] * 20
