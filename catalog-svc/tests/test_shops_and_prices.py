"""Shops, categories and price lists over their routes."""

from typing import Any

import pytest

from catalog_svc.listings.commands.announcing import reprice_due

pytestmark = pytest.mark.anyio


async def test_a_shop_is_founded_opened_changed_and_suspended(catalog: Any) -> None:
    body = {
        "slug": "demo",
        "name": {"zh": "演示", "en": "Demo"},
        "channel": "web",
        "delivery_methods": [
            {"id": "std", "name": {"en": "Standard"}, "fee": catalog.money(800), "free_from": catalog.money(9900)}
        ],
    }

    founded = await catalog.merchant.post("/v1/admin/shops", json=body)
    opened = await catalog.merchant.post("/v1/admin/shops/demo/open", json={"version": 1})
    changed = await catalog.merchant.patch("/v1/admin/shops/demo", json={"version": 2, "unpaid_expiry_seconds": 60})
    suspended = await catalog.merchant.post("/v1/admin/shops/demo/suspend", json={"version": 3})

    assert (catalog.done(founded, 201)["state"], founded.headers["Location"]) == ("draft", "/v1/admin/shops/demo")
    assert [catalog.done(one)["state"] for one in (opened, changed, suspended)] == ["open", "open", "suspended"]
    said = await catalog.said(about="demo")
    assert [(one.type, one.seq, one.data["state"]) for one in said] == [
        ("shop.changed", 1, "draft"),
        ("shop.changed", 2, "open"),
        ("shop.changed", 3, "open"),
        ("shop.changed", 4, "suspended"),
    ]
    assert said[2].data["unpaid_expiry_seconds"] == 60
    assert said[0].data["delivery_methods"] == [
        {"id": "std", "name": {"en": "Standard"}, "fee_minor": 800, "free_from_minor": 9900}
    ]


async def test_a_taken_slug_a_stale_version_and_a_wrong_turn_change_nothing(demo: Any) -> None:
    taken = await demo.merchant.post("/v1/admin/shops", json={"slug": "demo", "name": {"en": "x"}, "channel": "web"})
    stale = await demo.merchant.patch("/v1/admin/shops/demo", json={"version": 1, "name": {"en": "x"}})
    twice = await demo.merchant.post("/v1/admin/shops/demo/open", json={"version": 2})

    assert demo.refused(taken, 409, "shop-taken") == ["/slug"]
    demo.refused(stale, 409, "stale-version")
    demo.refused(twice, 409, "illegal-transition")
    assert (twice.json()["state"], twice.json()["possible"]) == ("open", ["suspend"])
    assert len(await demo.said()) == 2


async def test_fees_in_another_currency_and_repeated_methods_are_told_together(catalog: Any) -> None:
    method = {"id": "std", "name": {"en": "Standard"}, "fee": catalog.money(800, "USD")}
    body = {"slug": "demo", "name": {"en": "x"}, "channel": "web", "delivery_methods": [method, method]}

    answer = await catalog.merchant.post("/v1/admin/shops", json=body)

    assert catalog.refused(answer, 422, "validation-failed") == [
        "/delivery_methods/0/fee/currency",
        "/delivery_methods/1/id",
        "/delivery_methods/1/fee/currency",
    ]
    assert await catalog.said() == []


async def test_a_shop_that_is_not_open_has_no_front(catalog: Any) -> None:
    await catalog.merchant.post("/v1/admin/shops", json={"slug": "demo", "name": {"en": "x"}, "channel": "web"})

    for path in ("/v1/store/demo", "/v1/store/demo/products", "/v1/store/none"):
        catalog.refused(await catalog.visitor.get(path), 404, "not-found")


async def test_staff_of_another_shop_do_not_see_this_one(demo: Any) -> None:
    other = await demo.staff("stf_other", ("*",), shops=["elsewhere"])

    answers = [
        await other.get("/v1/admin/shops/demo"),
        await other.patch("/v1/admin/shops/demo", json={"version": 2, "name": {"en": "x"}}),
        await other.post("/v1/admin/shops/demo/suspend", json={}),
        await other.post("/v1/admin/price-lists", json={"shop": "demo", "position": 1}),
    ]

    assert [one.status_code for one in answers] == [404] * 4
    assert demo.done(await other.get("/v1/admin/shops"))["items"] == []


async def test_categories_stand_in_a_tree_and_tell_their_path(catalog: Any) -> None:
    root = await catalog.category("Tea")
    leaf = await catalog.category("Green", parent_id=root)
    nowhere = await catalog.merchant.post("/v1/admin/categories", json={"name": {"en": "x"}, "parent_id": "cat_none"})

    assert catalog.refused(nowhere, 422, "wrong-parent") == ["/parent_id"]
    said = await catalog.said(type="category.changed")
    assert [(one.key, one.data["path"]) for one in said] == [(root, [root]), (leaf, [root, leaf])]


async def test_a_category_goes_no_deeper_than_six(catalog: Any) -> None:
    parent: str | None = None
    for n in range(6):
        parent = await catalog.category(f"level {n}", parent_id=parent)

    answer = await catalog.merchant.post("/v1/admin/categories", json={"name": {"en": "x"}, "parent_id": parent})

    assert catalog.refused(answer, 422, "wrong-parent") == ["/parent_id"]


@pytest.mark.parametrize(
    "attribute",
    [
        {"key": "a", "input": "choice"},
        {"key": "a", "input": "text", "values": ["x"]},
        {"key": "a", "input": "text", "variant_defining": True},
        {"key": "A b", "input": "text"},
        {"key": "a", "input": "colour"},
    ],
)
async def test_an_attribute_that_makes_no_sense_is_refused(catalog: Any, attribute: dict[str, Any]) -> None:
    body = {"name": {"en": "x"}, "attributes": [attribute]}

    catalog.refused(await catalog.merchant.post("/v1/admin/categories", json=body), 422, "validation-failed")
    assert await catalog.said() == []


async def test_changing_a_category_tells_and_rewrites_no_product(catalog: Any) -> None:
    id = await catalog.category("Tea")
    body = {"version": 1, "attributes": [{"key": "origin", "input": "text", "required": True}]}

    changed = catalog.done(await catalog.merchant.patch(f"/v1/admin/categories/{id}", json=body))
    stale = await catalog.merchant.patch(f"/v1/admin/categories/{id}", json=body)

    assert [one["key"] for one in changed["attributes"]] == ["origin"]
    catalog.refused(stale, 409, "stale-version")
    assert [one.seq for one in await catalog.said(about=id)] == [1, 2]


async def test_the_first_matching_price_list_by_position_wins_and_travels_whole(demo: Any) -> None:
    [brought] = await demo.live(await demo.item(await demo.category(), "A", 1000))
    ahead = {"shop": "demo", "name": "ahead", "position": 5, "rules": {"channels": ["web"]}}
    made = demo.done(await demo.merchant.post("/v1/admin/price-lists", json=ahead), 201)

    demo.done(await demo.merchant.put(f"/v1/admin/price-lists/{made['id']}/prices/A", json={"price": demo.money(900)}))

    [shown] = (await demo.products())["items"]
    assert shown["price"] == demo.money(900)
    prices = (await demo.said(about=brought["listing_id"]))[-1].data["skus"][0]["prices"]
    assert [(one["position"], one["amount_minor"]) for one in prices] == [(5, 900), (1000, 1000)]
    assert prices[0]["rules"]["channels"] == ["web"]


async def test_an_inactive_list_no_longer_counts(demo: Any) -> None:
    await demo.live(await demo.item(await demo.category(), "A", 1000))
    made = demo.done(await demo.merchant.post("/v1/admin/price-lists", json={"shop": "demo", "position": 5}), 201)
    path = f"/v1/admin/price-lists/{made['id']}"
    await demo.merchant.put(f"{path}/prices/A", json={"price": demo.money(900)})

    demo.done(await demo.merchant.patch(path, json={"version": 1, "state": "inactive"}))

    [shown] = (await demo.products())["items"]
    assert shown["price"] == demo.money(1000)


async def test_a_price_that_begins_later_is_shown_from_then_on(demo: Any) -> None:
    [brought] = await demo.live(await demo.item(await demo.category(), "A", 1000))
    body = {"shop": "demo", "position": 5, "state": "scheduled", "window": {"from": "2099-01-01T00:00:00Z"}}
    made = demo.done(await demo.merchant.post("/v1/admin/price-lists", json=body), 201)
    path = f"/v1/admin/price-lists/{made['id']}"
    demo.done(await demo.merchant.put(f"{path}/prices/A", json={"price": demo.money(900)}))
    before = await demo.found(max_price_minor=999)

    window = {"from": "2020-01-01T00:00:00Z"}
    demo.done(await demo.merchant.patch(path, json={"version": 1, "state": "active", "window": window}))

    assert (before, len(await demo.found(max_price_minor=999))) == ([], 1)
    async with demo.runtime.db.transaction() as tx:
        await reprice_due(tx, [brought["listing_id"]])
    assert len(await demo.found(max_price_minor=999)) == 1


async def test_a_price_in_another_currency_or_of_an_unknown_sku_is_refused(demo: Any) -> None:
    await demo.live(await demo.item(await demo.category(), "A", 1000))
    [first] = demo.done(await demo.merchant.get("/v1/admin/price-lists", params={"shop": "demo"}))["items"]
    path = f"/v1/admin/price-lists/{first['id']}/prices"

    dollars = await demo.merchant.put(f"{path}/A", json={"price": demo.money(900, "USD")})
    unknown = await demo.merchant.put(f"{path}/B", json={"price": demo.money(900)})

    assert demo.refused(dollars, 422, "wrong-price") == ["/price/currency"]
    demo.refused(unknown, 404, "not-found")
    assert demo.done(await demo.merchant.get(path))["items"] == [{"sku": "A", "price": demo.money(1000)}]


async def test_a_shop_has_ten_price_lists_at_most(demo: Any) -> None:
    answers = [
        await demo.merchant.post("/v1/admin/price-lists", json={"shop": "demo", "position": n}) for n in range(10)
    ]

    assert [one.status_code for one in answers] == [201] * 9 + [409]
    demo.refused(answers[-1], 409, "too-many-price-lists")
