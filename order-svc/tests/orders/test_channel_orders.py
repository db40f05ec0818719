"""Orders of other channels: with the channel's own amounts and times, each exactly once."""

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.anyio
BULK = "/v1/admin/channel-orders/bulk"
House = Any


async def bulk(house: House, items: list[dict[str, Any]], *, key: str = "b1", channel: str = "mall") -> Any:
    body = {"channel": channel, "items": items}
    return await house.staff("orders:import").post(BULK, json=body, headers={"Idempotency-Key": key})


def item(house: House, external_id: str, **changes: Any) -> dict[str, Any]:
    return {**house.channel_order(**changes), "external_id": external_id}


async def test_a_prepaid_order_confirms_by_itself_with_the_channels_own_times(house: House) -> None:
    answer = await house.imported("M-1")
    order = answer.json()
    assert (answer.status_code, order["status"], order["external_id"], order["channel"]) == (
        201,
        "placed",
        "M-1",
        "mall",
    )
    assert order["placed_at"] == "2026-02-01T08:00:00Z"
    assert answer.headers["Location"] == f"/v1/admin/orders/{order['id']}"
    await house.hears(house.reserved(order["id"]))
    assert await house.types(order["id"]) == ["order.placed", "payment.recorded", "order.paid", "order.confirmed"]
    [paid] = await house.said(order["id"], "order.paid")
    assert (paid.data["paid_at"], paid.data["paid_minor"], paid.data["method"]) == (
        "2026-02-01T08:01:00Z",
        2_800,
        "channel",
    )
    [placed] = await house.said(order["id"], "order.placed")
    assert (placed.data["placed_at"], placed.data["received_at"]) == ("2026-02-01T08:00:00Z", "2026-03-02T02:00:00Z")
    # T1 runs from when we learnt of it, not from the channel's own time.
    assert (await house.seen(order["id"])).status.value == "confirmed"


async def test_the_same_content_again_is_the_same_order_and_other_content_is_refused(house: House) -> None:
    first = await house.imported("M-1")
    again = await house.imported("M-1")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    other = await house.imported("M-1", buyer_ref="someone else")
    assert (other.status_code, other.json()["type"]) == (409, "/problems/channel-order-changed")
    assert other.json()["order_id"] == first.json()["id"]
    assert [await house.rows(name) for name in ("orders", "address", "outbox", "channel_buyer")] == [1, 1, 1, 1]


async def test_one_person_per_channel_and_buyer(house: House) -> None:
    ids = [
        (await house.imported(external_id, buyer_ref=buyer)).json()["id"]
        for external_id, buyer in (("M-1", "b1"), ("M-2", "b2"), ("M-3", "b1"))
    ]
    persons = [(await house.seen(order_id)).person_id for order_id in ids]
    assert persons[0] == persons[2] != persons[1]


async def test_short_goods_hold_the_order_and_releasing_asks_for_them_again(house: House) -> None:
    order_id = (await house.imported("M-1")).json()["id"]
    await house.hears(house.refused(order_id))
    assert await house.status(order_id) == "on_hold"
    [held] = await house.said(order_id, "order.held")
    assert held.data["reasons"] == ["stock_short"]
    staff = house.staff()
    version = (await staff.get(f"/v1/admin/orders/{order_id}")).json()["version"]
    approved = await staff.post(f"/v1/admin/orders/{order_id}/approve", json={"version": version})
    assert (approved.status_code, approved.json()["status"]) == (200, "placed")
    assert [event.data["attempt"] for event in await house.said(order_id, "order.placed")] == [1, 2]
    first, second = (event.data["lines"] for event in await house.said(order_id, "order.placed"))
    assert first == second
    await house.hears(house.refused(order_id))  # the first attempt's word again
    assert await house.status(order_id) == "placed"
    await house.hears(house.reserved(order_id, attempt=2))
    assert await house.status(order_id) == "confirmed"


async def test_an_order_that_nobody_decides_about_waits_for_a_person(house: House) -> None:
    order_id = (await house.imported("M-1")).json()["id"]
    house.later(minutes=15)
    await house.fire()
    assert await house.status(order_id) == "on_hold"


async def test_a_total_of_nothing_is_an_order_like_any_other(house: House) -> None:
    line = {"sku": "A", "quantity": 2, "gross": house.amount(500), "discount": house.amount(500)}
    free = {"lines": [{**line, "net": house.amount(0)}], "delivery_fee": house.amount(0), "total": house.amount(0)}
    order_id = (await house.imported("M-1", **free)).json()["id"]
    await house.hears(house.reserved(order_id))
    order = await house.seen(order_id)
    assert (order.status.value, order.payment_status.value, order.total_minor) == ("confirmed", "paid", 0)


async def test_amounts_that_do_not_add_up_are_refused_one_by_one(house: House) -> None:
    line = {"sku": "A", "quantity": 2, "gross": house.amount(2_000), "discount": house.amount(100)}
    wrong = {"lines": [{**line, "net": house.amount(2_000)}], "total": house.amount(1)}
    answer = await house.imported("M-1", **wrong)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/totals-mismatch")
    assert [(one["pointer"], one["expected_minor"]) for one in answer.json()["errors"]] == [
        ("/lines/0/net", 1_900),
        ("/total", 2_800),
    ]
    assert await house.is_untouched()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"shop": "nowhere"}, "/shop"),
        ({"shop": "demo"}, "/shop"),  # another channel's
        ({"delivery_fee": {"amount_minor": 800, "currency": "USD"}}, "/delivery_fee/currency"),
        ({"colour": "red"}, "/colour"),
        ({"lines": []}, "/lines"),
        ({"placed_at": "2026-02-01 08:00"}, "/placed_at"),
        ({"buyer_ref": ""}, "/buyer_ref"),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_changes_nothing(
    house: House, changes: dict[str, Any], pointer: str
) -> None:
    answer = await house.imported("M-1", **changes)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation-failed")
    assert pointer in {one["pointer"] for one in answer.json()["errors"]}
    assert await house.is_untouched()


async def test_only_importers_import_and_only_for_their_shops(house: House) -> None:
    path, body = "/v1/admin/channel-orders/mall/M-1", house.channel_order()
    assert (await house.staff("orders:read").put(path, json=body)).status_code == 403
    assert (await house.staff("orders:import", shops=["demo"]).put(path, json=body)).status_code == 422
    assert await house.is_untouched()


async def test_a_bulk_answers_item_by_item_in_one_transaction(house: House) -> None:
    await house.imported("M-1")
    wrong = item(house, "M-4", total=house.amount(1))
    items = [item(house, "M-1"), item(house, "M-2"), item(house, "M-3"), wrong, item(house, "M-2")]
    items.append(item(house, "M-3", buyer_ref="someone else"))
    answer = await bulk(house, items)
    results = answer.json()["results"]
    assert answer.status_code == 200
    assert [(one["external_id"], one["http_status"]) for one in results] == [
        ("M-1", 200),
        ("M-2", 201),
        ("M-3", 201),
        ("M-4", 422),
        ("M-2", 200),  # of the same name twice the first counts
        ("M-3", 409),
    ]
    assert results[1]["order_id"] == results[4]["order_id"]
    assert [one["problem"]["type"] for one in results if one["problem"]] == [
        "/problems/totals-mismatch",
        "/problems/channel-order-changed",
    ]
    assert await house.rows("orders") == 3
    async with house.runtime.db.read() as con:
        assert await con.fetchval("SELECT count(DISTINCT xmin::text) FROM orders") == 2


async def test_a_repeated_bulk_answers_the_same(house: House) -> None:
    items = [item(house, f"M-{n}") for n in range(5)]
    first = await bulk(house, items)
    again = await bulk(house, items)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    other_key = await bulk(house, items, key="b2")
    assert [one["http_status"] for one in other_key.json()["results"]] == [200] * 5
    assert await house.rows("orders") == 5


async def test_a_bulk_takes_two_hundred_and_not_one_more(house: House) -> None:
    items = [item(house, f"M-{n}", buyer_ref=f"b{n % 7}") for n in range(201)]
    refused = await bulk(house, items)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/validation-failed")
    assert await house.is_untouched()
    answer = await bulk(house, items[:200], key="b2")
    assert {one["http_status"] for one in answer.json()["results"]} == {201}
    assert [await house.rows(name) for name in ("orders", "outbox", "channel_buyer")] == [200, 200, 7]
    missing = await house.staff("orders:import").post(BULK, json={"channel": "mall", "items": items[:1]})
    assert (missing.status_code, missing.json()["type"]) == (400, "/problems/idempotency-key-missing")


async def test_the_same_orders_imported_at_once_from_many_sides_exist_once(house: House) -> None:
    items = [item(house, f"M-{n}", buyer_ref=f"b{n % 3}") for n in range(20)]
    orders = [items, items[::-1], items[10:] + items[:10], items[5:] + items[:5]]
    answers = await asyncio.gather(*(bulk(house, some, key=f"b{n}") for n, some in enumerate(orders)))
    assert [answer.status_code for answer in answers] == [200] * 4
    found = [{one["external_id"]: one["order_id"] for one in answer.json()["results"]} for answer in answers]
    assert found[0] == found[1] == found[2] == found[3]
    assert [await house.rows(name) for name in ("orders", "address", "outbox", "channel_buyer")] == [20, 20, 20, 3]


async def test_goods_that_no_listing_has_are_taken_as_the_channel_names_them(house: House) -> None:
    line = {"sku": "M-SKU", "quantity": 2, "gross": house.amount(2_000), "discount": house.amount(0)}
    order_id = (await house.imported("M-1", lines=[{**line, "net": house.amount(2_000)}])).json()["id"]
    [event] = await house.said(order_id, "order.placed")
    assert [(one["sku"], one["product_id"], one["components"]) for one in event.data["lines"]] == [("M-SKU", None, [])]


async def test_without_an_address_the_paid_order_waits_for_one(house: House) -> None:
    order_id = (await house.imported("M-1", address=None)).json()["id"]
    await house.hears(house.reserved(order_id))
    [held] = await house.said(order_id, "order.held")
    assert (await house.status(order_id), held.data["reasons"]) == ("on_hold", ["incorrect_address"])
