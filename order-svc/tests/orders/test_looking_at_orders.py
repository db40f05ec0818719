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


async def test_a_guest_lists_by_the_visitor_id(house: House) -> None:
    guest = house.guest()
    order_id = await house.placed(guest)
    assert [one["id"] for one in (await guest.get(f"{STORE}/orders")).json()["items"]] == [order_id]
    assert (await house.guest().get(f"{STORE}/orders")).json()["items"] == []


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
