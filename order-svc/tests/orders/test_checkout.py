"""The checkout as front ends see it: one call, and the decision in its answer."""

import asyncio
from typing import Any

import pytest

from svc_kit.testing import outbox_of

STORE = "/v1/store/demo"
House = Any
pytestmark = pytest.mark.anyio


async def test_buy_now_is_one_call_that_answers_with_the_accepted_order(house: House) -> None:
    async with house.stock({"A": 5}) as left:
        answer = await house.buy(house.member(), house.wish(("A", 2)), wait=5)
    order = answer.json()
    assert answer.status_code == 201, order
    assert answer.headers["Location"] == f"{STORE}/orders/{order['id']}"
    assert (order["status"], order["payment_status"], order["fulfilment_status"], order["possible"]) == (
        "awaiting_payment",
        "none",
        "unfulfilled",
        ["pay", "cancel"],
    )
    assert order["totals"] == {
        "gross": house.amount(2_000),
        "discount": house.amount(0),
        "delivery_fee": house.amount(800),
        "total": house.amount(2_800),
        "paid": house.amount(0),
        "refunded": house.amount(0),
    }
    assert [(line["line_id"], line["sku"], line["quantity"], line["net"]) for line in order["lines"]] == [
        ("l1", "A", 2, house.amount(2_000))
    ]
    assert (order["placed_at"], order["expires_at"]) == ("2026-03-02T02:00:00Z", "2026-03-02T02:15:00Z")
    assert left == {"A": 3}
    assert await house.types(order["id"]) == ["order.placed", "order.awaiting_payment"]


async def test_the_event_of_a_placed_order_carries_what_the_others_decide_by_and_no_name(house: House) -> None:
    order_id = await house.placed(total=5_800, **{"lines": [{"sku": "K", "quantity": 2}]})
    [event] = await house.said(order_id, "order.placed")
    assert event.headers["ce_benefits"] == "0"
    assert event.data["lines"] == [
        {
            "line_id": "l1",
            "sku": "K",
            "product_id": "prd_K",
            "quantity": 2,
            "components": [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}],
            "gross_minor": 5_000,
            "discount_minor": 0,
            "net_minor": 5_000,
        }
    ]
    given = {name: event.data[name] for name in ("attempt", "shop", "channel", "person_id", "total_minor", "currency")}
    assert given == {
        "attempt": 1,
        "shop": "demo",
        "channel": "web",
        "person_id": "per_1",
        "total_minor": 5_800,
        "currency": "CNY",
    }
    assert event.data["region"] == {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
    assert "Lin" not in str(event.data)
    assert "Huaihai" not in str(event.data)


async def test_short_goods_are_refused_with_every_line_and_the_order(house: House) -> None:
    async with house.stock({"A": 1, "B": 0}):
        answer = await house.buy(house.member(), house.wish(("A", 2), ("B", 1)), wait=5)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (409, "/problems/stock-short")
    assert [(one["sku"], one["wanted"], one["available"]) for one in problem["errors"]] == [("A", 2, 1), ("B", 1, 0)]
    assert all("your_unpaid_order" not in one for one in problem["errors"])
    assert await house.status(problem["order_id"]) == "rejected"
    assert await house.types(problem["order_id"]) == ["order.placed", "order.rejected"]


async def test_who_holds_the_last_unit_unpaid_is_told_so(house: House) -> None:
    async with house.stock({"A": 2}):
        first = (await house.buy(house.member(), house.wish(("A", 2)), wait=5)).json()
        mine = (await house.buy(house.member(), house.wish(("A", 1)), wait=5)).json()
        other = (await house.buy(house.member("per_2"), house.wish(("A", 1)), wait=5)).json()
    assert mine["errors"][0]["your_unpaid_order"] == first["id"]
    assert "your_unpaid_order" not in other["errors"][0]


async def test_an_undecided_order_is_answered_with_where_to_ask(house: House) -> None:
    answer = await house.buy(house.member(), house.wish(("A", 2)), wait=0)
    order_id = answer.json()["id"]
    assert (answer.status_code, answer.json()) == (202, {"id": order_id, "status": "placed", "order_token": None})
    seen = await house.member().get(answer.headers["Location"])
    assert (seen.status_code, seen.json()["status"], seen.json()["possible"]) == (200, "placed", ["cancel"])


async def test_a_decision_made_by_another_process_reaches_who_waits(house: House) -> None:
    async def decided_elsewhere() -> None:
        while not (sent := await outbox_of(house.runtime)):
            await asyncio.sleep(0.01)
        async with house.runtime.db.transaction() as tx:  # as another process: nobody is woken here
            await tx.con.execute("UPDATE orders SET status = 'awaiting_payment' WHERE id = $1", sent[0].key)
        house.clock.advance(0.3)

    answer, _ = await asyncio.gather(house.buy(house.member(), house.wish(("A", 2)), wait=5), decided_elsewhere())
    assert (answer.status_code, answer.json()["status"]) == (201, "awaiting_payment")


async def test_a_repeated_request_shows_the_order_as_it_is_now(house: House) -> None:
    buyer, body = house.member(), house.wish(("A", 2))
    first = await house.buy(buyer, body, key="k1")
    order_id = first.json()["id"]
    await house.hears(house.reserved(order_id))
    again = await house.buy(buyer, body, key="k1")
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (201, order_id, "awaiting_payment")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await house.rows("orders") == 1


async def test_a_key_is_bound_to_its_request(house: House) -> None:
    buyer = house.member()
    await house.buy(buyer, house.wish(("A", 2)), key="k1")
    other = await house.buy(buyer, house.wish(("A", 1)), key="k1")
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    missing = await buyer.post(f"{STORE}/checkout", json=house.wish(("A", 1)))
    assert (missing.status_code, missing.json()["type"]) == (400, "/problems/idempotency-key-missing")
    assert await house.rows("orders") == 1


async def test_sixteen_tries_of_one_request_at_once_make_one_order(house: House) -> None:
    buyer, body = house.member(), house.wish(("A", 2))
    answers = await asyncio.gather(*(house.buy(buyer, body, key="k1") for _ in range(16)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} <= {
        "/problems/request-in-progress"
    }
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    assert await house.rows("orders") == 1


async def test_a_quote_is_placed_once_and_answers_the_same_unpaid_order_again(house: House) -> None:
    buyer = house.member()
    quote = await house.quoted(buyer, ("A", 2))
    body = house.wish(quote_id=quote["id"], total=2_800, lines=None, region=None, delivery_method=None)
    async with house.stock({"A": 2}):
        first = await house.buy(buyer, body, wait=5)
        again = await house.buy(buyer, body, wait=5)
        at_once = await asyncio.gather(*(house.buy(buyer, body, wait=5) for _ in range(8)))
    assert first.status_code == 201, first.text
    assert {(one.status_code, one.json()["id"]) for one in [again, *at_once]} == {(201, first.json()["id"])}
    assert await house.rows("orders") == 1


async def test_the_same_quote_twice_in_one_batch_makes_one_order(house: House) -> None:
    buyer = house.member()
    quote = await house.quoted(buyer, ("A", 2))
    body = house.wish(quote_id=quote["id"], total=2_800, lines=None, region=None, delivery_method=None)
    answers = await asyncio.gather(*(house.buy(buyer, body) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await house.rows("orders") == 1


async def test_a_quote_past_its_time_is_refused_and_changes_nothing(house: House) -> None:
    quote = await house.quoted(house.member(), ("A", 2))
    house.later(minutes=15)
    body = house.wish(quote_id=quote["id"], total=2_800, lines=None, region=None, delivery_method=None)
    answer = await house.buy(house.member(), body)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/quote-expired")
    assert await house.is_untouched()


async def test_another_total_than_expected_is_refused_with_the_new_quote(house: House) -> None:
    answer = await house.buy(house.member(), house.wish(("A", 2), total=2_799))
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (409, "/problems/total-changed")
    assert problem["quote"]["total"] == house.amount(2_800)
    assert await house.is_untouched()


async def test_foreign_quotes_are_not_there_even_when_their_goods_are_gone(house: House) -> None:
    quote = await house.quoted(house.member("per_2"), ("A", 2))
    body = house.wish(quote_id=quote["id"], total=2_800, lines=None, region=None, delivery_method=None)
    assert (await house.buy(house.member(), body)).status_code == 404
    await house.copies(house.listing("A", 1_000).model_copy(update={"state": "unlisted"}))
    assert (await house.buy(house.member(), body)).status_code == 404
    owner = await house.buy(house.member("per_2"), body)
    assert (owner.status_code, owner.json()["type"]) == (409, "/problems/not-purchasable")
    assert await house.is_untouched()


async def test_an_address_elsewhere_than_the_quote_says_is_refused_name_by_name(house: House) -> None:
    elsewhere = {"country": "CN", "province": "Zhejiang", "city": "Hangzhou", "district": "Xuhui", "street": "West 1"}
    answer = await house.buy(house.member(), house.wish(("A", 2), address=elsewhere))
    assert answer.status_code == 422
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/address/province", "region-differs"),
        ("/address/city", "region-differs"),
    ]
    assert await house.is_untouched()


async def test_a_buyer_may_have_five_unpaid_orders_even_within_one_batch(house: House) -> None:
    buyer = house.member()
    answers = await asyncio.gather(*(house.buy(buyer, house.wish(("A", 1))) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [409] * 3
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["type"], refused["limit"]) == ("/problems/too-many-unpaid-orders", 5)
    assert (await house.buy(house.member("per_2"), house.wish(("A", 1)))).status_code == 202
    order_id = next(answer.json()["id"] for answer in answers if answer.status_code == 202)
    cancelled = await buyer.post(f"{STORE}/orders/{order_id}/cancel", json={}, headers={"Idempotency-Key": "c1"})
    assert cancelled.status_code == 200
    assert (await house.buy(buyer, house.wish(("A", 1)))).status_code == 202


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"colour": "red"}, {("/colour", "extra-forbidden")}),
        ({"lines": None}, {("/lines", "missing")}),
        ({"lines": None, "region": None, "delivery_method": None}, {
            ("/lines", "missing"), ("/region", "missing"), ("/delivery_method", "missing"),
        }),
        ({"quote_id": "quo_1"}, {
            ("/lines", "either-quote-or-lines"),
            ("/region", "either-quote-or-lines"),
            ("/delivery_method", "either-quote-or-lines"),
        }),
        ({"payment_method": "bank_transfer"}, {("/payment_method", "method-not-offered")}),
        ({"delivery_method": "drone"}, {("/delivery_method", "unknown-delivery-method")}),
        ({"contact": {"name": "", "phone": "x"}}, None),
        ({"expected_total": {"amount_minor": -1, "currency": "CNY"}}, None),
        ({"lines": []}, None),
        ({"lines": [{"sku": "A", "quantity": 0}]}, None),
    ],
)  # fmt: skip
async def test_what_cannot_be_understood_is_refused_and_changes_nothing(
    house: House, changes: dict[str, Any], faults: set[tuple[str, str]] | None
) -> None:
    body = {name: value for name, value in {**house.wish(("A", 2)), **changes}.items() if value is not None}
    answer = await house.buy(house.member(), body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation-failed")
    found = {(one["pointer"], one["code"]) for one in answer.json()["errors"]}
    assert found == faults if faults is not None else found
    assert await house.is_untouched()


async def test_what_nobody_sells_is_refused_line_by_line(house: House) -> None:
    answer = await house.buy(house.member(), house.wish(("A", 1), ("Z", 1), ("Y", 1)))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-purchasable")
    assert [(one["pointer"], one["sku"]) for one in answer.json()["errors"]] == [("/lines/1", "Z"), ("/lines/2", "Y")]
    assert await house.is_untouched()


async def test_a_shop_that_is_unknown_or_closed_has_no_checkout(house: House) -> None:
    headers = {"Idempotency-Key": "k1"}
    answer = await house.member().post("/v1/store/nowhere/checkout", json=house.wish(("A", 1)), headers=headers)
    assert answer.status_code == 404
    await house.copies(house.shop(state="suspended"))
    assert (await house.buy(house.member(), house.wish(("A", 1)))).status_code == 404
    assert await house.is_untouched()


async def test_nobody_without_the_scope_or_a_visitor_id_checks_out(house: House) -> None:
    assert (await house.buy(house.staff(), house.wish(("A", 1)))).status_code == 403
    answer = await house.buy(house.guest("short"), house.wish(("A", 1)))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "visitor-id-missing")
    assert await house.is_untouched()


async def test_a_guests_order_opens_by_its_token_and_for_its_visitor_alone(house: House) -> None:
    guest = house.guest()
    async with house.stock({"A": 2}):
        order = (await house.buy(guest, house.wish(("A", 2)), wait=5)).json()
    path, token = f"{STORE}/orders/{order['id']}", order["order_token"]
    assert (await guest.get(path)).status_code == 200
    assert (await house.guest().get(path)).status_code == 404
    assert (await house.guest().get(path, headers={"X-Order-Token": token})).status_code == 200
    assert (await house.guest().get(path, headers={"X-Order-Token": token[:-1] + "x"})).status_code == 404
    other = (await house.buy(house.guest(), house.wish(("A", 2)))).json()
    assert (await guest.get(f"{STORE}/orders/{other['id']}", headers={"X-Order-Token": token})).status_code == 404
    assert (await house.member().get(path)).status_code == 404


async def test_a_cart_that_became_an_order_is_converted(house: House) -> None:
    buyer = house.member()
    cart = (await buyer.post(f"{STORE}/carts", json={"lines": [{"sku": "A", "quantity": 2}]})).json()
    region = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
    asked = {"cart_id": cart["id"], "region": region, "delivery_method": "standard"}
    quote = (await buyer.post(f"{STORE}/quotes", json=asked)).json()
    body = house.wish(quote_id=quote["id"], total=2_800, lines=None, region=None, delivery_method=None)
    assert (await house.buy(buyer, body)).status_code == 202
    assert (await buyer.get(f"{STORE}/carts/{cart['id']}")).json()["state"] == "converted"


async def test_sixty_four_buyers_share_few_commits_and_ten_units(house: House) -> None:
    buyers = [house.member(f"per_{n}") for n in range(64)]
    async with house.stock({"A": 10}) as left:
        answers = await asyncio.gather(*(house.buy(one, house.wish(("A", 1)), wait=10) for one in buyers))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 54
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {"/problems/stock-short"}
    assert left == {"A": 0}
    numbers = [answer.json()["number"] for answer in answers]
    assert len(set(numbers)) == 64
    async with house.runtime.db.read() as con:
        transactions = await con.fetchval("SELECT count(DISTINCT xmin::text) FROM address")
    assert transactions < 32
