"""Products and variants over their routes."""

from typing import Any

import pytest

pytestmark = pytest.mark.anyio


async def product(catalog: Any, **body: Any) -> Any:
    given = {"category_id": await catalog.category(), "title": {"en": "Green tea"}, **body}
    return await catalog.merchant.post("/v1/admin/products", json=given)


async def test_a_product_is_created_with_its_variants_and_told_once(catalog: Any) -> None:
    variants = [{"sku": "A-1", "options": {"size": "S"}}, {"sku": "A-2", "options": {"size": "M"}}]

    made = catalog.done(await product(catalog, slug="green-tea", brand="Cloud", variants=variants), 201)

    assert catalog.done(await catalog.merchant.get(f"/v1/admin/products/{made['id']}")) == made
    [said] = await catalog.said(about=made["id"])
    assert (said.type, said.seq, said.data["skus"], said.data["slug"]) == (
        "product.changed",
        1,
        ["A-1", "A-2"],
        "green-tea",
    )


async def test_a_product_without_a_slug_gets_a_readable_one(catalog: Any) -> None:
    made = catalog.done(await product(catalog), 201)

    assert made["slug"].startswith("green-tea-")


async def test_every_fault_of_a_product_is_told_at_once_and_nothing_is_written(catalog: Any) -> None:
    attributes = [{"key": "weight", "input": "number"}]
    category_id = await catalog.category(attributes=attributes)
    before = len(await catalog.said())
    body = {
        "category_id": category_id,
        "attributes": {"weight": "heavy", "shape": "round"},
        "media": [{"url": "/media/" + "0" * 64}],
        "variants": [
            {"sku": "A", "options": {"size": "S"}},
            {"sku": "A", "options": {"size": "S"}, "gtin": "4006381333932"},
            {"sku": "SET", "options": {"size": "X"}, "components": [{"sku": "NONE", "quantity": 2}]},
        ],
    }

    answer = await product(catalog, **body)

    assert catalog.refused(answer, 422, "validation-failed") == [
        "/media/0/url",
        "/attributes/weight",
        "/attributes/shape",
        "/variants/1/sku",
        "/variants/1/options",
        "/variants/1/gtin",
        "/variants/2/components/0/sku",
    ]
    assert catalog.done(await catalog.merchant.get("/v1/admin/products"))["items"] == []
    assert len(await catalog.said()) == before + 1  # the category that `product` adds


async def test_a_sku_or_a_slug_that_is_taken_is_refused(catalog: Any) -> None:
    catalog.done(await product(catalog, slug="tea", variants=[{"sku": "A"}]), 201)

    sku = await product(catalog, variants=[{"sku": "B", "options": {"s": "1"}}, {"sku": "A", "options": {"s": "2"}}])
    slug = await product(catalog, slug="tea", variants=[{"sku": "C"}])

    assert catalog.refused(sku, 409, "sku-taken") == ["/variants/1/sku"]
    assert catalog.refused(slug, 409, "slug-taken") == ["/slug"]
    assert len(catalog.done(await catalog.merchant.get("/v1/admin/products"))["items"]) == 1


async def test_a_bundle_is_made_of_skus_that_are_there(catalog: Any) -> None:
    catalog.done(await product(catalog, variants=[{"sku": "A"}]), 201)
    bundle = {"sku": "SET", "components": [{"sku": "A", "quantity": 2}]}

    made = catalog.done(await product(catalog, variants=[bundle]), 201)
    of_bundles = await product(catalog, variants=[{"sku": "BIG", "components": [{"sku": "SET", "quantity": 1}]}])

    assert made["variants"][0]["components"] == [{"sku": "A", "quantity": 2}]
    assert catalog.refused(of_bundles, 422, "validation-failed") == ["/variants/0/components/0/sku"]


async def test_a_variant_is_added_where_its_options_are_new(catalog: Any) -> None:
    made = catalog.done(await product(catalog, variants=[{"sku": "A", "options": {"size": "S"}}]), 201)
    path = f"/v1/admin/products/{made['id']}/variants"

    added = await catalog.merchant.post(path, json={"sku": "B", "options": {"size": "M"}})
    same = await catalog.merchant.post(path, json={"sku": "C", "options": {"size": "M"}})
    other = await catalog.merchant.post(path, json={"sku": "C", "options": {"colour": "red"}})
    taken = await catalog.merchant.post(path, json={"sku": "A", "options": {"size": "L"}})

    assert [one["sku"] for one in catalog.done(added, 201)["variants"]] == ["A", "B"]
    assert catalog.refused(same, 422, "validation-failed") == ["/options"]
    assert catalog.refused(other, 422, "validation-failed") == ["/options"]
    assert catalog.refused(taken, 409, "sku-taken") == ["/sku"]
    assert [one.data["skus"] for one in await catalog.said(about=made["id"])] == [["A"], ["A", "B"]]


async def test_a_change_needs_the_version_and_keeps_what_it_does_not_name(catalog: Any) -> None:
    made = catalog.done(await product(catalog, brand="Cloud", keywords=["tea"], variants=[{"sku": "A"}]), 201)
    path = f"/v1/admin/products/{made['id']}"

    changed = catalog.done(
        await catalog.merchant.patch(path, json={"version": 1, "title": {"zh": "绿茶"}, "brand": None})
    )
    stale = await catalog.merchant.patch(path, json={"version": 1, "title": {"zh": "红茶"}})
    weighed = catalog.done(await catalog.merchant.patch(f"{path}/variants/A", json={"version": 2, "weight_g": 250}))

    assert (changed["title"], changed["brand"], changed["keywords"]) == ({"zh": "绿茶"}, None, ["tea"])
    catalog.refused(stale, 409, "stale-version")
    assert (weighed["variants"][0]["weight_g"], weighed["version"]) == (250, 3)


@pytest.mark.parametrize(
    "body",
    [
        {"colour": "red"},
        {"title": {}},
        {"title": {"fr": "Thé"}},
        {"title": {"en": "x" * 201}},
        {"slug": "Not a slug"},
        {"variants": [{"sku": "a b"}]},
        {"variants": [{"sku": f"A-{n}", "options": {"n": str(n)}} for n in range(101)]},
        {"media": [{"url": "javascript:alert(1)"}]},
        {"media": [{"url": "http://example.org/a.png"}]},
        {"keywords": ["k"] * 51},
        {"role": "villain"},
        {"title": {"en": "a\0b"}},
        {"attributes": {"a\0": 1}},
    ],
)
async def test_a_malformed_product_is_refused(catalog: Any, body: dict[str, Any]) -> None:
    catalog.refused(await product(catalog, **body), 422, "validation-failed")


async def test_pictures_are_kept_once_and_served_for_good(catalog: Any) -> None:
    first, again = await catalog.image(), await catalog.image()
    answer = await catalog.visitor.get(first)

    assert first == again
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "image/svg+xml")
    assert "immutable" in answer.headers["Cache-Control"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    catalog.refused(await catalog.visitor.get("/media/" + "0" * 64), 404, "not-found")


async def test_what_is_no_picture_or_too_large_is_refused(catalog: Any) -> None:
    text = await catalog.merchant.post("/v1/admin/media", content=b"hello")
    large = await catalog.merchant.post("/v1/admin/media", content=b"\x89PNG\r\n\x1a\n" + b"0" * 5 * 1024 * 1024)

    catalog.refused(text, 422, "validation-failed")
    catalog.refused(large, 413, "payload-too-large")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/admin/shops"),
        ("POST", "/v1/admin/categories"),
        ("POST", "/v1/admin/products"),
        ("POST", "/v1/admin/products/bulk"),
        ("POST", "/v1/admin/media"),
        ("POST", "/v1/admin/price-lists"),
        ("POST", "/v1/admin/listings"),
        ("POST", "/v1/admin/listings/lst_1/submit"),
        ("POST", "/v1/admin/listings/lst_1/approve"),
    ],
)
async def test_who_may_only_read_may_not_write(catalog: Any, method: str, path: str) -> None:
    reader = await catalog.staff("stf_reader", ("catalog:read",))

    answer = await reader.request(method, path, json={}, headers={"Idempotency-Key": "k"})

    catalog.refused(answer, 403, "forbidden")


async def test_money_of_the_bulk_is_the_shops(demo: Any) -> None:
    item = await demo.item(await demo.category(), "A")
    item["listing"]["prices"] = [{"sku": "A", "amount": demo.money(1, "USD")}, {"sku": "B", "amount": demo.money(1)}]

    [result] = await demo.bring(item)

    assert (result["http_status"], result["id"]) == (422, None)
    assert [one["pointer"] for one in result["problem"]["errors"]] == [
        "/items/0/listing/prices/0/amount/currency",
        "/items/0/listing/prices/1/sku",
    ]
    assert demo.done(await demo.merchant.get("/v1/admin/products"))["items"] == []
