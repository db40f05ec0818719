"""What buyers and staff see of orders, and what staff does with them."""

from typing import Any

import pytest

pytestmark = pytest.mark.anyio
STORE = "/v1/store/demo"
ADMIN = "/v1/admin/orders"
House = Any
CONTACT = {"name": "Xue Baochai", "phone": "+86 139 0000 0000"}
CITY = {"country": "CN", "province": "Shanghai", "city": "Shanghai"}
ADDRESS = {**CITY, "street": "Nanjing Road 2", "postcode": "200001"}


async def test_a_buyer_sees_the_whole_order(house: House) -> None:
    order_id = await house.awaiting(payment_method="cod", remark="ring twice")
    await house.hears(house.accepted(order_id), house.shipped(order_id))
    order = (await house.member().get(f"{STORE}/orders/{order_id}")).json()
    assert {
        "id", "number", "status", "payment_status", "fulfilment_status", "lines", "totals", "placed_at", "expires_at",
        "promise", "shipments", "timeline", "possible",
    } <= order.keys()  # fmt: skip
    assert (order["status"], order["payment_status"], order["fulfilment_status"]) == (
        "in_fulfilment",
        "none",
        "shipped",
    )
    assert order["expires_at"] is None
    assert [(line["shipped"], line["delivered"]) for line in order["lines"]] == [(2, 0)]
    # What the warehouse and the audit looked into is not the buyer's.
    kinds = [entry["kind"] for entry in order["timeline"]]
    assert kinds == ["placed", "auditing", "confirmed", "in_fulfilment", "shipped"]
    assert order["possible"] == []


async def test_tracking_shows_each_parcel_until_it_has_arrived(house: House) -> None:
    order_id = await house.awaiting(payment_method="cod")
    path = f"{STORE}/orders/{order_id}/tracking"
    assert (await house.member().get(path)).json()["shipments"] == []
    await house.hears(house.shipped(order_id, 1, parcel="shp_1"), house.delivered(order_id, 1, parcel="shp_2"))
    found = (await house.member().get(path)).json()
    assert (found["status"], found["fulfilment_status"]) == ("in_fulfilment", "shipped")
    assert found["promise"]["ship_by"]
    shown = [
        (one["shipment_id"], one["carrier"], one["tracking_no"], one["lines"], one["delivered_at"] is not None)
        for one in found["shipments"]
    ]
    lines = [{"line_id": "l1", "quantity": 1}]
    assert shown == [("shp_1", "SF", "SF-shp_1", lines, False), ("shp_2", "SF", "SF-shp_2", lines, True)]
    assert (await house.member("per_2").get(path)).status_code == 404


async def test_buyers_list_their_own_orders_the_latest_first_page_by_page(house: House) -> None:
    ids = []
    for _ in range(3):
        ids.append(await house.placed())
        house.later(seconds=1)
    await house.placed(house.member("per_2"))
    first = (await house.member().get(f"{STORE}/orders?limit=2")).json()
    second = (await house.member().get(f"{STORE}/orders?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["id"] for one in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert (await house.member().get("/v1/store/other/orders")).json()["items"] == []
    assert (await house.member().get(f"{STORE}/orders?cursor=nonsense")).status_code in (400, 422)


async def test_a_guest_lists_by_the_visitor_id(house: House) -> None:
    guest = house.guest()
    order_id = await house.placed(guest)
    assert [one["id"] for one in (await guest.get(f"{STORE}/orders")).json()["items"]] == [order_id]
    assert (await house.guest().get(f"{STORE}/orders")).json()["items"] == []


async def test_staff_filters_orders(house: House) -> None:
    unpaid = await house.awaiting()
    channels = (await house.imported("M-1")).json()["id"]
    staff = house.staff("orders:read")

    async def ids(query: str) -> set[str]:
        answer = await staff.get(f"{ADMIN}?{query}")
        assert answer.status_code == 200, answer.text
        return {one["id"] for one in answer.json()["items"]}

    number = (await house.seen(unpaid)).number
    assert await ids("") == {unpaid, channels}
    assert await ids("status=awaiting_payment") == {unpaid}
    assert await ids("status=awaiting_payment&status=placed") == {unpaid, channels}
    assert await ids("channel=mall&external_id=M-1") == {channels}
    assert await ids(f"number={number}") == {unpaid}
    assert await ids("person_id=per_1") == {unpaid}
    assert await ids("placed_from=2026-03-01T00:00:00Z") == {unpaid}
    assert await ids("placed_to=2026-03-02T02:00:00Z") == {channels}
    assert await ids("shop=mall") == {channels}
    assert (await staff.get(f"{ADMIN}?status=sold")).status_code == 422


async def test_staff_of_one_shop_sees_nothing_of_another(house: House) -> None:
    order_id = await house.awaiting()
    staff = house.staff("orders:*", shops=["mall"])
    assert (await staff.get(ADMIN)).json()["items"] == []
    for path in (f"{ADMIN}/{order_id}", f"{ADMIN}/{order_id}/timeline"):
        assert (await staff.get(path)).status_code == 404
    body = {"version": 2, "reason": "late"}
    assert (await staff.post(f"{ADMIN}/{order_id}/cancel", json=body)).status_code == 404
    assert (await house.staff("stock:read").get(ADMIN)).status_code == 403
    assert (await house.member().get(ADMIN)).status_code == 403
    assert await house.status(order_id) == "awaiting_payment"


async def test_staff_sees_who_did_what_and_what_has_to_come_back(house: House) -> None:
    order_id = await house.awaiting()
    staff = house.staff()
    body = {"version": (await house.seen(order_id)).version, "reason": "fraud"}
    assert (await staff.post(f"{ADMIN}/{order_id}/cancel", json=body)).status_code == 200
    order = (await staff.get(f"{ADMIN}/{order_id}")).json()
    assert (order["person_id"], order["attempt"], order["reason"]) == ("per_1", 1, "fraud")
    assert [(one["what"], one["settled_at"]) for one in order["comes_back"]] == [("stock", None)]
    entries = (await staff.get(f"{ADMIN}/{order_id}/timeline")).json()["items"]
    assert [(one["kind"], one["actor"]) for one in entries] == [
        ("placed", "customer:per_1"),
        ("stock_reserved", "system:system"),
        ("awaiting_payment", "system:system"),
        ("cancelling", "staff:stf_test"),
    ]
    assert order["timeline"] == entries
    first = (await staff.get(f"{ADMIN}/{order_id}/timeline?limit=3")).json()
    rest = (await staff.get(f"{ADMIN}/{order_id}/timeline?limit=3&cursor={first['next_cursor']}")).json()
    assert first["items"] + rest["items"] == entries


async def test_a_stale_version_is_refused_and_changes_nothing(house: House) -> None:
    order_id = await house.awaiting()
    version = (await house.seen(order_id)).version
    for verb, more in (
        ("cancel", {"reason": "late"}),
        ("approve", {}),
        ("amend", {"contact": CONTACT, "address": ADDRESS}),
    ):
        answer = await house.staff().post(f"{ADMIN}/{order_id}/{verb}", json={"version": version - 1, **more})
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/stale-version"), verb
    order = await house.seen(order_id)
    assert (order.version, order.status.value) == (version, "awaiting_payment")


async def test_only_a_held_order_is_approved(house: House) -> None:
    order_id = await house.awaiting()
    body = {"version": (await house.seen(order_id)).version}
    answer = await house.staff().post(f"{ADMIN}/{order_id}/approve", json=body)
    assert (answer.status_code, answer.json()["state"], answer.json()["possible"]) == (
        409,
        "awaiting_payment",
        ["cancel"],
    )


async def test_a_held_order_gets_its_address_and_is_approved(house: House) -> None:
    incomplete = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
    order_id = await house.awaiting(payment_method="cod", address=incomplete)
    assert await house.status(order_id) == "on_hold"
    staff = house.staff()
    version = (await house.seen(order_id)).version
    body = {"version": version, "contact": CONTACT, "address": {**ADDRESS, "district": "Xuhui"}}
    amended = await staff.post(f"{ADMIN}/{order_id}/amend", json=body)
    assert (amended.status_code, amended.json()["money_difference"]) == (200, house.amount(0))
    assert amended.json()["version"] == version + 1
    [event] = await house.said(order_id, "order.changed")
    assert event.data["before"] == {"region": incomplete, "address_missing": ["street", "postcode"]}
    assert event.data["after"] == {"region": incomplete, "address_missing": []}
    assert "Nanjing" not in str(event.data)
    approved = await staff.post(f"{ADMIN}/{order_id}/approve", json={"version": version + 1, "note": "called"})
    assert (approved.status_code, approved.json()["status"]) == (200, "confirmed")
    packing = house.inventory()
    reference = (await house.seen(order_id)).address_ref
    address = (await packing.get(f"/internal/v1/addresses/{reference}")).json()
    assert (address["name"], address["street"], address["district"]) == ("Xue Baochai", "Nanjing Road 2", "Xuhui")


async def test_an_address_in_another_region_or_after_the_warehouse_has_begun_is_refused(house: House) -> None:
    order_id = await house.awaiting(payment_method="cod")
    staff = house.staff()

    async def amend(**address: str) -> Any:
        body = {"version": (await house.seen(order_id)).version, "contact": CONTACT, "address": {**ADDRESS, **address}}
        return await staff.post(f"{ADMIN}/{order_id}/amend", json=body)

    elsewhere = await amend(province="Zhejiang", city="Hangzhou")
    assert (elsewhere.status_code, [one["pointer"] for one in elsewhere.json()["errors"]]) == (
        422,
        ["/address/province", "/address/city"],
    )
    await house.hears(house.accepted(order_id))
    late = await amend()
    assert (late.status_code, late.json()["state"]) == (409, "in_fulfilment")
    assert await house.said(order_id, "order.changed") == []


async def test_addresses_are_sealed_and_open_for_the_warehouse_alone(house: House) -> None:
    order_id = await house.placed()
    reference = (await house.seen(order_id)).address_ref
    path = f"/internal/v1/addresses/{reference}"
    address = (await house.inventory().get(path)).json()
    assert (address["name"], address["phone"], address["street"]) == (
        "Lin Daiyu",
        "+86 138 0000 0000",
        "Huaihai Road 1",
    )
    assert (await house.inventory().get("/internal/v1/addresses/adr_unknown")).status_code == 404
    for other in (house.member(), house.staff("orders:*")):
        assert (await other.get(path)).status_code == 403
    async with house.runtime.db.read() as con:
        sealed = await con.fetchval("SELECT sealed FROM address WHERE id = $1", reference)
        said = await con.fetch("SELECT convert_from(value, 'UTF8') AS value FROM outbox")
    assert b"Lin" not in sealed
    assert b"Huaihai" not in sealed
    assert not [row for row in said if "Lin" in row["value"] or "Huaihai" in row["value"]]


async def test_sealed_bytes_moved_to_another_order_do_not_open(house: House) -> None:
    first, second = [(await house.seen(await house.placed())).address_ref for _ in range(2)]
    async with house.runtime.db.transaction() as tx:
        await tx.con.execute(
            "UPDATE address SET sealed = (SELECT sealed FROM address WHERE id = $1) WHERE id = $2", first, second
        )
    assert (await house.inventory().get(f"/internal/v1/addresses/{second}")).status_code == 500
