"""Placing and waiting below the route: many per transaction, benefits beside the goods, requests that go away."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from order_svc.addresses.commands import seal
from order_svc.addresses.rules import Address
from order_svc.buyers import Buyer
from order_svc.orders.commands.placing import Placed, PlaceOrder, place_orders
from order_svc.orders.waiting import UNDECIDED
from order_svc.quotes import store as quote_store
from order_svc.quotes.commands import unsaved_quote
from order_svc.quotes.rules import Asked, Asking, Quote
from svc_contracts.events.order import Benefit, BenefitLine
from svc_kit.refusals import NotFound
from svc_kit.testing import outbox_of
from svc_local.testing import eventually

STORE = "/v1/store/demo"
REGION = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
ADDRESS = Address(name="Lin", phone="13800000000", country="CN", province="Shanghai", city="Shanghai")
House = Any
pytestmark = pytest.mark.anyio


async def quoted(house: House, person_id: str, *lines: tuple[str, int]) -> Quote:
    asked = tuple(Asked(sku, units) for sku, units in lines)
    return await unsaved_quote(house.runtime, Asking("demo", Buyer(person_id, None), REGION, "standard", lines=asked))


def an_item(house: House, of: Quote, **changes: Any) -> PlaceOrder:
    rt = house.runtime
    given: dict[str, Any] = {
        "order_id": rt.ids.new("ord"),
        "shop": "demo",
        "buyer": Buyer(of.person_id, None),
        "session_id": "ses_1",
        "expected_total_minor": of.total_minor,
        "expected_currency": "CNY",
        "sealed": seal(rt.ids, rt.settings.vault_key, ADDRESS),
        "address_missing": (),
        "region": REGION,
        "payment_method": "sandbox",
        "unpaid_expiry_seconds": 900,
        "quote": of,
    }
    return PlaceOrder(**{**given, **changes})


async def with_a_coupon(house: House, person_id: str = "per_1") -> Quote:
    """Stored, as marketing-svc would have granted it: 200 off two A."""
    plain = await quoted(house, person_id, ("A", 2))
    benefit = Benefit(
        promotion_id="pro_1",
        coupon_code="TEN",
        amount_minor=200,
        lines=[BenefitLine(line_id="l1", amount_minor=200)],
    )
    granted = replace(
        plain,
        id=house.runtime.ids.new("quo"),
        lines=(replace(plain.lines[0], discount_minor=200),),
        discount_minor=200,
        total_minor=2_600,
        benefits=(benefit,),
        benefits_state="applied",
    )
    async with house.runtime.db.transaction() as tx:
        await quote_store.insert(tx.con, [granted], tx.now)
    return granted


def of_quote(house: House, quote: Quote) -> Any:
    form = {"lines": None, "region": None, "delivery_method": None}
    return house.wish(quote_id=quote.id, total=quote.total_minor, **form)


async def test_a_full_batch_is_placed_with_a_handful_of_statements(house: House) -> None:
    quotes = [await quoted(house, f"per_{n}", ("A", 1), ("K", 2)) for n in range(129)]
    first, *items = [an_item(house, quote) for quote in quotes]
    statements: list[str] = []

    async with house.runtime.db.transaction() as tx:
        tx.origins = [None] * len(items)
        await place_orders(tx, [first])  # a new connection asks once for each type
        tx.con.add_query_logger(lambda query: statements.append(query.query))
        outcomes = await place_orders(tx, items)

    assert [outcome.order_id for outcome in outcomes if isinstance(outcome, Placed)] == [one.order_id for one in items]
    ours = [query for query in statements if query.startswith(("SELECT", "INSERT")) and "INTO outbox" not in query]
    assert [" ".join(query.split()[:3]) for query in ours] == [
        "SELECT person_id, count(*)",
        "SELECT nextval('order_number') AS",
        "INSERT INTO address",
        "INSERT INTO orders",
        "INSERT INTO order_line",
        "INSERT INTO order_timeline",
        "INSERT INTO deadline",
    ]
    sent = await outbox_of(house.runtime)
    placed = [("order.placed", one.order_id, 1) for one in (first, *items)]
    assert [(event.type, event.key, event.seq) for event in sent] == placed
    assert (await house.rows("order_line"), await house.rows("deadline")) == (258, 129)


async def test_in_a_batch_each_is_refused_or_placed_by_itself(house: House) -> None:
    quote = await quoted(house, "per_1", ("A", 1))
    items = [
        an_item(house, quote),
        an_item(house, quote, expected_total_minor=1),
        an_item(house, quote, buyer=Buyer("per_2", None)),
        an_item(house, quote, quote=None, refusal=NotFound()),
        an_item(house, quote, quote=None, quote_id="quo_0"),
        an_item(house, quote, expected_currency="EUR"),
        an_item(house, quote),
    ]
    async with house.runtime.db.transaction() as tx:
        tx.origins = [None] * len(items)
        outcomes = await place_orders(tx, items)
    found = [one.slug if not isinstance(one, Placed) else one.order_id for one in outcomes]
    assert found == [
        items[0].order_id,
        "total-changed",
        "not-found",
        "not-found",
        "not-found",
        "total-changed",
        items[6].order_id,
    ]
    assert [await house.rows(name) for name in ("orders", "address", "outbox")] == [2, 2, 2]


async def test_quotes_and_carts_crossed_between_batches_do_not_block_each_other(house: House) -> None:
    stored = [await with_a_coupon(house, f"per_{n}") for n in range(6)]

    async def place(quotes: list[Quote]) -> list[str]:
        async with house.runtime.db.transaction() as tx:
            items = [an_item(house, one, quote=None, quote_id=one.id) for one in quotes]
            tx.origins = [None] * len(items)
            return [one.order_id for one in await place_orders(tx, items) if isinstance(one, Placed)]

    first, second, third = await asyncio.gather(place(stored), place(stored[::-1]), place(stored[3:] + stored[:3]))

    assert first == second[::-1] == third[3:] + third[:3]
    assert await house.rows("orders") == 6


# Benefits.


@pytest.mark.parametrize("goods_first", [True, False])
async def test_an_order_with_benefits_is_accepted_once_both_have_agreed(house: House, goods_first: bool) -> None:
    body = of_quote(house, await with_a_coupon(house))
    order_id = (await house.buy(house.member(), body)).json()["id"]
    replies = [house.reserved(order_id), house.benefits("locked", order_id)]

    await house.hears(replies[not goods_first])
    assert await house.status(order_id) == "placed"
    await house.hears(replies[goods_first])

    assert await house.status(order_id) == "awaiting_payment"
    sent = [event for event in await outbox_of(house.runtime) if event.key == order_id]
    assert [(event.type, event.seq, event.headers["ce_benefits"]) for event in sent] == [
        ("order.placed", 1, "1"),
        ("order.awaiting_payment", 2, "1"),
    ]
    assert sent[0].data["benefits"] == [
        {
            "promotion_id": "pro_1",
            "coupon_code": "TEN",
            "amount_minor": 200,
            "lines": [{"line_id": "l1", "amount_minor": 200}],
        }
    ]
    assert (sent[0].data["total_minor"], sent[0].data["lines"][0]["discount_minor"]) == (2_600, 200)


@pytest.mark.parametrize(
    ("why", "slug"),
    [
        ("coupon-exhausted", "coupon-exhausted"),
        ("budget-exhausted", "budget-exhausted"),
        ("coupon-invalid", "coupon-invalid"),
        ("promotion-ended", "coupon-invalid"),
    ],
)
async def test_a_refused_benefit_is_the_answer_of_the_checkout(house: House, why: str, slug: str) -> None:
    buying = asyncio.create_task(house.buy(house.member(), of_quote(house, await with_a_coupon(house)), wait=5))
    order_id = await _placed(house)
    await house.hears(house.benefits("refused", order_id, why), house.reserved(order_id))

    answer = await buying

    problem = answer.json()
    assert (answer.status_code, problem["type"], problem["order_id"]) == (409, f"/problems/{slug}", order_id)
    assert [(one["code"], one["coupon_code"]) for one in problem["errors"]] == [(why, "TEN")]
    assert await house.open_compensations(order_id) == ["stock"]


async def test_a_rejection_says_every_reason_at_once(house: House) -> None:
    buying = asyncio.create_task(house.buy(house.member(), of_quote(house, await with_a_coupon(house)), wait=5))
    order_id = await _placed(house)
    await house.hears(house.refused(order_id), house.benefits("refused", order_id))
    problem = (await buying).json()
    assert problem["type"] == "/problems/stock-short"
    assert [one["code"] for one in problem["errors"]] == ["stock-short", "coupon-exhausted"]
    [event] = await house.said(order_id, "order.rejected")
    assert (len(event.data["shortages"]), len(event.data["refusals"])) == (1, 1)


async def test_used_benefits_stay_used_when_a_parcel_takes_the_cancelling_back(house: House) -> None:
    body = of_quote(house, await with_a_coupon(house))
    order_id = (await house.buy(house.member(), body)).json()["id"]
    await house.hears(house.reserved(order_id), house.benefits("locked", order_id))
    await house.paid(order_id, 2_600)
    await house.hears(house.benefits("used", order_id))
    await house.cancel(house.member(), order_id)
    assert await house.open_compensations(order_id) == ["benefits", "money", "stock"]

    await house.hears(house.shipped(order_id), house.release_refused(order_id))

    assert await house.open_compensations(order_id) == []
    assert (await house.seen(order_id)).benefit_state.value == "used"


# Keys.


async def test_a_refusal_stands_under_its_key_and_a_new_key_is_a_new_try(house: House) -> None:
    buyer, body = house.member(), house.wish(("A", 2), total=1_800)
    first = await house.buy(buyer, body, key="k1")
    await house.copies(house.listing("A", 500))

    again = await house.buy(buyer, body, key="k1")
    fresh = await house.buy(buyer, body, key="k2")

    assert (first.status_code, first.json()["type"]) == (409, "/problems/total-changed")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (409, "true")
    assert {**again.json(), "request_id": None} == {**first.json(), "request_id": None}
    assert (fresh.status_code, await house.rows("orders")) == (202, 1)


async def test_a_replay_finds_its_order_whatever_the_shop_has_changed_since(house: House) -> None:
    buyer, body = house.member(), house.wish(("A", 2))
    order_id = (await house.buy(buyer, body, key="k1")).json()["id"]
    changes: tuple[Any, ...] = (
        house.listing("A", 9_000),
        house.listing("A", 1_000).model_copy(update={"state": "unlisted"}),
        house.shop(payment_methods=["cod"]),
        house.shop(delivery_methods=[]),
        house.shop(state="suspended"),
    )
    for change in changes:
        await house.copies(change)
        again = await house.buy(buyer, body, key="k1")
        assert (again.status_code, again.json()["id"]) == (202, order_id)
        assert again.headers["Idempotent-Replayed"] == "true"
    assert (await house.buy(buyer, body, key="k2")).status_code == 404
    assert await house.rows("orders") == 1


async def test_a_replay_of_a_rejected_order_is_its_rejection(house: House) -> None:
    buyer, body = house.member(), house.wish(("A", 2))
    order_id = (await house.buy(buyer, body, key="k1")).json()["id"]
    await house.hears(house.refused(order_id))
    again = await house.buy(buyer, body, key="k1", wait=5)
    assert (again.status_code, again.json()["type"], again.json()["order_id"]) == (
        409,
        "/problems/stock-short",
        order_id,
    )
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_a_key_belongs_to_who_used_it(house: House) -> None:
    first = await house.buy(house.member("per_1"), house.wish(("A", 2)), key="k1")
    other = await house.buy(house.member("per_2"), house.wish(("A", 2)), key="k1")
    assert (first.status_code, other.status_code) == (202, 202)
    assert first.json()["id"] != other.json()["id"]


# Waiting.


async def test_a_request_that_goes_away_leaves_its_order_and_nothing_else(house: House) -> None:
    buyer, body, room = house.member(), house.wish(("A", 2)), UNDECIDED.of(house.runtime.db)
    buying = asyncio.create_task(house.buy(buyer, body, key="k1", wait=10))
    order_id = await _placed(house)

    buying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await buying

    assert room.waiters == {}
    await eventually(lambda: room.looking is None or room.looking.done(), within_seconds=2, because="nobody waits")
    await house.hears(house.reserved(order_id))
    again = await house.buy(buyer, body, key="k1", wait=5)
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (201, order_id, "awaiting_payment")


async def test_refused_and_decided_requests_leave_nobody_waiting(house: House) -> None:
    async with house.stock({"A": 1}):
        await house.buy(house.member(), house.wish(("A", 1)), wait=5)
        await house.buy(house.member(), house.wish(("A", 1)), wait=5)
        await house.buy(house.member(), house.wish(("A", 1), total=1), wait=5)
    assert UNDECIDED.of(house.runtime.db).waiters == {}


async def test_a_decision_between_entering_and_waiting_is_not_missed(house: House) -> None:
    db, order = house.runtime.db, house.an_order(status="awaiting_payment")
    room = UNDECIDED.of(db)
    one, two = room.enter(db, "ord_1"), room.enter(db, "ord_1")
    room.wake({"ord_1": order})
    assert await one.within(0.001) is order
    assert await two.within(0.001) is order
    room.leave(one)
    room.leave(two)
    assert room.waiters == {}


async def test_who_waits_in_vain_is_told_where_to_ask(house: House) -> None:
    answer = await house.buy(house.member(), house.wish(("A", 2)), wait=1)
    assert (answer.status_code, answer.json()["status"]) == (202, "placed")
    assert answer.headers["Location"] == f"{STORE}/orders/{answer.json()['id']}"
    assert UNDECIDED.of(house.runtime.db).waiters == {}


async def test_a_database_that_drops_its_connections_loses_no_one_who_waits(house: House) -> None:
    buying = asyncio.create_task(house.buy(house.member(), house.wish(("A", 2)), wait=10))
    order_id = await _placed(house)
    house.clock.advance(0.3)  # from now on they are looked for in the database
    async with house.runtime.db.read() as con:
        await con.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        )

    await _until_it_works(lambda: house.hears(house.reserved(order_id)))

    answer = await buying
    assert (answer.status_code, answer.json()["status"]) == (201, "awaiting_payment")


async def _until_it_works(call: Any) -> None:
    async def tried() -> bool:
        try:
            await call()
        except Exception:  # noqa: BLE001 - whatever a dying backend raises
            return False
        return True

    await eventually(tried, within_seconds=5, because="the pool replaces dead connections")


async def _placed(house: House) -> str:
    """The id of the only order, once it is placed."""

    async def sent() -> str:
        found = await outbox_of(house.runtime)
        return found[0].key if found else ""

    return await eventually(sent, within_seconds=5, because="the checkout places before it waits")
