"""What staff sees and does, and the lists of buyers and staff."""

from typing import Any

import pytest

from order_svc.addresses.commands import opened

NOW_TEXT = "2026-03-02T02:00:00Z"
STORE = "/v1/store/demo"
ADMIN = "/v1/admin/orders"
House = Any
pytestmark = pytest.mark.anyio


async def test_staff_cancels_upon_the_version_it_saw(house: House) -> None:
    order_id = await house.awaiting()
    stale = await house.act(order_id, "cancel", version=1, reason="buyer_called")
    assert (stale.status_code, stale.json()["type"]) == (409, "/problems/stale-version")
    assert await house.status(order_id) == "awaiting_payment"

    answer = await house.act(order_id, "cancel", reason="buyer_called")

    assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (200, "cancelling", "buyer_called")
    [event] = await house.said(order_id, "order.cancelling")
    assert (event.data["reason"], event.headers["ce_actor"]) == ("buyer_called", "staff:stf_test")


async def test_an_incomplete_address_waits_for_staff_who_completes_and_approves_it(house: House) -> None:
    address = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
    order_id = await house.confirmed(address=address)
    seen = (await house.staff().get(f"{ADMIN}/{order_id}")).json()
    assert (seen["status"], seen["payment_status"], seen["possible"]) == ("on_hold", "paid", ["approve", "cancel"])
    for_buyer = (await house.member().get(f"{STORE}/orders/{order_id}")).json()
    assert for_buyer["timeline"][-1] == {"at": NOW_TEXT, "kind": "on_hold", "facts": {}}

    whole = {**address, "street": "Huaihai Road 1", "postcode": "200030"}
    amended = await house.act(order_id, "amend", contact={"name": "Lin", "phone": "13800000000"}, address=whole)
    approved = await house.act(order_id, "approve", note="called the buyer")

    assert (amended.status_code, amended.json()["money_difference"]) == (200, house.amount(0))
    assert (approved.status_code, approved.json()["status"]) == (200, "confirmed")
    assert (await house.types(order_id))[-4:] == [
        "order.held",
        "order.changed",
        "order.hold_released",
        "order.confirmed",
    ]
    again = await house.act(order_id, "approve")
    assert (again.status_code, again.json()["state"], again.json()["possible"]) == (409, "confirmed", ["cancel"])


async def test_a_new_address_replaces_the_old_one_and_stays_secret(house: House) -> None:
    order_id = await house.confirmed()
    reference = (await house.seen(order_id)).address_ref
    there = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Pudong", "street": "Century 9"}

    answer = await house.act(order_id, "amend", contact={"name": "Bao Yu", "phone": "13900000000"}, address=there)

    assert answer.status_code == 200, answer.text
    async with house.runtime.db.read() as con:
        address = await opened(con, house.runtime.settings.vault_key, reference)
    assert address is not None
    assert (address.name, address.street, address.postcode) == ("Bao Yu", "Century 9", None)
    [event] = await house.said(order_id, "order.changed")
    region = {"country": "CN", "province": "Shanghai", "city": "Shanghai"}
    assert event.data["before"] == {"region": {**region, "district": "Xuhui"}, "address_missing": []}
    assert event.data["after"] == {"region": {**region, "district": "Pudong"}, "address_missing": ["postcode"]}
    assert "Century" not in str(event.data)
    assert (await house.seen(order_id)).region["district"] == "Pudong"
    timeline = (await house.staff().get(f"{ADMIN}/{order_id}/timeline")).json()["items"]
    assert "Bao" not in str(timeline)
    assert "Century" not in str(timeline)


async def test_an_address_in_another_region_or_of_a_parcel_in_hand_stays_as_it_is(house: House) -> None:
    order_id = await house.confirmed()
    contact = {"name": "Bao Yu", "phone": "13900000000"}
    elsewhere = {"country": "CN", "province": "Zhejiang", "city": "Hangzhou", "street": "West 1", "postcode": "310000"}
    here = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "street": "West 1", "postcode": "200030"}

    refused = await house.act(order_id, "amend", contact=contact, address=elsewhere)
    await house.hears(house.accepted(order_id))
    late = await house.act(order_id, "amend", contact=contact, address=here)

    assert refused.status_code == 422
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/address/province", "/address/city"]
    assert (late.status_code, late.json()["type"]) == (409, "/problems/illegal-transition")
    assert await house.said(order_id, "order.changed") == []
    async with house.runtime.db.read() as con:
        address = await opened(con, house.runtime.settings.vault_key, (await house.seen(order_id)).address_ref)
    assert address is not None
    assert address.name == "Lin Daiyu"


async def test_staff_of_another_shop_sees_and_changes_nothing(house: House) -> None:
    order_id = await house.awaiting()
    before = await house.seen(order_id)
    other = house.staff(shops=["elsewhere"])
    address = {"country": "CN", "province": "Shanghai", "city": "Shanghai"}
    bodies = {
        "approve": {"version": 2},
        "cancel": {"version": 2, "reason": "x"},
        "amend": {"version": 2, "contact": {"name": "x", "phone": "13800000000"}, "address": address},
    }

    assert (await other.get(ADMIN)).json()["items"] == []
    assert (await other.get(ADMIN, params={"shop": "demo"})).json()["items"] == []
    for path in ("", "/timeline", "/payments"):
        assert (await other.get(f"{ADMIN}/{order_id}{path}")).status_code == 404
    for verb, body in bodies.items():
        assert (await other.post(f"{ADMIN}/{order_id}/{verb}", json=body)).status_code == 404
    assert await house.seen(order_id) == before
    mine = house.staff(shops=["demo"])
    assert [one["id"] for one in (await mine.get(ADMIN)).json()["items"]] == [order_id]


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (("orders:read",), {"list", "get", "timeline"}),
        (("orders:write",), {"cancel", "amend"}),
        (("orders:audit",), {"approve"}),
        (("stock:read",), set()),
    ],
)
async def test_each_scope_opens_what_it_says(house: House, scopes: tuple[str, ...], allowed: set[str]) -> None:
    order_id = await house.placed()
    staff = house.staff(*scopes)
    answers = {
        "list": await staff.get(ADMIN),
        "get": await staff.get(f"{ADMIN}/{order_id}"),
        "timeline": await staff.get(f"{ADMIN}/{order_id}/timeline"),
        **{verb: await staff.post(f"{ADMIN}/{order_id}/{verb}", json={}) for verb in ("approve", "cancel", "amend")},
    }
    assert {name for name, answer in answers.items() if answer.status_code != 403} == allowed
    assert await house.status(order_id) == "placed"


# Lists.


async def test_lists_go_on_where_they_ended_the_latest_first(house: House) -> None:
    placed = []
    for n in range(5):
        order_id = await house.placed(house.member(f"per_{n % 2}"))
        placed.append((house.clock.now(), order_id))
        if n % 2:
            house.later(seconds=1)
    ids = [order_id for _, order_id in sorted(placed)]  # of the same moment by id
    mine_ids = [order_id for _, order_id in (placed[3], placed[1])]
    staff = house.staff()

    found, cursor = [], None
    for _ in range(3):
        page = (await staff.get(ADMIN, params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert found == ids[::-1]
    mine = (await house.member("per_1").get(f"{STORE}/orders", params={"limit": 1})).json()
    rest = await house.member("per_1").get(f"{STORE}/orders", params={"limit": 1, "cursor": mine["next_cursor"]})
    assert [one["id"] for one in [*mine["items"], *rest.json()["items"]]] == mine_ids
    assert rest.json()["next_cursor"] is None
    assert (await house.member("per_9").get(f"{STORE}/orders")).json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    "cursor", ["x", "WyJ4Iiwib3JkXzEiXQ", "WzEsMl0", "WyIyMDI2LTAxLTAxIiwib3JkXzEiXQ", "e30", "MQ"]
)
async def test_a_cursor_of_another_list_is_refused(house: House, cursor: str) -> None:
    for answer in (
        await house.staff().get(ADMIN, params={"cursor": cursor}),
        await house.member().get(f"{STORE}/orders", params={"cursor": cursor}),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "bad-cursor")


async def test_staff_finds_orders_by_what_it_knows_of_them(house: House) -> None:
    first = await house.awaiting(house.member("per_1"))
    house.later(hours=1)
    second = await house.placed(house.member("per_2"))
    number = (await house.seen(first)).number
    staff = house.staff()

    async def found(**asked: Any) -> list[str]:
        return [one["id"] for one in (await staff.get(ADMIN, params=asked)).json()["items"]]

    assert await found(status="awaiting_payment") == [first]
    assert await found(status=["awaiting_payment", "placed"]) == [second, first]
    assert await found(number=number) == [first]
    assert await found(person_id="per_2") == [second]
    assert await found(shop="elsewhere") == []
    assert await found(channel="mall") == []
    assert await found(placed_from="2026-03-02T03:00:00Z") == [second]
    assert await found(placed_to="2026-03-02T03:00:00Z") == [first]
    assert (await staff.get(ADMIN, params={"status": "lost"})).status_code == 422
    assert (await staff.get(ADMIN, params={"placed_from": "2026-03-02T03:00:00"})).status_code == 422


async def test_the_timeline_says_who_did_what_page_by_page(house: House) -> None:
    order_id = await house.awaiting()
    await house.act(order_id, "cancel", reason="buyer_called")
    path = f"{ADMIN}/{order_id}/timeline"

    first = (await house.staff().get(path, params={"limit": 3})).json()
    rest = (await house.staff().get(path, params={"limit": 3, "cursor": first["next_cursor"]})).json()

    assert [(one["kind"], one["actor"]) for one in [*first["items"], *rest["items"]]] == [
        ("placed", "customer:per_1"),
        ("stock_reserved", "system:system"),
        ("awaiting_payment", "system:system"),
        ("cancelling", "staff:stf_test"),
    ]
    assert rest["next_cursor"] is None
