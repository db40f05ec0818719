"""Carts on the running service: whose they are, what they say, how a member takes one over."""

import asyncio
from typing import Any

import pytest

from order_svc.buyers import Buyer
from order_svc.carts import commands, queries
from order_svc.carts.rules import CartLine
from svc_kit.transaction import Tx

pytestmark = pytest.mark.anyio

VISITOR = "v" * 22


def lines(cart: Any) -> list[tuple[str, int]]:
    return [(line["sku"], line["quantity"]) for line in cart["lines"]]


def problems(cart: Any) -> list[list[str]]:
    return [[one["code"] for one in line["problems"]] for line in cart["lines"]]


async def test_a_guest_fills_a_cart_changes_it_and_finds_it_again(store: Any) -> None:
    await store.sell("TEA", 3_000)
    await store.sell("POT", 900)
    guest = store.guest()

    made = await guest.post(f"{store.base}/carts", json={"lines": [{"sku": "TEA", "quantity": 2}]})
    cart = made.json()
    path = f"{store.base}/carts/{cart['id']}"
    assert (made.status_code, made.headers["Location"]) == (201, path)
    assert cart == {
        "id": cart["id"],
        "version": 1,
        "lines": [
            {
                "sku": "TEA",
                "title": {"zh": "商品 TEA", "en": "Goods TEA"},
                "image": None,
                "quantity": 2,
                "unit_price": store.money(3_000),
                "line_total": store.money(6_000),
                "problems": [],
            }
        ],
        "subtotal": store.money(6_000),
        "coupon_code": None,
        "problems": [],
        "state": "active",
    }

    added = (await guest.put(f"{path}/lines/POT", json={"quantity": 3})).json()
    changed = (await guest.put(f"{path}/lines/TEA", json={"quantity": 1, "version": 2})).json()
    gone = await guest.delete(f"{path}/lines/POT")
    again = await guest.delete(f"{path}/lines/POT")

    assert (lines(added), added["version"], added["subtotal"]) == ([("TEA", 2), ("POT", 3)], 2, store.money(8_700))
    assert (lines(changed), changed["version"], changed["subtotal"]) == (
        [("TEA", 1), ("POT", 3)],
        3,
        store.money(5_700),
    )
    assert (gone.status_code, lines(gone.json()), gone.json()["version"]) == (200, [("TEA", 1)], 4)
    assert again.status_code == 404
    assert (await guest.get(path)).json() == gone.json()


async def test_a_cart_may_begin_empty_and_the_same_sku_twice_is_one_line(store: Any) -> None:
    await store.sell("A")
    guest = store.guest()

    empty = await guest.post(f"{store.base}/carts")
    also = await guest.post(f"{store.base}/carts", json={})
    twice = await store.cart(guest, ("A", 1), ("B", 1), ("A", 2))

    assert [(one.status_code, one.json()["lines"], one.json()["subtotal"]) for one in (empty, also)] == [
        (201, [], store.money(0))
    ] * 2
    assert lines(twice) == [("A", 3), ("B", 1)]


async def test_a_cart_is_opened_once_per_key(store: Any) -> None:
    await store.sell("A")
    guest, key = store.guest(), {"Idempotency-Key": "cart-1"}
    body = {"lines": [{"sku": "A", "quantity": 1}]}

    first = await guest.post(f"{store.base}/carts", json=body, headers=key)
    again = await guest.post(f"{store.base}/carts", json=body, headers=key)

    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await store.rows("cart") == 1


async def test_many_carts_at_once_do_not_wait_for_each_others_connections(store: Any) -> None:
    await store.sell("A")

    carts = await asyncio.wait_for(asyncio.gather(*(store.cart(store.guest(), ("A", 1)) for _ in range(40))), 10)

    assert len({cart["id"] for cart in carts}) == 40


async def test_problems_are_data_and_follow_what_happens(store: Any) -> None:
    await store.sell("SHORT", 1_000, units=3)
    await store.sell("DEAR", 500)
    await store.sell("GONE", 700)
    guest = store.guest()
    cart = await store.cart(guest, ("SHORT", 4), ("DEAR", 1), ("GONE", 1), ("NEVER", 1))
    path = f"{store.base}/carts/{cart['id']}"
    assert problems(cart) == [["insufficient_stock"], [], [], ["variant_unavailable"]]

    await store.hears(store.listing("DEAR", 600), store.listing("GONE", 700, state="paused"))
    found = (await guest.get(path)).json()

    none = {"why": None, "wanted": None, "available": None, "was": None, "now": None}
    assert [line["problems"] for line in found["lines"]] == [
        [{**none, "code": "insufficient_stock", "wanted": 4, "available": 3}],
        [{**none, "code": "price_changed", "was": store.money(500), "now": store.money(600)}],
        [{**none, "code": "variant_unavailable", "why": "not-live"}],
        [{**none, "code": "variant_unavailable", "why": "unknown"}],
    ]
    assert (found["lines"][2]["unit_price"], found["lines"][2]["line_total"]) == (None, None)
    assert (found["subtotal"], found["version"]) == (store.money(4_600), 1)

    await store.hears(store.level("SHORT", 4))
    seen = (await guest.put(f"{path}/lines/DEAR", json={"quantity": 1})).json()
    assert problems(seen) == [[], [], ["variant_unavailable"], ["variant_unavailable"]]


async def test_units_in_warehouses_of_other_channels_do_not_count(store: Any) -> None:
    await store.sell("A", units=0)
    await store.hears(store.warehouse("far", channels=["other"]), store.level("A", 50, "far"))
    guest = store.guest()
    cart = await store.cart(guest, ("A", 1))
    assert cart["lines"][0]["problems"][0]["available"] == 0

    await store.hears(store.warehouse("far", channels=["other", "web"]))

    assert problems((await guest.get(f"{store.base}/carts/{cart['id']}")).json()) == [[]]


async def test_a_sku_with_a_slash_has_its_line(store: Any) -> None:
    await store.sell("A/1")
    guest = store.guest()
    cart = await store.cart(guest)
    path = f"{store.base}/carts/{cart['id']}/lines/A/1"

    put = await guest.put(path, json={"quantity": 2})
    gone = await guest.delete(path)

    assert (lines(put.json()), lines(gone.json())) == ([("A/1", 2)], [])


async def test_bad_lines_are_refused_and_change_nothing(store: Any) -> None:
    await store.sell("A")
    guest = store.guest()
    cart = await store.cart(guest, ("A", 1))
    path = f"{store.base}/carts/{cart['id']}"

    answers = [
        await guest.put(f"{path}/lines/A", json={"quantity": 0}),
        await guest.put(f"{path}/lines/A", json={"quantity": 1_000_001}),
        await guest.put(f"{path}/lines/A", json={"quantity": "many"}),
        await guest.put(f"{path}/lines/A", json={"quantity": 1, "colour": "red"}),
        await guest.put(f"{path}/lines/-A", json={"quantity": 1}),
        await guest.put(f"{path}/coupon", json={}),
        await guest.put(f"{path}/coupon", json={"code": ""}),
        await guest.post(f"{store.base}/carts", json={"lines": [{"sku": "A", "quantity": 600_000}] * 2}),
        await guest.post(f"{store.base}/carts", json={"lines": [{"sku": "A", "quantity": 1}] * 201}),
    ]
    stale = await guest.put(f"{path}/lines/A", json={"quantity": 5, "version": 9})

    assert [answer.status_code for answer in answers] == [422] * len(answers)
    assert (stale.status_code, stale.json()["type"], stale.json()["current_version"]) == (
        409,
        "/problems/stale-version",
        1,
    )
    assert (await guest.get(path)).json() == cart
    assert await store.rows("cart") == 1


async def test_a_cart_holds_two_hundred_lines(store: Any) -> None:
    guest = store.guest()
    cart = await store.cart(guest, *((f"S{n}", 1) for n in range(199)))
    path = f"{store.base}/carts/{cart['id']}"

    last = await guest.put(f"{path}/lines/LAST", json={"quantity": 1})
    over = await guest.put(f"{path}/lines/OVER", json={"quantity": 1})
    known = await guest.put(f"{path}/lines/S0", json={"quantity": 2})

    assert [answer.status_code for answer in (last, over, known)] == [200, 422, 200]
    assert [one["code"] for one in over.json()["errors"]] == ["too-many-lines"]
    assert len(known.json()["lines"]) == 200


async def test_nobody_opens_a_foreign_cart_by_any_door(store: Any) -> None:
    await store.sell("A")
    await store.hears(store.shop("other"))
    guest, member = store.guest(VISITOR), store.member("per_1")
    guests, members = await store.cart(guest, ("A", 1)), await store.cart(member, ("A", 1))

    for http in (store.guest(), store.member("per_2"), store.member("per_2", visitor_id="w" * 22)):
        for cart in (guests, members):
            path = f"{store.base}/carts/{cart['id']}"
            answers = [
                await http.get(path),
                await http.put(f"{path}/lines/A", json={"quantity": 9}),
                await http.delete(f"{path}/lines/A"),
                await http.put(f"{path}/coupon", json={"code": "X"}),
                await store.quote(http, cart_id=cart["id"]),
            ]
            assert [answer.status_code for answer in answers] == [404] * 5
    # A member's cart is not the browser's: whoever uses it next does not see it.
    own = await store.cart(store.member("per_1", visitor_id=VISITOR), ("A", 1))
    assert (await guest.get(f"{store.base}/carts/{own['id']}")).status_code == 404
    assert (await guest.get(f"/v1/store/other/carts/{guests['id']}")).status_code == 404
    assert (await guest.get(f"{store.base}/carts/crt_unknown")).status_code == 404
    assert (await store.nobody().get(f"{store.base}/carts/{guests['id']}")).status_code == 400
    assert (await guest.get(f"{store.base}/carts/{guests['id']}")).json() == guests
    assert (await member.get(f"{store.base}/carts/{members['id']}")).json() == members
    assert await store.rows("quote") == 0


async def test_a_member_takes_over_the_guests_cart(store: Any) -> None:
    await store.sell("A")
    guest, member = store.guest(VISITOR), store.member(visitor_id=VISITOR)
    cart = await store.cart(guest, ("A", 2))
    path = f"{store.base}/carts/{cart['id']}"

    claimed = await member.post(f"{path}/claim")
    again = await store.member().post(f"{path}/claim")

    assert (claimed.status_code, claimed.json()) == (200, {**cart, "version": 2})
    assert again.json() == claimed.json()
    assert (await store.member().get(path)).json() == claimed.json()
    assert (await guest.get(path)).status_code == 404


async def test_a_guests_cart_is_merged_into_the_members_own(store: Any) -> None:
    for sku in ("A", "B", "C"):
        await store.sell(sku)
    guest, member = store.guest(VISITOR), store.member(visitor_id=VISITOR)
    own = await store.cart(store.member(), ("A", 1), ("B", 2))
    store.clock.advance(1)
    guests = await store.cart(guest, ("C", 4), ("A", 3))
    await guest.put(f"{store.base}/carts/{guests['id']}/coupon", json={"code": "TEN"})

    merged = (await member.post(f"{store.base}/carts/{guests['id']}/claim")).json()
    again = (await member.post(f"{store.base}/carts/{guests['id']}/claim")).json()

    assert (merged["id"], merged["version"], merged["coupon_code"]) == (own["id"], 2, "TEN")
    assert lines(merged) == [("A", 4), ("B", 2), ("C", 4)]
    assert again == merged
    old = (await member.get(f"{store.base}/carts/{guests['id']}")).json()
    refused = await member.put(f"{store.base}/carts/{guests['id']}/lines/A", json={"quantity": 1})
    assert (old["state"], refused.status_code) == ("expired", 409)
    assert (refused.json()["state"], refused.json()["possible"], refused.json()["merged_into"]) == (
        "expired",
        [],
        own["id"],
    )


async def test_claiming_needs_a_member_and_the_visitors_own_id(store: Any) -> None:
    await store.sell("A")
    guest = store.guest(VISITOR)
    cart = await store.cart(guest, ("A", 1))
    path = f"{store.base}/carts/{cart['id']}/claim"

    answers = [
        await guest.post(path),
        await store.member().post(path),
        await store.member(visitor_id="w" * 22).post(path),
    ]

    assert [answer.status_code for answer in answers] == [401, 404, 404]
    assert (await guest.get(f"{store.base}/carts/{cart['id']}")).json() == cart


async def test_of_many_who_claim_at_once_one_gets_the_cart_and_it_once(store: Any) -> None:
    await store.sell("A")
    cart = await store.cart(store.guest(VISITOR), ("A", 3))
    people = [store.member(f"per_{n % 4}", visitor_id=VISITOR) for n in range(12)]

    answers = await asyncio.gather(*(http.post(f"{store.base}/carts/{cart['id']}/claim") for http in people))

    winners = {n % 4 for n, answer in enumerate(answers) if answer.status_code == 200}
    assert len(winners) == 1
    assert [answer.status_code for answer in answers].count(200) == 3
    assert {answer.json()["version"] for answer in answers if answer.status_code == 200} == {2}


async def test_two_carts_claimed_at_once_are_merged_without_a_deadlock(store: Any) -> None:
    await store.sell("A")
    await store.cart(store.member(), ("A", 1))
    guests = [await store.cart(store.guest(VISITOR), ("A", 1)) for _ in range(8)]
    member = store.member(visitor_id=VISITOR)

    answers = await asyncio.gather(*(member.post(f"{store.base}/carts/{cart['id']}/claim") for cart in guests))

    assert [answer.status_code for answer in answers] == [200] * 8
    [own] = {answer.json()["id"] for answer in answers}
    assert lines((await member.get(f"{store.base}/carts/{own}")).json()) == [("A", 9)]


async def test_changes_of_one_cart_at_once_lose_nothing(store: Any) -> None:
    guest = store.guest()
    cart = await store.cart(guest)
    path = f"{store.base}/carts/{cart['id']}"

    answers = await asyncio.gather(*(guest.put(f"{path}/lines/S{n}", json={"quantity": n + 1}) for n in range(12)))

    found = (await guest.get(path)).json()
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(lines(found)) == sorted((f"S{n}", n + 1) for n in range(12))
    assert found["version"] == 13


async def test_a_closed_shop_shows_its_carts_and_lets_nobody_fill_them(store: Any) -> None:
    await store.sell("A")
    guest = store.guest()
    cart = await store.cart(guest, ("A", 1))
    await store.hears(store.shop(state="suspended"))
    path = f"{store.base}/carts/{cart['id']}"

    found = (await guest.get(path)).json()

    assert [one["code"] for one in found["problems"]] == ["shop_closed"]
    assert (await guest.put(f"{path}/lines/A", json={"quantity": 2})).status_code == 404
    assert (await guest.post(f"{store.base}/carts")).status_code == 404
    assert (await guest.get(path)).json()["version"] == 1


async def test_a_refused_change_leaves_the_transaction_without_a_trace(store: Any) -> None:
    guest = Buyer(None, "vis_1")

    async def cart_in(tx: Tx) -> str:
        return (await commands.open_cart(tx, "demo", guest, [CartLine("A", 1, None)])).id

    async with store.runtime.db.transaction() as tx:
        cart_id = await cart_in(tx)
    async with store.runtime.db.transaction() as tx:
        await commands.set_coupon(tx, "demo", cart_id, guest, "X", version=1)

    async with store.runtime.db.read() as con:
        found = await queries.active_cart(con, "demo", cart_id, guest)
    assert (found.coupon_code, found.version, found.lines) == ("X", 2, (CartLine("A", 1, None),))
