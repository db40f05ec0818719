"""The bodies that are sent are those that the services take, read by the services' own contracts."""

from typing import Any

import orjson
import pytest

from catalog_svc.categories.api import NewCategory
from catalog_svc.media.rules import picture
from catalog_svc.products.bodies import BulkBody
from catalog_svc.shops.api import NewShop
from inventory_svc.fulfilment.api import Bulk
from inventory_svc.stock.api import NewReceipt
from inventory_svc.warehouses.api import NewWarehouse
from order_svc.channels.api import Bulk as ChannelBulk
from order_svc.orders.api.bodies import Checkout
from order_svc.quotes.api import NewQuote
from svc_local.demo import bodies
from svc_local.demo.baskets import Basket, Stock, batches
from svc_local.demo.replaying import ACTIONS, LINES_PER_BULK, ORDERS_PER_BULK
from svc_local.demo.selection import Selection
from svc_local.sample.stocking import parts

SELECTION = Selection(40)
BODY_BYTES_MAX = 1_048_576  # svc_kit.settings: body_bytes_max
IMAGE = "/media/" + "0" * 64


def test_shop_warehouse_and_categories_are_taken() -> None:
    for selection in (SELECTION, Selection(None, tampered=True)):
        shop = NewShop.model_validate(bodies.shop_body(selection))
        warehouse = NewWarehouse.model_validate(bodies.warehouse_body(selection))
        assert (shop.slug, shop.currency, shop.time_zone) == (selection.shop, "USD", "UTC")
        assert warehouse.channels == [shop.channel]
    assert NewCategory.model_validate(bodies.category_body("TEA", parent_id="cat_1")).parent_id == "cat_1"
    assert NewCategory.model_validate(bodies.category_body("TEA", parent_id=None)).parent_id is None


def test_all_products_are_taken_two_hundred_at_a_time(goods: Stock) -> None:
    items = [bodies.product_body(SELECTION, one, category_id="cat_1", image_url=IMAGE) for one in goods.articles]

    for some in parts(items, 200):
        encoded = orjson.dumps({"items": some})
        assert len(encoded) < BODY_BYTES_MAX
        BulkBody.model_validate_json(encoded)
    assert len({item["slug"] for item in items}) == len(items)


def test_receipts_hold_exactly_what_the_baskets_take(goods: Stock) -> None:
    deliveries = [bodies.receipt_body(SELECTION, n, some) for n, some in enumerate(parts(goods.articles, 1_000), 1)]

    taken = [NewReceipt.model_validate(one) for one in deliveries]

    assert [one.reference for one in taken] == [f"journey-40-{n:04d}" for n in range(1, 10)]
    assert sum(line.quantity for one in taken for line in one.lines) == 3_937_320


def test_the_amounts_of_every_order_fit_together(goods: Stock) -> None:
    for basket in goods.baskets:
        body = bodies.order_body(SELECTION, basket)
        lines = body["lines"]
        assert sum(minor(line["net"]) for line in lines) == minor(body["total"])
        assert all(minor(line["gross"]) - minor(line["discount"]) == minor(line["net"]) >= 0 for line in lines)
        assert {one["currency"] for line in lines for one in (line["gross"], line["net"])} == {"USD"}


def minor(amount: dict[str, Any]) -> int:
    return int(amount["amount_minor"])


def test_an_order_brings_the_data_s_own_time_number_and_buyer(goods: Stock) -> None:
    basket: Basket = goods.baskets[0]

    body = bodies.order_body(SELECTION, basket)

    assert body["external_id"] == str(basket.id)
    assert body["placed_at"] == body["paid_at"] == basket.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert body["buyer_ref"] == f"household-{basket.household}"
    assert body["shop"] == "journey-40"


def test_all_orders_are_taken_in_bulks_below_the_size_of_a_body(goods: Stock) -> None:
    taken = 0
    for some in batches(goods.baskets, orders_max=ORDERS_PER_BULK, lines_max=LINES_PER_BULK):
        encoded = orjson.dumps(bodies.orders_body(SELECTION, some))
        assert len(encoded) < BODY_BYTES_MAX
        taken += len(ChannelBulk.model_validate_json(encoded).items)
    assert taken == 2_776


def test_one_more_is_asked_for_as_a_shop_front_asks(goods: Stock) -> None:
    Checkout.model_validate(bodies.one_more_body(SELECTION, goods.articles[0]))
    NewQuote.model_validate(bodies.quote_body(SELECTION, goods.articles[:200]))


@pytest.mark.parametrize("action", ACTIONS)
def test_the_steps_of_fulfilment_are_taken(action: str) -> None:
    step = Bulk.model_validate(bodies.step_body(action, ["ful_01", "ful_02"]))

    assert [one.id for one in step.items] == ["ful_01", "ful_02"]
    assert [one.tracking_no for one in step.items] == (["FUL_01", "FUL_02"] if action == "ship" else [None, None])


def test_skus_carry_the_shop_and_come_back_as_the_data_s_numbers() -> None:
    sku = bodies.sku(SELECTION, 1_082_185)

    assert sku == "journey-40-1082185"
    assert bodies.product_of(SELECTION, sku) == "1082185"
    assert bodies.product_of(Selection(4), sku) == sku


def test_pictures_are_ours_and_pass_the_catalogue_s_gate(goods: Stock) -> None:
    for department in {one.department for one in goods.articles}:
        kind, content = picture(bodies.svg(department))
        assert (kind, content.count(b"<svg")) == ("image/svg+xml", 1)
