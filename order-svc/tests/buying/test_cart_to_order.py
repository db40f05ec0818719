"""From the cart to the order: its coupon, its quote, and that an ordered cart is over."""

from typing import Any

import pytest

from order_svc.carts import commands

pytestmark = pytest.mark.anyio


async def test_a_coupon_is_kept_and_what_is_wrong_with_it_is_a_problem(store: Any) -> None:
    await store.sell("A")
    guest = store.guest()
    cart = await store.cart(guest, ("A", 1))
    path = f"{store.base}/carts/{cart['id']}"
    store.marketing.refuses("TEN", "spend-too-low")

    put = (await guest.put(f"{path}/coupon", json={"code": " TEN "})).json()
    assert (put["coupon_code"], [(one["code"], one["why"]) for one in put["problems"]]) == (
        "TEN",
        [("coupon_invalid", "spend-too-low")],
    )
    refused = await store.quote(guest, cart_id=cart["id"])
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/coupon-invalid")

    store.marketing.grants_nothing()
    assert (await guest.get(path)).json()["problems"] == []
    store.marketing.status = 503
    assert (await guest.get(path)).json()["problems"] == []

    asked = len(store.marketing.asked)
    off = (await guest.put(f"{path}/coupon", json={"code": None})).json()
    assert (off["coupon_code"], off["problems"], len(store.marketing.asked)) == (None, [], asked)


async def test_a_cart_is_quoted_with_its_lines_and_its_coupon(store: Any) -> None:
    await store.sell("A", 1_000)
    await store.sell("B", 500)
    guest = store.guest()
    cart = await store.cart(guest, ("A", 2), ("B", 1))
    await guest.put(f"{store.base}/carts/{cart['id']}/coupon", json={"code": "TEN"})
    store.marketing.takes_off({"l1": 300}, code="TEN")

    quote = (await store.quote(guest, cart_id=cart["id"])).json()

    assert quote["cart_id"] == cart["id"]
    assert [(one["sku"], one["quantity"], one["net"]) for one in quote["lines"]] == [
        ("A", 2, store.money(1_700)),
        ("B", 1, store.money(500)),
    ]
    assert store.marketing.asked[-1]["coupon_code"] == "TEN"
    await store.quote(guest, cart_id=cart["id"], coupon_code="OTHER")
    assert store.marketing.asked[-1]["coupon_code"] == "OTHER"


async def test_an_empty_cart_and_one_with_dead_lines_are_not_quoted(store: Any) -> None:
    guest = store.guest()
    empty, dead = await store.cart(guest), await store.cart(guest, ("NONE", 1), ("NADA", 1))

    nothing = await store.quote(guest, cart_id=empty["id"])
    bad = await store.quote(guest, cart_id=dead["id"])

    assert (nothing.status_code, [one["code"] for one in nothing.json()["errors"]]) == (422, ["cart-empty"])
    assert (bad.status_code, [(one["pointer"], one["sku"]) for one in bad.json()["errors"]]) == (
        409,
        [("/cart_id", "NONE"), ("/cart_id", "NADA")],
    )


async def test_an_ordered_cart_is_over(store: Any) -> None:
    await store.sell("A")
    guest = store.guest()
    carts = [await store.cart(guest, ("A", 1)) for _ in range(2)]
    path = f"{store.base}/carts/{carts[0]['id']}"

    for _ in range(2):
        async with store.runtime.db.transaction() as tx:
            await commands.convert(tx, [carts[0]["id"], "crt_unknown"])
            await commands.convert(tx, [])

    found = (await guest.get(path)).json()
    assert (found["state"], found["version"]) == ("converted", 2)
    answers = [
        await guest.put(f"{path}/lines/A", json={"quantity": 1}),
        await guest.delete(f"{path}/lines/A"),
        await guest.put(f"{path}/coupon", json={"code": "X"}),
        await store.quote(guest, cart_id=carts[0]["id"]),
    ]
    assert [(answer.status_code, answer.json()["type"]) for answer in answers] == [
        (409, "/problems/illegal-transition")
    ] * 4
    assert (await guest.get(f"{store.base}/carts/{carts[1]['id']}")).json()["state"] == "active"
