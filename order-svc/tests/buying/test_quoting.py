"""Quotes on the running service: what they cost, what they refuse, how long they hold."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from order_svc.buyers import Buyer
from order_svc.quotes import commands
from order_svc.quotes.commands import (
    NotPurchasable,
    lock_quotes,
    make_quote,
    mark_placed,
    taken_off,
    unsaved_quote,
)
from order_svc.quotes.rules import Asked, Asking, Quote
from svc_contracts.events.catalog import ListingWindow, OfferSku
from svc_kit.refusals import NotFound

pytestmark = pytest.mark.anyio

REGION = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
BUYER = Buyer(person_id=None, visitor_key="vis_1")


def asking(*lines: tuple[str, int], **changes: Any) -> Asking:
    given = {"shop": "demo", "buyer": BUYER, "region": REGION, "delivery_method": "standard"}
    return Asking(lines=tuple(Asked(*line) for line in lines), **{**given, **changes})  # type: ignore[arg-type]


async def test_a_quote_says_what_every_line_costs(store: Any) -> None:
    await store.sell("TEA", 3_000)
    await store.sell("POT", 900)
    buyer = store.guest()

    answer = await store.quote(buyer, ("TEA", 2), ("POT", 3))

    quote = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{store.base}/quotes/{quote['id']}"
    assert [(one["line_id"], one["sku"], one["product_id"], one["quantity"]) for one in quote["lines"]] == [
        ("l1", "TEA", "prd_TEA", 2),
        ("l2", "POT", "prd_POT", 3),
    ]
    assert [(one["gross"], one["discount"], one["net"], one["trace"]) for one in quote["lines"]] == [
        (store.money(6_000), store.money(0), store.money(6_000), []),
        (store.money(2_700), store.money(0), store.money(2_700), []),
    ]
    assert quote["lines"][0]["title"] == {"zh": "商品 TEA", "en": "Goods TEA"}
    assert (quote["delivery_fee"], quote["discount"], quote["total"]) == (
        store.money(800),
        store.money(0),
        store.money(9_500),
    )
    assert (quote["benefits"], quote["expires_at"]) == ("none", "2026-03-02T02:15:00Z")
    assert store.marketing.asked == []
    assert (await buyer.get(answer.headers["Location"])).json() == quote


@pytest.mark.parametrize(("units", "fee"), [(98, 800), (99, 0), (100, 0)])
async def test_delivery_is_free_from_the_shops_amount_on(store: Any, units: int, fee: int) -> None:
    await store.sell("A", 100)

    quote = (await store.quote(store.guest(), ("A", units))).json()

    assert (quote["delivery_fee"], quote["total"]) == (store.money(fee), store.money(units * 100 + fee))


async def test_a_bundle_is_quoted_with_its_components_for_the_order(store: Any) -> None:
    await store.hears(store.listing("SET", 5_000, parts={"CUP": 2, "POT": 1}))

    quote = await unsaved_quote(store.runtime, asking(("SET", 3)))

    assert [(part.sku, part.quantity) for part in quote.lines[0].components] == [("CUP", 2), ("POT", 1)]
    assert (quote.lines[0].gross_minor, quote.id) == (15_000, None)


async def test_everything_that_cannot_be_bought_is_named_at_once(store: Any) -> None:
    later = ListingWindow(from_=datetime(2026, 3, 2, 2, 0, 1, tzinfo=UTC))
    await store.sell("GOOD")
    await store.hears(
        store.listing("PAUSED", state="paused"),
        store.listing("LATER", window=later),
        store.listing("NAKED", skus=[OfferSku(sku="NAKED", prices=[])]),
    )

    answer = await store.quote(store.guest(), ("NONE", 1), ("GOOD", 1), ("PAUSED", 1), ("LATER", 1), ("NAKED", 1))

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-purchasable")
    assert [(one["pointer"], one["sku"], one["code"]) for one in answer.json()["errors"]] == [
        ("/lines/0", "NONE", "unknown"),
        ("/lines/2", "PAUSED", "not-live"),
        ("/lines/3", "LATER", "outside-window"),
        ("/lines/4", "NAKED", "no-price"),
    ]
    assert await store.rows("quote") == 0

    store.clock.advance(1)
    assert (await store.quote(store.guest(), ("LATER", 1))).status_code == 201


async def test_the_open_one_of_two_listings_of_a_sku_sells(store: Any) -> None:
    await store.hears(
        store.listing("A", 1_000, listing_id="lst_1", state="unlisted"),
        store.listing("A", 2_000, listing_id="lst_2"),
    )

    assert (await store.quote(store.guest(), ("A", 1))).json()["total"] == store.money(2_800)


@pytest.mark.parametrize("state", ["draft", "suspended", "closed"])
async def test_a_shop_that_is_not_open_quotes_nothing(store: Any, state: str) -> None:
    await store.sell("A")
    await store.hears(store.shop(state=state))

    assert (await store.quote(store.guest(), ("A", 1))).status_code == 404
    assert (await store.guest().post("/v1/store/nowhere/quotes", json={})).status_code == 422
    with pytest.raises(NotFound):
        await unsaved_quote(store.runtime, asking(("A", 1), shop="nowhere"))


async def test_bad_requests_are_refused_with_every_fault(store: Any) -> None:
    await store.sell("A")
    buyer = store.guest()

    wrong = await buyer.post(f"{store.base}/quotes", json={"lines": [{"sku": "A", "quantity": 0}], "colour": "red"})
    neither = await store.quote(buyer)
    both = await store.quote(buyer, ("A", 1), cart_id="crt_1")
    none = await store.quote(buyer, lines=[])
    pigeon = await store.quote(buyer, ("A", 1), delivery_method="pigeon")
    much = await store.quote(buyer, *[("A", 1)] * 201)

    answers = (wrong, neither, both, none, pigeon, much)
    assert [answer.status_code for answer in answers] == [422] * 6
    assert {one["pointer"] for one in wrong.json()["errors"]} == {
        "/lines/0/quantity",
        "/colour",
        "/region",
        "/delivery_method",
    }
    assert [one["code"] for one in neither.json()["errors"]] == ["either-cart-or-lines"]
    assert [one["code"] for one in both.json()["errors"]] == ["either-cart-or-lines"]
    [fault] = pigeon.json()["errors"]
    assert (fault["pointer"], fault["possible"]) == ("/delivery_method", ["standard", "express"])
    assert await store.rows("quote") == 0


async def test_more_than_can_be_counted_is_refused(store: Any) -> None:
    await store.sell("GOLD", 10**12)

    fits = await store.quote(store.guest(), ("GOLD", 1_000), delivery_method="standard")
    over = await store.quote(store.guest(), ("GOLD", 1_000), delivery_method="express")

    assert (fits.status_code, fits.json()["total"]) == (201, store.money(10**15))
    assert [one["code"] for one in over.json()["errors"]] == ["amount-too-large"]


async def test_a_visitor_without_a_usable_id_is_told_so(store: Any) -> None:
    await store.sell("A")

    answers = [
        await store.quote(store.nobody(), ("A", 1)),
        await store.quote(store.guest("x" * 21), ("A", 1)),
        await store.quote(store.guest("x" * 22), ("A", 1)),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 201]
    assert [(one["pointer"], one["code"]) for one in answers[1].json()["errors"]] == [
        ("/headers/X-Visitor-Id", "visitor-id-missing")
    ]


async def test_a_foreign_quote_is_not_there(store: Any) -> None:
    await store.sell("A")
    await store.hears(store.shop("other"))
    guest, member = store.guest("g" * 22), store.member()
    guests = (await store.quote(guest, ("A", 1))).json()["id"]
    members = (await store.quote(member, ("A", 1))).json()["id"]

    opened = {
        (name, which): (await http.get(f"{store.base}/quotes/{quote_id}")).status_code
        for name, http in (("guest", guest), ("member", member), ("stranger", store.guest()))
        for which, quote_id in (("guests", guests), ("members", members))
    }

    assert [pair for pair, status in opened.items() if status == 200] == [("guest", "guests"), ("member", "members")]
    assert set(opened.values()) == {200, 404}
    assert (await guest.get(f"/v1/store/other/quotes/{guests}")).status_code == 404


async def test_a_changed_price_is_quoted_at_once_and_an_old_quote_stays_as_it_was(store: Any) -> None:
    await store.sell("A", 1_000)
    buyer = store.guest()
    old = (await store.quote(buyer, ("A", 1))).json()

    await store.sell("A", 2_000)
    new = (await store.quote(buyer, ("A", 1))).json()

    assert (old["total"], new["total"]) == (store.money(1_800), store.money(2_800))
    assert (await buyer.get(f"{store.base}/quotes/{old['id']}")).json() == old


async def test_a_change_made_by_another_process_is_seen_within_a_second(store: Any) -> None:
    await store.sell("A", 1_000)
    rt = store.runtime
    assert (await unsaved_quote(rt, asking(("A", 1)))).gross_minor == 1_000

    async with rt.db.read() as con:
        await con.execute("UPDATE offer_sku_copy SET document = jsonb_set(document, '{prices,0,amount_minor}', '1500')")
        await con.execute("UPDATE offer_copy SET seq = seq + 1")
        await con.execute("UPDATE copy_mark SET n = n + 1")

    store.clock.advance(0.999)
    assert (await unsaved_quote(rt, asking(("A", 1)))).gross_minor == 1_000
    store.clock.advance(0.001)
    assert (await unsaved_quote(rt, asking(("A", 1)))).gross_minor == 1_500


async def test_a_change_is_quoted_from_its_commit_on_however_many_are_asking(store: Any) -> None:
    rt = store.runtime
    await store.sell("A", 1)
    done = asyncio.Event()

    async def reads() -> None:
        last = 0
        while not done.is_set():
            price = (await unsaved_quote(rt, asking(("A", 1)))).gross_minor
            assert price >= last, "an older price came back"
            last = price
            await asyncio.sleep(0)

    readers = [asyncio.create_task(reads()) for _ in range(6)]
    for price in range(2, 42):
        await store.hears(store.listing("A", price))
        assert (await unsaved_quote(rt, asking(("A", 1)))).gross_minor == price
    done.set()
    await asyncio.gather(*readers)


async def test_buying_now_asks_the_database_nothing_while_nothing_changes(store: Any) -> None:
    await store.sell("A")
    await store.sell("B")
    rt = store.runtime
    await unsaved_quote(rt, asking(("A", 1), ("B", 2)))

    held = [await rt.db.pool.acquire() for _ in range(rt.db.pool.get_max_size())]
    try:
        quote = await asyncio.wait_for(unsaved_quote(rt, asking(("B", 1), ("A", 2))), 1)
    finally:
        for con in held:
            await rt.db.pool.release(con)

    assert quote.total_minor == 3_800
    assert await store.rows("quote") == 0


async def test_what_was_never_sold_is_looked_for_each_time(store: Any) -> None:
    with pytest.raises(NotPurchasable):
        await unsaved_quote(store.runtime, asking(("A", 1)))

    await store.sell("A")

    assert (await unsaved_quote(store.runtime, asking(("A", 1)))).total_minor == 1_800


async def test_a_quote_binds_until_its_goods_are_taken_off_the_shelf(store: Any) -> None:
    for sku in ("A", "B", "C"):
        await store.sell(sku)
    quote = await make_quote(store.runtime, asking(("A", 1), ("B", 1), ("C", 1)))

    over = ListingWindow(until=datetime(2026, 3, 2, 2, 0, tzinfo=UTC))
    await store.hears(store.listing("A", 9_999, window=over))
    async with store.runtime.db.transaction() as tx:
        assert await taken_off(tx, [quote]) == {}

    await store.hears(store.listing("B", state="paused"), store.listing("C", skus=[]))
    async with store.runtime.db.transaction() as tx:
        gone = await taken_off(tx, [quote])
    assert [(one.pointer, one.code, one.facts) for one in gone[str(quote.id)].faults] == [
        ("/quote_id", "not-live", {"sku": "B"}),
        ("/quote_id", "unknown", {"sku": "C"}),
    ]


async def test_a_placed_quote_remembers_its_order(store: Any) -> None:
    await store.sell("A")
    quotes = [await make_quote(store.runtime, asking(("A", 1))) for _ in range(3)]
    ids = [str(quote.id) for quote in quotes]

    async with store.runtime.db.transaction() as tx:
        locked = await lock_quotes(tx, [ids[1], ids[0], "quo_unknown", ids[1]])
        await mark_placed(tx, [(ids[0], "ord_1")])
        await mark_placed(tx, [])

    assert locked == {ids[0]: quotes[0], ids[1]: quotes[1]}
    async with store.runtime.db.read() as con:
        found = [await commands.store.by_id(con, quote_id) for quote_id in ids]
    assert [quote and quote.order_id for quote in found] == ["ord_1", None, None]


async def test_two_placings_of_a_quote_wait_for_each_other(store: Any) -> None:
    await store.sell("A")
    quote = await make_quote(store.runtime, asking(("A", 1)))
    seen: list[str | None] = []

    async def place(order_id: str) -> None:
        async with store.runtime.db.transaction() as tx:
            [locked] = (await lock_quotes(tx, [str(quote.id)])).values()
            seen.append(locked.order_id)
            if locked.order_id is None:
                await mark_placed(tx, [(str(quote.id), order_id)])

    await asyncio.gather(*(place(f"ord_{n}") for n in range(6)))

    assert seen.count(None) == 1
    assert len(set(seen)) == 2


async def test_quotes_of_long_ago_go_as_new_ones_come(store: Any) -> None:
    await store.sell("A")
    rt = store.runtime
    old = [await make_quote(rt, asking(("A", 1))) for _ in range(6)]
    store.clock.advance(15 * 60 + timedelta(days=1).total_seconds())
    await make_quote(rt, asking(("A", 1)))
    assert await store.rows("quote") == len(old) + 1

    store.clock.advance(1)
    counts = []
    for _ in range(3):
        await make_quote(rt, asking(("A", 1)))
        counts.append(await store.rows("quote"))

    assert counts == [4, 3, 4]


async def test_a_quote_comes_back_from_the_database_as_it_was(store: Any) -> None:
    await store.hears(store.listing("SET", 5_000, parts={"CUP": 2}, image="/media/1"), store.listing("A", 700))
    store.marketing.takes_off({"l1": 500}, code="TEN")
    made: Quote = await make_quote(store.runtime, asking(("SET", 2), ("A", 1), coupon_code="TEN"))

    async with store.runtime.db.read() as con:
        assert await commands.store.by_id(con, str(made.id)) == made
