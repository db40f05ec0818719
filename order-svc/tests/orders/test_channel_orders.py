"""Orders of other channels: their own amounts and times, each exactly once, held but never lost for want of stock."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from order_svc.addresses.commands import opened

BULK = "/v1/admin/channel-orders/bulk"
House = Any
pytestmark = pytest.mark.anyio


@pytest.fixture
async def mall(house: House) -> House:
    await house.copies(house.shop("mall-shop", channel="mall"), house.listing("A", 1_000, of="mall-shop"))
    await house.copies(house.listing("K", 2_500, of="mall-shop", parts={"A": 2, "B": 1}))
    return house


def cny(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "CNY"}


def line(sku: str = "A", quantity: int = 2, *, gross: int = 2_000, discount: int = 0) -> dict[str, Any]:
    return {
        "sku": sku,
        "quantity": quantity,
        "gross": cny(gross),
        "discount": cny(discount),
        "net": cny(gross - discount),
    }


PLACE = {"country": "CN", "province": "Shanghai", "city": "Shanghai"}


def an_order(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Prepaid: two A for 2,000 with 500 for the delivery."""
    given = list(lines or [line()])
    body = {
        "shop": "mall-shop",
        "buyer_ref": "buyer 7",
        "placed_at": "2026-03-01T08:00:00Z",
        "paid_at": "2026-03-01T08:05:00Z",
        "region": PLACE,
        "lines": given,
        "delivery_fee": cny(500),
        "total": cny(500 + sum(one["net"]["amount_minor"] for one in given)),
        "address": {**PLACE, "name": "Lin Daiyu", "phone": "13800000000", "street": "West 1", "postcode": "200030"},
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


async def put(house: House, external_id: str, body: dict[str, Any], channel: str = "mall") -> Any:
    return await house.staff("orders:import").put(f"/v1/admin/channel-orders/{channel}/{external_id}", json=body)


async def bulk(house: House, items: list[dict[str, Any]], *, key: str = "b1", channel: str = "mall") -> Any:
    headers = {"Idempotency-Key": key}
    return await house.staff("orders:import").post(BULK, json={"channel": channel, "items": items}, headers=headers)


async def test_a_prepaid_order_keeps_the_channels_amounts_and_times_and_confirms_by_itself(mall: House) -> None:
    answer = await put(mall, "M-1", an_order(line(discount=300), line("K", 1, gross=2_500)))
    order = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1/admin/orders/{order['id']}")
    assert (order["status"], order["channel"], order["external_id"]) == ("placed", "mall", "M-1")
    assert (order["payment_method"], order["placed_at"]) == ("channel", "2026-03-01T08:00:00Z")
    assert order["totals"]["total"] == cny(4_700)

    await mall.hears(mall.reserved(order["id"]))

    assert await mall.types(order["id"]) == ["order.placed", "payment.recorded", "order.paid", "order.confirmed"]
    [placed] = await mall.said(order["id"], "order.placed")
    assert (placed.data["placed_at"], placed.data["received_at"]) == ("2026-03-01T08:00:00Z", "2026-03-02T02:00:00Z")
    assert (placed.data["external_id"], placed.data["visitor_id"], placed.data["benefits"]) == ("M-1", None, [])
    assert [one["components"] for one in placed.data["lines"]] == [
        [],
        [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}],
    ]
    [paid] = await mall.said(order["id"], "order.paid")
    assert (paid.data["paid_minor"], paid.data["paid_at"], paid.data["method"]) == (
        4_700,
        "2026-03-01T08:05:00Z",
        "channel",
    )
    [recorded] = await mall.said(order["id"], "payment.recorded")
    assert (recorded.data["kind"], recorded.data["provider"], recorded.data["amount_minor"]) == (
        "charge",
        "channel",
        4_700,
    )
    seen = await mall.seen(order["id"])
    assert seen.paid_at == datetime(2026, 3, 1, 8, 5, tzinfo=UTC)


async def test_the_same_content_again_is_the_same_order_and_other_content_is_refused(mall: House) -> None:
    first = await put(mall, "M-1", an_order())
    again = await put(mall, "M-1", an_order())
    changed = await put(mall, "M-1", an_order(line(quantity=3)))
    elsewhere = await put(mall, "M-2", an_order())

    assert [one.status_code for one in (first, again, changed, elsewhere)] == [201, 200, 409, 201]
    assert again.json()["id"] == first.json()["id"] == changed.json()["order_id"]
    assert changed.json()["type"] == "/problems/channel-order-changed"
    assert (await mall.rows("orders"), await mall.rows("address"), await mall.rows("order_line")) == (2, 2, 2)


async def test_a_buyer_is_one_person_in_each_channel(mall: House) -> None:
    await mall.copies(mall.shop("bazaar-shop", channel="bazaar"))
    ids = [
        (await put(mall, "M-1", an_order())).json()["id"],
        (await put(mall, "M-2", an_order())).json()["id"],
        (await put(mall, "M-3", an_order(buyer_ref="buyer 8"))).json()["id"],
        (await put(mall, "M-1", an_order(shop="bazaar-shop"), channel="bazaar")).json()["id"],
    ]
    persons = [(await mall.seen(order_id)).person_id for order_id in ids]
    assert persons[0] == persons[1]
    assert len(set(persons)) == 3
    assert all(one.startswith("per_") for one in persons)


async def test_two_hundred_come_at_once_and_come_again_as_the_same(mall: House) -> None:
    items = [an_order(external_id=f"M-{n}", buyer_ref=f"buyer {n % 50}") for n in range(200)]

    first = (await bulk(mall, items)).json()["results"]
    replayed = await bulk(mall, items)
    again = (await bulk(mall, items, key="b2")).json()["results"]

    assert {one["http_status"] for one in first} == {201}
    assert [one["external_id"] for one in first] == [f"M-{n}" for n in range(200)]
    assert (replayed.json()["results"], replayed.headers["Idempotent-Replayed"]) == (first, "true")
    assert {one["http_status"] for one in again} == {200}
    assert [one["order_id"] for one in again] == [one["order_id"] for one in first]
    counts = [await mall.rows(name) for name in ("orders", "order_line", "address", "outbox", "channel_buyer")]
    assert counts == [200, 200, 200, 200, 50]
    assert len({order["number"] for order in await _numbers(mall)}) == 200


async def _numbers(mall: House) -> list[Any]:
    async with mall.runtime.db.read() as con:
        found: list[Any] = await con.fetch("SELECT number FROM orders")
    return found


async def test_more_than_two_hundred_are_refused_whole(mall: House) -> None:
    answer = await bulk(mall, [an_order(external_id=f"M-{n}") for n in range(201)])
    assert answer.status_code == 422
    missing = await mall.staff("orders:import").post(BULK, json={"channel": "mall", "items": [an_order()]})
    assert (missing.status_code, missing.json()["type"]) == (400, "/problems/idempotency-key-missing")
    assert await mall.is_untouched()


async def test_of_a_mixed_delivery_each_is_told_its_own(mall: House) -> None:
    old = (await put(mall, "M-1", an_order())).json()["id"]
    items = [
        an_order(external_id="M-1"),
        an_order(line(quantity=9), external_id="M-1"),
        an_order(external_id="M-2"),
        an_order(external_id="M-2"),
        an_order(external_id="M-3", total=cny(1)),
        an_order(external_id="M-4", shop="nowhere"),
    ]
    results = (await bulk(mall, items)).json()["results"]
    assert [(one["external_id"], one["http_status"]) for one in results] == [
        ("M-1", 200),
        ("M-1", 409),
        ("M-2", 201),
        ("M-2", 200),
        ("M-3", 422),
        ("M-4", 422),
    ]
    assert (results[0]["order_id"], results[1]["problem"]["order_id"]) == (old, old)
    assert results[2]["order_id"] == results[3]["order_id"]
    assert [one["problem"]["type"] for one in results if one["problem"]] == [
        "/problems/channel-order-changed",
        "/problems/totals-mismatch",
        "/problems/validation-failed",
    ]
    assert await mall.rows("orders") == 2


async def test_the_same_orders_brought_by_many_at_once_are_imported_once(mall: House) -> None:
    items = [an_order(external_id=f"M-{n}", buyer_ref=f"buyer {n % 3}") for n in range(20)]
    answers = await asyncio.gather(
        *(bulk(mall, items if n % 2 else items[::-1], key=f"b{n}") for n in range(6)),
    )
    statuses = [one["http_status"] for answer in answers for one in answer.json()["results"]]
    assert sorted(statuses) == [200] * 100 + [201] * 20
    assert (await mall.rows("orders"), await mall.rows("channel_buyer"), await mall.rows("address")) == (20, 3, 20)


async def test_amounts_that_do_not_add_up_are_told_one_by_one(mall: House) -> None:
    wrong = [{**line(), "net": cny(1_999)}, {**line("B"), "net": cny(2_000)}, {**line(discount=100), "net": cny(0)}]
    answer = await put(mall, "M-1", an_order(*wrong, total=cny(1)))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/totals-mismatch")
    assert [(one["pointer"], one["expected_minor"]) for one in answer.json()["errors"]] == [
        ("/lines/0/net", 2_000),
        ("/lines/2/net", 1_900),
        ("/total", 4_499),
    ]
    assert await mall.is_untouched()


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"shop": "nowhere"}, {("/shop", "unknown-shop")}),
        ({"shop": "demo"}, {("/shop", "other-channel")}),
        (
            {"total": {**cny(2_500), "currency": "EUR"}, "delivery_fee": {**cny(500), "currency": "USD"}},
            {("/total/currency", "other-currency"), ("/delivery_fee/currency", "other-currency")},
        ),
        ({"lines": []}, None),
        ({"placed_at": "2026-03-01T08:00:00"}, None),
        ({"buyer_ref": ""}, None),
        ({"region": {"country": "CN"}}, None),
        ({"colour": "red"}, {("/colour", "extra-forbidden")}),
        ({"total": cny(-1)}, None),
    ],
)  # fmt: skip
async def test_what_is_not_ours_to_sell_is_refused_and_changes_nothing(
    mall: House, changes: dict[str, Any], faults: set[tuple[str, str]] | None
) -> None:
    answer = await put(mall, "M-1", an_order(**changes))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation-failed")
    found = {(one["pointer"], one["code"]) for one in answer.json()["errors"]}
    assert found == faults if faults is not None else found
    assert (await mall.is_untouched(), await mall.rows("channel_buyer")) == (True, 0)


async def test_only_importers_of_the_shop_import(mall: House) -> None:
    path, body = "/v1/admin/channel-orders/mall/M-1", an_order()
    assert (await mall.staff("orders:write").put(path, json=body)).status_code == 403
    answer = await mall.staff("orders:import", shops=["demo"]).put(path, json=body)
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [("/shop", "unknown-shop")]
    assert await mall.is_untouched()


async def test_short_goods_hold_the_order_and_its_release_asks_again(mall: House) -> None:
    order_id = (await put(mall, "M-1", an_order())).json()["id"]
    await mall.hears(mall.refused(order_id))
    assert (await mall.status(order_id), await mall.deadlines(order_id)) == ("on_hold", {})
    [hold] = (await mall.staff().get("/v1/admin/holds", params={"order_id": order_id})).json()["items"]
    assert (hold["reason"], hold["evidence"]["shortages"][0]["available"]) == ("stock_short", 1)

    approved = await mall.act(order_id, "approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "placed")
    first, second = await mall.said(order_id, "order.placed")
    assert (first.data["attempt"], second.data["attempt"]) == (1, 2)
    assert {**second.data, "attempt": 1} == first.data
    assert set(await mall.deadlines(order_id)) == {"undecided"}
    await mall.hears(mall.reserved(order_id, attempt=1))
    assert await mall.status(order_id) == "placed"
    await mall.hears(mall.reserved(order_id, attempt=2))

    assert await mall.types(order_id) == [
        "order.placed",
        "order.held",
        "order.hold_released",
        "order.placed",
        "payment.recorded",
        "order.paid",
        "order.confirmed",
    ]


async def test_an_order_that_nobody_decides_waits_for_a_person(mall: House) -> None:
    order_id = (await put(mall, "M-1", an_order())).json()["id"]
    mall.later(minutes=15)
    await mall.fire()
    assert await mall.status(order_id) == "on_hold"
    [hold] = (await mall.staff().get("/v1/admin/holds", params={"order_id": order_id})).json()["items"]
    assert hold["reason"] == "undecided"
    await mall.hears(mall.reserved(order_id))
    assert await mall.status(order_id) == "on_hold"
    await mall.act(order_id, "approve")
    assert await mall.status(order_id) == "confirmed"


async def test_an_unpaid_order_waits_for_its_money_and_one_of_nothing_does_not(mall: House) -> None:
    unpaid = (await put(mall, "M-1", an_order(paid_at=None))).json()["id"]
    free = an_order(line(discount=2_000), paid_at=None, delivery_fee=cny(0), total=cny(0))
    nothing = (await put(mall, "M-2", free)).json()["id"]
    prepaid = (await put(mall, "M-3", {**free, "paid_at": "2026-03-01T08:05:00Z"})).json()["id"]

    await mall.hears(mall.reserved(unpaid), mall.reserved(nothing), mall.reserved(prepaid))

    assert [await mall.status(one) for one in (unpaid, nothing, prepaid)] == [
        "awaiting_payment",
        "confirmed",
        "confirmed",
    ]
    assert (await mall.seen(nothing)).payment_status.value == "paid"
    # Time runs from when we learnt of it, not from when the channel took it.
    assert (await mall.seen(unpaid)).expires_at == datetime(2026, 3, 2, 2, 15, tzinfo=UTC)


async def test_an_order_without_an_address_is_held_until_somebody_knows_it(mall: House) -> None:
    order_id = (await put(mall, "M-1", an_order(address=None))).json()["id"]
    await mall.hears(mall.reserved(order_id))
    assert (await mall.status(order_id), (await mall.types(order_id))[-1]) == ("on_hold", "order.held")
    async with mall.runtime.db.read() as con:
        address = await opened(con, mall.runtime.settings.vault_key, (await mall.seen(order_id)).address_ref)
    assert address is not None
    assert (address.name, address.city, address.street) == ("", "Shanghai", None)


async def test_what_the_channel_collected_goes_back_through_the_channel(mall: House) -> None:
    order_id = (await put(mall, "M-1", an_order())).json()["id"]
    await mall.hears(mall.reserved(order_id))
    await mall.act(order_id, "cancel", reason="channel_cancelled")
    await mall.hears(mall.released(order_id))
    await mall.fold()
    order = await mall.seen(order_id)
    assert (order.status.value, order.refunded_minor, order.refunding_minor) == ("cancelled", 2_500, 0)
    assert (await mall.types(order_id))[-3:] == ["payment.recorded", "order.refunded", "order.cancelled"]


async def test_goods_nobody_lists_are_imported_under_their_own_name(mall: House) -> None:
    order_id = (await put(mall, "M-1", an_order(line("ZZ")))).json()["id"]
    [placed] = await mall.said(order_id, "order.placed")
    assert (placed.data["lines"][0]["sku"], placed.data["lines"][0]["product_id"]) == ("ZZ", None)
