"""What a quote costs: the right price for each line, every sum exact, every bad line named."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_svc.buyers import Buyer
from order_svc.copies.rules import Offer
from order_svc.orders.rules.placing import Line
from order_svc.quotes.rules import Asked, Asking, Bad, Granted, is_sound, price_lines, quote_of, unit_price
from svc_contracts.events.base import Components
from svc_contracts.events.catalog import ListingWindow, OfferSku, Price, PriceRules, ShopChanged
from svc_contracts.events.order import Benefit, BenefitLine
from svc_contracts.money import split

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SHOP = ShopChanged(
    shop="demo",
    name={"en": "Demo"},
    channel="web",
    currency="CNY",
    time_zone="Asia/Shanghai",
    locales=["en"],
    delivery_methods=[],
    payment_methods=["sandbox"],
    unpaid_expiry_seconds=900,
    state="open",
)
BUYER = Buyer(person_id="per_1", visitor_key=None)
ASKING = Asking(shop="demo", buyer=BUYER, region={"country": "CN"}, delivery_method="standard")


def price(amount_minor: int, *, position: int = 1, **changes: Any) -> Price:
    return Price(
        list_id=f"plt_{position}", position=position, amount_minor=amount_minor, **{"currency": "CNY"} | changes
    )


def offer(sku: str, *prices: Price, components: Sequence[Components] = (), **changes: Any) -> Offer:
    plain = Offer(
        listing_id=f"lst_{sku}",
        shop="demo",
        product_id=f"prd_{sku}",
        category_path=("cat_1",),
        brand=None,
        title={"en": sku, "zh": sku},
        image=None,
        state="live",
        window=ListingWindow(),
        sku=OfferSku(sku=sku, components=list(components), prices=list(prices or (price(1_000),))),
    )
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("begins", "ends", "answer"),
    [
        (None, None, 1_000),
        (NOW, None, 1_000),
        (NOW + timedelta(microseconds=1), None, "outside-window"),
        (None, NOW, "outside-window"),
        (None, NOW + timedelta(microseconds=1), 1_000),
    ],
)
def test_an_offer_holds_from_its_first_moment_to_before_its_last(begins: Any, ends: Any, answer: Any) -> None:
    one = offer("A", window=ListingWindow(from_=begins, until=ends))

    assert unit_price(one, SHOP, quantity=1, at=NOW) == answer


@pytest.mark.parametrize(
    "state", ["draft", "checking", "pending_review", "scheduled", "paused", "unlisted", "archived"]
)
def test_what_is_not_live_is_not_sold(state: str) -> None:
    assert unit_price(offer("A", state=state), SHOP, quantity=1, at=NOW) == "not-live"


def test_a_price_in_another_money_is_none() -> None:
    assert unit_price(offer("A", price(1_000, currency="USD")), SHOP, quantity=1, at=NOW) == "no-price"
    assert (
        unit_price(offer("A", price(1_000, rules=PriceRules(channels=["x"]))), SHOP, quantity=1, at=NOW) == "no-price"
    )
    assert unit_price(None, SHOP, quantity=1, at=NOW) == "unknown"


@pytest.mark.parametrize(("quantity", "each"), [(1, 1_000), (9, 1_000), (10, 900), (11, 900)])
def test_the_price_for_many_begins_at_its_quantity(quantity: int, each: int) -> None:
    many = price(900, position=1, rules=PriceRules(quantity_min=10))

    lines, bad = price_lines([Asked("A", quantity)], {"A": offer("A", many, price(1_000, position=2))}, SHOP, at=NOW)

    assert (lines[0].gross_minor, bad) == (each * quantity, [])


def test_the_price_for_many_counts_all_lines_of_the_sku() -> None:
    many = price(900, position=1, rules=PriceRules(quantity_min=10))
    offers = {"A": offer("A", many, price(1_000, position=2))}

    lines, _ = price_lines([Asked("A", 4), Asked("A", 6)], offers, SHOP, at=NOW)

    assert [(line.line_id, line.quantity, line.gross_minor) for line in lines] == [("l1", 4, 3_600), ("l2", 6, 5_400)]


def test_every_line_that_cannot_be_bought_is_named_with_its_reason() -> None:
    offers = {
        "GOOD": offer("GOOD"),
        "PAUSED": offer("PAUSED", state="paused"),
        "LATER": offer("LATER", window=ListingWindow(from_=NOW + timedelta(days=1))),
        "OVER": offer("OVER", price(1, until=NOW)),
    }
    asked = [Asked(sku, 1) for sku in ("NONE", "GOOD", "PAUSED", "LATER", "OVER")]

    _, bad = price_lines(asked, offers, SHOP, at=NOW)

    assert bad == [
        Bad(0, "NONE", "unknown"),
        Bad(2, "PAUSED", "not-live"),
        Bad(3, "LATER", "outside-window"),
        Bad(4, "OVER", "no-price"),
    ]


def test_a_bundle_carries_its_components() -> None:
    parts = [Components(sku="CUP", quantity=2), Components(sku="POT", quantity=1)]

    [line], _ = price_lines([Asked("SET", 3)], {"SET": offer("SET", components=parts)}, SHOP, at=NOW)

    assert line.components == tuple(parts)
    assert offer("SET", components=parts).parts == {"CUP": 2, "POT": 1}
    assert offer("A").parts == {"A": 1}


def some_lines(*gross_minor: int) -> list[Line]:
    return [Line(f"l{n}", f"S{n}", f"prd_{n}", {}, 1, amount, 0) for n, amount in enumerate(gross_minor, start=1)]


def benefit(promotion_id: str, **amounts: int) -> Benefit:
    parts = [BenefitLine(line_id=line_id, amount_minor=amount) for line_id, amount in amounts.items()]
    return Benefit(promotion_id=promotion_id, amount_minor=sum(amounts.values()), lines=parts)


def test_without_an_answer_full_prices_hold() -> None:
    quote = quote_of(ASKING, SHOP, some_lines(100, 50), quote_id="q", delivery_fee_minor=8, granted=None, at=NOW)

    assert (quote.total_minor, quote.discount_minor, quote.benefits_state) == (158, 0, "unavailable")


def test_an_answer_that_takes_nothing_off_is_none() -> None:
    quote = quote_of(ASKING, SHOP, some_lines(100), quote_id=None, delivery_fee_minor=0, granted=Granted(), at=NOW)

    assert (quote.total_minor, quote.benefits_state, quote.id) == (100, "none", None)


def test_discounts_go_to_their_lines_with_their_trace() -> None:
    trace = {"promotion_id": "pro_1", "name": {"en": "Ten off"}, "amount_minor": 10}
    granted = Granted((benefit("pro_1", l2=10),), {"l2": 10}, {"l2": (trace,)})

    quote = quote_of(ASKING, SHOP, some_lines(100, 50), quote_id="q", delivery_fee_minor=8, granted=granted, at=NOW)

    assert [(line.discount_minor, line.net_minor, line.trace) for line in quote.lines] == [
        (0, 100, ()),
        (10, 40, (trace,)),
    ]
    assert (quote.gross_minor, quote.discount_minor, quote.total_minor) == (150, 10, 148)
    assert quote.benefits_state == "applied"


@pytest.mark.parametrize(("passed", "expired"), [(899.999999, False), (900, True), (900.000001, True)])
def test_a_quote_holds_fifteen_minutes(passed: float, expired: bool) -> None:
    quote = quote_of(ASKING, SHOP, some_lines(1), quote_id="q", delivery_fee_minor=0, granted=Granted(), at=NOW)

    assert quote.is_expired(NOW + timedelta(seconds=passed)) is expired


@pytest.mark.parametrize(
    ("granted", "sound"),
    [
        (Granted(), True),
        (Granted((benefit("p", l1=100),), {"l1": 100}), True),
        (Granted((benefit("p", l1=101),), {"l1": 101}), False),
        (Granted((benefit("p", l1=60), benefit("q", l1=40)), {"l1": 100}), True),
        (Granted((benefit("p", l1=60), benefit("q", l1=40)), {"l1": 60}), False),
        (Granted((benefit("p", l1=10),), {}), False),
        (Granted((), {"l1": 10}), False),
        (Granted((benefit("p", l9=10),), {"l9": 10}), False),
        (Granted((Benefit(promotion_id="p", amount_minor=10),), {}), False),
        (Granted((Benefit(promotion_id="p", amount_minor=0),), {"l1": 0}), True),
    ],
)
def test_what_does_not_add_up_is_found(granted: Granted, sound: bool) -> None:
    assert is_sound(granted, some_lines(100, 50)) is sound


GROSS = st.lists(st.integers(0, 10**12), min_size=1, max_size=12)


@given(gross=GROSS, data=st.data())
def test_the_lines_always_sum_to_the_total(gross: list[int], data: st.DataObject) -> None:
    lines = some_lines(*gross)
    off = data.draw(st.integers(0, sum(gross)))
    parts = split(off, gross)
    amounts = {line.line_id: part for line, part in zip(lines, parts, strict=True) if part}
    granted = Granted((benefit("pro_1", **amounts),), amounts)
    fee = data.draw(st.integers(0, 10**6))

    quote = quote_of(ASKING, SHOP, lines, quote_id="q", delivery_fee_minor=fee, granted=granted, at=NOW)

    assert is_sound(granted, lines)
    assert sum(line.net_minor for line in quote.lines) + fee == quote.total_minor
    assert sum(line.discount_minor for line in quote.lines) == quote.discount_minor == off
    assert quote.gross_minor == sum(gross)
    assert all(0 <= line.net_minor <= line.gross_minor for line in quote.lines)


@given(
    units=st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 10**6)), min_size=1, max_size=9),
    each=st.integers(0, 10**9),
)
def test_a_line_is_its_price_times_its_units(units: list[tuple[str, int]], each: int) -> None:
    offers = {sku: offer(sku, price(each)) for sku in "ABC"}

    lines, bad = price_lines([Asked(sku, count) for sku, count in units], offers, SHOP, at=NOW)

    assert bad == []
    assert [(line.sku, line.gross_minor) for line in lines] == [(sku, each * count) for sku, count in units]
    assert [line.line_id for line in lines] == [f"l{n}" for n in range(1, len(units) + 1)]
