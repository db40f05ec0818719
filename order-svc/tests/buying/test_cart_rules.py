"""What is said about a cart: problems are data, and sums hold whatever is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_svc.buyers import Buyer
from order_svc.carts.rules import (
    QUANTITY_MAX,
    TRANSITIONS,
    Cart,
    CartLine,
    Problem,
    Sight,
    merged,
    possible,
    priced,
    recalculate,
)
from order_svc.copies.rules import Offer
from order_svc.quotes.rules import Asked
from svc_contracts.events.base import LINES_MAX, Components
from svc_contracts.events.catalog import ListingWindow, OfferSku, Price, ShopChanged

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
CART = Cart("crt_1", "demo", None, "vis_1", None, "active", None, NOW, NOW, 1)


def offer(sku: str, each: int = 1_000, *, parts: Mapping[str, int] | None = None, **changes: Any) -> Offer:
    components = [Components(sku=part, quantity=count) for part, count in (parts or {}).items()]
    prices = [Price(list_id="plt_1", position=1, amount_minor=each, currency="CNY")]
    plain = Offer(
        listing_id=f"lst_{sku}",
        shop="demo",
        product_id=f"prd_{sku}",
        category_path=(),
        brand=None,
        title={"en": sku},
        image=None,
        state="live",
        window=ListingWindow(),
        sku=OfferSku(sku=sku, components=components, prices=prices),
    )
    return replace(plain, **changes)


def sight(*offers: Offer, units: Mapping[str, int] | None = None, shop: ShopChanged = SHOP) -> Sight:
    return Sight(shop, {one.sku.sku: one for one in offers}, units or {}, NOW)


def cart(*lines: CartLine, **changes: Any) -> Cart:
    return replace(CART, lines=tuple(lines), **changes)


@pytest.mark.parametrize(("wanted", "problems"), [(9, 0), (10, 0), (11, 1)])
def test_more_than_there_is_is_said_early(wanted: int, problems: int) -> None:
    found = recalculate(cart(CartLine("A", wanted, 1_000)), sight(offer("A"), units={"A": 10}))

    short = Problem("insufficient_stock", wanted=wanted, available=10)
    assert found.lines[0].problems == (short,) * problems
    # It still counts: stock is decided when the order is placed.
    assert found.subtotal_minor == wanted * 1_000


def test_bundles_and_single_goods_share_the_same_units() -> None:
    found = recalculate(
        cart(CartLine("SET", 2, 1_000), CartLine("CUP", 1, 1_000)),
        sight(offer("SET", parts={"CUP": 2, "POT": 1}), offer("CUP"), units={"CUP": 4, "POT": 9}),
    )

    assert [line.problems for line in found.lines] == [
        (Problem("insufficient_stock", wanted=2, available=2),),
        (Problem("insufficient_stock", wanted=1, available=4),),
    ]


def test_what_may_be_ordered_ahead_is_not_short() -> None:
    plain = offer("A")
    ahead = replace(plain, sku=plain.sku.model_copy(update={"backorder_limit": 5}))

    found = [recalculate(cart(CartLine("A", n)), sight(ahead, units={"A": 1})).lines[0].problems for n in (6, 7)]

    assert found == [(), (Problem("insufficient_stock", wanted=7, available=1),)]


@pytest.mark.parametrize(
    ("offers", "why"),
    [([], "unknown"), ([offer("A", state="paused")], "not-live")],
)
def test_what_cannot_be_bought_stays_in_the_cart_and_counts_nothing(offers: list[Offer], why: str) -> None:
    found = recalculate(
        cart(CartLine("A", 2, 1_000), CartLine("B", 1, 500)), sight(*offers, offer("B", 500), units={"B": 1})
    )

    assert found.lines[0].problems == (Problem("variant_unavailable", why=why),)
    assert (found.lines[0].unit_minor, found.lines[0].total_minor) == (None, None)
    assert found.subtotal_minor == 500


@pytest.mark.parametrize(
    ("shown", "now", "problems"),
    [
        (1_000, 1_000, ()),
        (999, 1_000, (Problem("price_changed", was_minor=999, now_minor=1_000),)),
        (1_001, 1_000, (Problem("price_changed", was_minor=1_001, now_minor=1_000),)),
        # Not to be bought then, to be bought now: nothing that was shown has changed.
        (None, 1_000, ()),
    ],
)
def test_a_price_that_changed_is_said_with_both(shown: int | None, now: int, problems: tuple[Problem, ...]) -> None:
    found = recalculate(cart(CartLine("A", 1, shown)), sight(offer("A", now), units={"A": 1}))

    assert found.lines[0].problems == problems
    assert found.subtotal_minor == now


def test_a_closed_shop_is_said_once() -> None:
    closed = SHOP.model_copy(update={"state": "suspended"})

    found = recalculate(cart(CartLine("A", 1, 1_000)), sight(offer("A"), units={"A": 1}, shop=closed))

    assert found.problems == (Problem("shop_closed"),)
    assert found.lines[0].problems == ()


def test_the_same_sku_twice_is_one_line_with_its_price_of_now() -> None:
    lines = priced([Asked("B", 1), Asked("A", 2), Asked("B", 3)], sight(offer("A", 10), offer("B", 20)))

    assert lines == [CartLine("B", 4, 20), CartLine("A", 2, 10)]
    assert priced([Asked("GONE", 1)], sight()) == [CartLine("GONE", 1, None)]


@pytest.mark.parametrize(
    ("owner", "buyer", "owns"),
    [
        (("per_1", None), Buyer("per_1", None), True),
        (("per_1", None), Buyer("per_2", None), False),
        (("per_1", "vis_1"), Buyer(None, "vis_1"), False),
        (("per_1", "vis_1"), Buyer("per_2", "vis_1"), False),
        ((None, "vis_1"), Buyer(None, "vis_1"), True),
        ((None, "vis_1"), Buyer("per_1", "vis_1"), True),
        ((None, "vis_1"), Buyer(None, "vis_2"), False),
        ((None, "vis_1"), Buyer("per_1", None), False),
        ((None, None), Buyer("per_1", None), False),
        ((None, None), Buyer(None, None), False),
    ],
)
def test_a_members_things_are_the_members_and_a_guests_open_by_the_visitor(
    owner: tuple[str | None, str | None], buyer: Buyer, owns: bool
) -> None:
    assert buyer.owns(person_id=owner[0], visitor_key=owner[1]) is owns


def test_only_an_active_cart_can_be_touched() -> None:
    states: Sequence[Any] = ("active", "converting", "converted", "abandoned", "recovered", "expired")

    assert {state: possible(state) for state in states} == {
        "active": ["change", "claim"],
        **{state: [] for state in states[1:]},
    }
    assert {target for _, target in TRANSITIONS.values()} == {"active", "expired", "converted"}


def test_a_merged_cart_never_holds_more_than_a_cart_may() -> None:
    own = cart(*(CartLine(f"O{n}", 1) for n in range(LINES_MAX - 1)))
    guests = cart(CartLine("O0", QUANTITY_MAX), CartLine("G1", 1), CartLine("G2", 1))

    lines = merged(own, guests)

    assert len(lines) == LINES_MAX
    assert lines[0] == CartLine("O0", QUANTITY_MAX)
    assert lines[-1] == CartLine("G1", 1)


LINES = st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(1, 1_000)), max_size=8)


@given(
    lines=LINES, prices=st.lists(st.integers(0, 10**9), min_size=5, max_size=5), sold=st.sets(st.sampled_from("ABCDE"))
)
def test_the_subtotal_is_the_sum_of_what_can_be_bought(
    lines: list[tuple[str, int]], prices: list[int], sold: set[str]
) -> None:
    each = dict(zip("ABCDE", prices, strict=True))
    view = sight(*(offer(sku, each[sku]) for sku in sorted(sold)))
    kept = priced([Asked(sku, count) for sku, count in lines], view)

    found = recalculate(cart(*kept), view)

    assert found.subtotal_minor == sum(each[sku] * count for sku, count in lines if sku in sold)
    assert [line.sku for line in found.lines] == list(dict.fromkeys(sku for sku, _ in lines))


@given(own=LINES, guests=LINES)
def test_merging_loses_no_unit(own: list[tuple[str, int]], guests: list[tuple[str, int]]) -> None:
    def units(lines: Sequence[tuple[str, int]]) -> dict[str, int]:
        found: dict[str, int] = {}
        for sku, count in lines:
            found[sku] = found.get(sku, 0) + count
        return found

    one = cart(*priced([Asked(*line) for line in own], sight()))
    other = cart(*priced([Asked(*line) for line in guests], sight()))

    assert {line.sku: line.quantity for line in merged(one, other)} == units([*own, *guests])
