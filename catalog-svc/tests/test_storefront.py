"""What the shop front shows: found, filtered, sorted, priced, in stock or not."""

from typing import Any

import pytest

from catalog_svc.rows import Row
from svc_contracts.events.base import Region
from svc_contracts.events.campaign import PromotionAvailable, PromotionExhausted, PromotionPriceChanged
from svc_contracts.events.order import OrderPlaced, OrderRejected, PlacedLine
from svc_kit.paging import encode

pytestmark = pytest.mark.anyio

AT = "2026-03-01T08:00:00Z"


async def shelf(demo: Any) -> dict[str, str]:
    """Three live articles in two categories: a 1000, b 2000 and c 3000; {slug: product}."""
    root = await demo.category("Tea")
    green = await demo.category("Green", parent_id=root)
    cups = await demo.category("Cups")
    items = [
        await demo.item(green, "A", 1000, slug="a", title={"en": "Green tea"}, brand="Cloud"),
        await demo.item(green, "B", 2000, slug="b", title={"en": "Greener tea"}, brand="Cloud"),
        await demo.item(cups, "C", 3000, slug="c", title={"en": "Tea cup"}),
    ]
    return dict(zip("abc", [one["id"] for one in await demo.live(*items)], strict=True))


def placed(order_id: str, product_id: str, units: int, attempt: int = 1) -> OrderPlaced:
    amounts = {"gross_minor": 100, "discount_minor": 0, "net_minor": 100}
    return OrderPlaced.model_validate(
        {
            "order_id": order_id,
            "attempt": attempt,
            "number": 1,
            "shop": "demo",
            "channel": "web",
            "person_id": "per_1",
            "region": Region(country="CN", province="Shanghai", city="Shanghai"),
            "currency": "CNY",
            "lines": [PlacedLine(line_id="l1", sku="A", product_id=product_id, quantity=units, **amounts)],
            "delivery_fee_minor": 0,
            "total_minor": 100,
            "payment_method": "sandbox",
            "placed_at": AT,
            "received_at": AT,
        }
    )


async def test_the_shop_tells_what_a_front_needs(demo: Any) -> None:
    await shelf(demo)

    shop = demo.done(await demo.visitor.get("/v1/store/demo"))

    assert (shop["shop"], shop["currency"], shop["locales"]) == ("demo", "CNY", ["zh-CN", "en"])
    assert [one["name"]["en"] for one in shop["categories"]] == ["Tea", "Green", "Cups"]
    assert shop["delivery_methods"][0]["fee"] == demo.money(0)


async def test_products_are_filtered_and_sorted(demo: Any) -> None:
    await shelf(demo)
    categories = {one["name"]["en"]: one["id"] for one in (await demo.products())["facets"]["categories"]}

    assert await demo.found(sort="price") == ["a", "b", "c"]
    assert await demo.found(sort="-price") == ["c", "b", "a"]
    assert await demo.found(category=categories["Tea"], sort="price") == ["a", "b"]
    assert await demo.found(category="cat_none") == []
    assert await demo.found(min_price_minor=1000, max_price_minor=2000, sort="price") == ["a", "b"]
    assert await demo.found(min_price_minor=1001, max_price_minor=1999) == []
    assert await demo.found(q="green tea", sort="-price") == ["b", "a"]


async def test_facets_count_everything_that_was_found(demo: Any) -> None:
    await shelf(demo)

    facets = (await demo.products(q="tea", limit=1))["facets"]

    counted = {one["name"]["en"]: one["count"] for one in facets["categories"]}
    assert (facets["total"], counted) == (3, {"Tea": 2, "Green": 2, "Cups": 1})
    assert facets["brands"] == [{"brand": "Cloud", "count": 2}]
    assert (facets["price_min"], facets["price_max"]) == (demo.money(1000), demo.money(3000))


@pytest.mark.parametrize("params", [{}, {"q": "tea"}, {"sort": "price"}, {"sort": "-price"}, {"sort": "sales"}])
async def test_pages_follow_one_another_without_gap_or_repetition(demo: Any, params: dict[str, str]) -> None:
    await shelf(demo)
    whole = await demo.found(**params)

    seen, cursor = [], None
    while True:
        page = await demo.products(limit=1, **params, **({"cursor": cursor} if cursor else {}))
        seen += [one["slug"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(whole) == ["a", "b", "c"]
    assert seen == whole


async def test_a_product_page_has_its_variants_with_price_and_availability(demo: Any) -> None:
    category = await demo.category()
    item = await demo.item(category, "S", 1000, slug="tee")
    item["variants"] = [{"sku": "S", "options": {"size": "S"}}, {"sku": "M", "options": {"size": "M"}}]
    item["listing"]["prices"].append({"sku": "M", "amount": demo.money(1200)})
    await demo.live(item)
    await demo.stock("S", 5)

    page = demo.done(await demo.visitor.get("/v1/store/demo/products/tee"))

    assert [(one["sku"], one["price"], one["availability"]) for one in page["variants"]] == [
        ("S", demo.money(1000), "in_stock"),
        ("M", demo.money(1200), "sold_out"),
    ]
    assert (page["product"]["slug"], page["product"]["availability"]) == ("tee", "in_stock")
    demo.refused(await demo.visitor.get("/v1/store/demo/products/none"), 404, "not-found")


async def test_availability_is_that_of_the_warehouses_that_serve_the_channel(demo: Any) -> None:
    await shelf(demo)

    async def availability() -> str:
        [item] = (await demo.products(q="cup"))["items"]
        return str(item["availability"])

    assert await availability() == "sold_out"
    await demo.deliver(demo.warehouse_changed("far", ["shop"]), demo.level_changed("C", 9, "in_stock", "far"))
    assert await availability() == "sold_out"
    await demo.stock("C", 2, "low")
    assert await availability() == "low"
    await demo.stock("C", 9)
    assert await availability() == "in_stock"
    await demo.deliver(demo.warehouse_changed("main", state="closed"))
    assert await availability() == "sold_out"


async def test_an_older_word_about_a_level_changes_nothing(demo: Any) -> None:
    await shelf(demo)
    await demo.stock("C", 9)
    demo.seqs["C@main"] = -5

    await demo.deliver(demo.level_changed("C", 0, "sold_out"))

    [item] = (await demo.products(q="cup"))["items"]
    assert item["availability"] == "in_stock"


async def test_a_bundle_is_as_available_as_its_scarcest_component(demo: Any) -> None:
    category = await demo.category()
    await demo.live(await demo.item(category, "A", slug="a"))
    bundle = await demo.item(category, "SET", 5000, slug="set")
    bundle["variants"] = [{"sku": "SET", "components": [{"sku": "A", "quantity": 3}]}]
    await demo.live(bundle)

    async def availability() -> str:
        page = demo.done(await demo.visitor.get("/v1/store/demo/products/set"))
        return str(page["variants"][0]["availability"])

    await demo.stock("A", 2)
    assert await availability() == "sold_out"
    await demo.stock("A", 3, "low")
    assert await availability() == "low"
    await demo.stock("A", 30)
    assert await availability() == "in_stock"


async def test_a_promotion_price_is_shown_while_it_is_in_force(demo: Any) -> None:
    await shelf(demo)

    def price(amount_minor: int | None, until: str | None = None) -> PromotionPriceChanged:
        sku = {"sku": "A", "amount_minor": amount_minor, "until": until}
        return PromotionPriceChanged.model_validate({"promotion_id": "prm_1", "shop": "demo", "skus": [sku]})

    async def shown() -> Any:
        return (await demo.products(q="green tea", sort="price"))["items"][0]["promotion_price"]

    await demo.deliver(price(900))
    assert await shown() == demo.money(900)
    await demo.deliver(PromotionExhausted.model_validate({"promotion_id": "prm_1", "at": AT}))
    assert await shown() is None
    await demo.deliver(PromotionAvailable.model_validate({"promotion_id": "prm_1", "at": AT}))
    assert await shown() == demo.money(900)
    await demo.deliver(price(1000))
    assert await shown() is None  # no lower than the price itself
    await demo.deliver(price(900, until="2020-01-01T00:00:00Z"))
    assert await shown() is None
    await demo.deliver(price(None))
    assert await shown() is None


async def test_sales_count_an_order_once_until_it_is_rejected(demo: Any) -> None:
    ids = await shelf(demo)
    rejected = OrderRejected.model_validate({"order_id": "ord_2", "reason": "stock_short", "at": AT})

    await demo.deliver(placed("ord_1", ids["b"], 2), placed("ord_1", ids["b"], 2, attempt=2))
    await demo.deliver(placed("ord_2", ids["c"], 5))
    before = await demo.found(sort="sales")
    await demo.deliver(rejected)

    assert before[:2] == ["c", "b"]
    items = {one["slug"]: one["sales_count"] for one in (await demo.products())["items"]}
    assert items == {"a": 0, "b": 2, "c": 0}


async def test_a_rejection_before_its_order_counts_nothing(demo: Any) -> None:
    ids = await shelf(demo)
    await demo.deliver(OrderRejected.model_validate({"order_id": "ord_1", "reason": "stock_short", "at": AT}))

    await demo.deliver(placed("ord_1", ids["a"], 5))

    assert {one["sales_count"] for one in (await demo.products())["items"]} == {0}


@pytest.mark.parametrize(
    "params", [{"sort": "colour"}, {"min_price_minor": -1}, {"limit": 201}, {"limit": 0}, {"q": "x" * 101}]
)
async def test_a_malformed_question_is_refused(demo: Any, params: dict[str, Any]) -> None:
    answer = await demo.visitor.get("/v1/store/demo/products", params=params)

    demo.refused(answer, 422, "validation-failed")


@pytest.mark.parametrize("cursor", [["a", "b"], [1], [2**63, "lst_1"], "x", {"a": 1}, None])
async def test_a_cursor_of_another_list_is_refused(demo: Any, cursor: Any) -> None:
    answer = await demo.visitor.get("/v1/store/demo/products", params={"cursor": encode(cursor)})

    assert demo.refused(answer, 422, "validation-failed") == ["/cursor"]


@pytest.mark.parametrize("typed", ["!?", "'; DROP TABLE shop --", "a & b | !c", "\\", "%", "茶:*A"])
async def test_what_looks_like_a_query_language_is_only_words(demo: Any, typed: str) -> None:
    answer = await demo.visitor.get("/v1/store/demo/products", params={"q": typed})

    assert demo.done(answer)["items"] == []


async def test_the_migrated_tables_are_those_that_the_rooms_declare(demo: Any) -> None:
    async with demo.runtime.db.read() as con:
        rows = await con.fetch(
            "SELECT table_name, column_name, is_nullable = 'YES' AS nullable FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = ANY($1::text[])",
            list(Row.metadata.tables),
        )

    declared = {(t.name, c.name, bool(c.nullable)) for t in Row.metadata.tables.values() for c in t.columns}
    assert {(row["table_name"], row["column_name"], row["nullable"]) for row in rows} == declared
