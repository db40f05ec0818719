"""Which warehouse gives what to whom, without a database."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_svc.reservations.rules import (
    Desk,
    NothingReserved,
    Outcome,
    ReservationState,
    Reserved,
    StockOrder,
    allot,
    demand_of,
    shipped_units,
)
from svc_contracts.events.base import Components, Region
from svc_contracts.events.order import OrderConfirmed, OrderPlaced, PlacedLine, Promise, Shortage
from svc_contracts.events.stock import StockRefused, StockReleased, StockReleaseRefused, StockReserved

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def make_line(line_id: str, sku: str, quantity: int, components: dict[str, int] | None = None) -> PlacedLine:
    parts = [Components(sku=part, quantity=count) for part, count in (components or {}).items()]
    return PlacedLine(
        line_id=line_id,
        sku=sku,
        product_id=None,
        quantity=quantity,
        components=parts,
        gross_minor=100,
        discount_minor=0,
        net_minor=100,
    )


def make_placed(order_id: str = "ord_1", *lines: PlacedLine, attempt: int = 1, channel: str = "web") -> OrderPlaced:
    return OrderPlaced(
        order_id=order_id,
        attempt=attempt,
        number=1,
        shop="sample",
        channel=channel,
        person_id="per_1",
        region=Region(country="CN", province="Shanghai", city="Shanghai"),
        currency="CNY",
        lines=list(lines) or [make_line("l1", "A", 2)],
        delivery_fee_minor=0,
        total_minor=100,
        payment_method="sandbox",
        placed_at=NOW,
        received_at=NOW,
    )


def make_confirmed(order_id: str = "ord_1") -> OrderConfirmed:
    promise = Promise(ship_by=NOW, deliver_from=NOW, deliver_until=NOW)
    return OrderConfirmed(order_id=order_id, at=NOW, promise=promise, allocations=[], address_ref="adr_1")


def desk(free: dict[str, int], *orders: StockOrder, serving: tuple[str, ...] = ("main",)) -> Desk:
    known = orders or (StockOrder("ord_1", 1, None),)
    return Desk({order.order_id: order for order in known}, {"web": serving}, free)


def held(lines: list[Reserved]) -> list[tuple[str, str, str, int]]:
    return [(one.line_id, one.sku, one.warehouse, one.quantity) for one in lines]


def test_demand_is_summed_per_sku_with_bundles_exploded() -> None:
    lines = [make_line("l1", "A", 2), make_line("l2", "A", 3), make_line("l3", "SET", 2, {"A": 2, "B": 1})]

    assert demand_of(lines) == {"A": 9, "B": 2}


def test_the_first_warehouse_that_has_everything_gives_everything() -> None:
    free = {"A@far": 9, "B@far": 9, "A@near": 9, "B@near": 0}

    reserved, short = allot("ord_1", [make_line("l1", "A", 1), make_line("l2", "B", 1)], ["near", "far"], free)

    assert held(reserved) == [("l1", "A", "far", 1), ("l2", "B", "far", 1)]
    assert short == []
    assert free == {"A@far": 8, "B@far": 8, "A@near": 9, "B@near": 0}


def test_a_line_splits_over_warehouses_by_priority_where_no_one_has_it_all() -> None:
    free = {"A@near": 3, "A@far": 4}

    reserved, short = allot("ord_1", [make_line("l1", "A", 5)], ["near", "far"], free)

    assert held(reserved) == [("l1", "A", "near", 3), ("l1", "A", "far", 2)]
    assert (short, free) == ([], {"A@near": 0, "A@far": 2})


def test_two_lines_of_one_sku_share_what_is_there_and_the_second_is_short() -> None:
    free = {"A@main": 10}

    reserved, short = allot("ord_1", [make_line("l1", "A", 6), make_line("l2", "A", 6)], ["main"], free)

    assert reserved == []
    assert short == [Shortage(line_id="l2", sku="A", wanted=6, available=4)]
    assert free == {"A@main": 10}


def test_every_shortage_is_named_and_nothing_is_taken() -> None:
    free = {"A@main": 1, "B@main": 5}

    reserved, short = allot(
        "ord_1", [make_line("l1", "A", 2), make_line("l2", "B", 5), make_line("l3", "C", 1)], ["main"], free
    )

    assert reserved == []
    assert [(s.line_id, s.wanted, s.available) for s in short] == [("l1", 2, 1), ("l3", 1, 0)]
    assert free == {"A@main": 1, "B@main": 5}


def test_a_bundle_leaves_a_warehouse_only_in_whole_multiples() -> None:
    free = {"A@near": 5, "B@near": 1, "A@far": 2, "B@far": 9}

    reserved, short = allot("ord_1", [make_line("l1", "SET", 2, {"A": 2, "B": 1})], ["near", "far"], free)

    assert short == []
    assert held(reserved) == [
        ("l1", "A", "near", 2),
        ("l1", "B", "near", 1),
        ("l1", "A", "far", 2),
        ("l1", "B", "far", 1),
    ]


def test_a_single_good_leaves_the_parts_of_a_bundle_alone_where_it_can() -> None:
    free = {"A@near": 1, "B@near": 1, "A@far": 1}

    reserved, short = allot(
        "ord_1", [make_line("l1", "A", 1), make_line("l2", "SET", 1, {"A": 1, "B": 1})], ["near", "far"], free
    )

    assert short == []
    assert sorted(held(reserved)) == [("l1", "A", "far", 1), ("l2", "A", "near", 1), ("l2", "B", "near", 1)]


def test_a_channel_that_no_warehouse_serves_is_short_of_everything() -> None:
    reserved, short = allot("ord_1", [make_line("l1", "A", 2)], [], {"A@main": 10})

    assert reserved == []
    assert [(s.wanted, s.available) for s in short] == [(2, 0)]


@given(
    st.dictionaries(st.sampled_from(["A@x", "A@y", "B@x", "B@y", "C@y"]), st.integers(-2, 12)),
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 8)), min_size=1, max_size=5),
)
def test_single_goods_are_refused_exactly_when_the_sum_is_short(
    free: dict[str, int], wanted: list[tuple[str, int]]
) -> None:
    before = dict(free)
    lines = [make_line(f"l{n}", sku, count) for n, (sku, count) in enumerate(wanted)]
    there = {sku: sum(max(0, free.get(f"{sku}@{w}", 0)) for w in "xy") for sku in "ABC"}

    reserved, short = allot("ord_1", lines, ["x", "y"], free)

    assert bool(short) is any(there[sku] < count for sku, count in demand_of(lines).items())
    taken = {key: before[key] - free[key] for key in before if before[key] != free[key]}
    assert taken == ({} if short else _summed(reserved))
    if not short:
        assert {line.line_id: line.quantity for line in lines} == _by_line(reserved)


def _summed(reserved: list[Reserved]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in reserved:
        sums[one.key] = sums.get(one.key, 0) + one.quantity
    return sums


def _by_line(reserved: list[Reserved]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in reserved:
        sums[one.line_id] = sums.get(one.line_id, 0) + one.quantity
    return sums


def test_a_batch_is_decided_in_order_of_arrival() -> None:
    orders = [StockOrder(f"ord_{n}", 1, None) for n in (1, 2, 3)]
    table = desk({"A@main": 4}, *orders)

    for n in (2, 3, 1):
        table.place(make_placed(f"ord_{n}"), because=n)

    assert [order.outcome for order in orders] == [Outcome.REFUSED, Outcome.RESERVED, Outcome.RESERVED]
    assert [type(said.event) for said in table.said] == [StockReserved, StockReserved, StockRefused]
    assert table.free == {"A@main": 0}


def test_asked_twice_it_answers_the_same_and_takes_nothing_more() -> None:
    table = desk({"A@main": 4})

    table.place(make_placed(), because=0)
    table.place(make_placed(), because=1)

    assert table.said[0].event == table.said[1].event
    assert [said.seq for said in table.said] == [1, 2]
    assert (table.free, len(table.movements)) == ({"A@main": 2}, 1)


@pytest.mark.parametrize(("attempt", "outcome"), [(1, Outcome.REFUSED), (2, Outcome.RESERVED)])
def test_only_a_higher_attempt_is_decided_afresh_after_a_refusal(attempt: int, outcome: Outcome) -> None:
    order = StockOrder("ord_1", 1, Outcome.REFUSED, 1, [Shortage(line_id="l1", sku="A", wanted=2, available=0)])
    table = desk({"A@main": 4}, order)

    table.place(make_placed(attempt=attempt), because=0)

    assert (order.outcome, order.attempt, order.event_seq) == (outcome, attempt, 2)


def test_a_higher_attempt_on_a_standing_promise_only_answers() -> None:
    table = desk({"A@main": 4})
    table.place(make_placed(), because=0)

    table.place(make_placed(attempt=2), because=1)

    assert table.said[1].event.attempt == 2  # type: ignore[attr-defined]
    assert table.free == {"A@main": 2}


def test_what_was_promised_comes_back_at_the_end_for_the_next_in_the_batch() -> None:
    first, second = StockOrder("ord_1", 1, None), StockOrder("ord_2", 1, None)
    table = desk({"A@main": 2}, first, second)

    table.place(make_placed("ord_1"), because=0)
    table.end("ord_1", again_is_news=True, because=1)
    table.place(make_placed("ord_2"), because=2)

    assert [type(said.event) for said in table.said] == [StockReserved, StockReleased, StockReserved]
    assert table.released == {"ord_1"}
    assert table.free == {"A@main": 0}


@pytest.mark.parametrize(("again_is_news", "words"), [(True, 2), (False, 1)])
def test_an_end_that_comes_twice_releases_once(again_is_news: bool, words: int) -> None:
    table = desk({"A@main": 2}, StockOrder("ord_1", 1, None))
    table.place(make_placed(), because=0)

    for _ in range(2):
        table.end("ord_1", again_is_news=again_is_news, because=1)

    assert [type(said.event) for said in table.said[1:]] == [StockReleased] * words
    assert table.free == {"A@main": 2}


def test_an_order_that_ended_before_it_was_placed_is_never_reserved() -> None:
    table = desk({"A@main": 2})

    table.end("ord_1", again_is_news=True, because=0)
    table.place(make_placed(), because=1)

    assert [type(said.event) for said in table.said] == [StockReleased, StockReleased]
    assert (table.free, table.movements) == ({"A@main": 2}, [])


def test_what_has_left_cannot_be_released() -> None:
    gone = [Reserved("ord_1", "l1", "A", "main", 2, 1, ReservationState.SHIPPED)]
    stays = [Reserved("ord_1", "l2", "B", "far", 1, 1)]
    order = StockOrder("ord_1", 1, Outcome.RESERVED, 4, held=gone + stays)
    table = desk({"A@main": 0, "B@far": 0}, order)

    table.end("ord_1", again_is_news=True, because=0)

    [said] = table.said
    assert isinstance(said.event, StockReleaseRefused)
    assert [(line.line_id, line.quantity) for line in said.event.shipped_lines] == [("l1", 2)]
    assert (order.outcome, table.movements, said.seq) == (Outcome.RESERVED, [], 5)


def test_a_shipped_bundle_counts_in_units_of_its_line() -> None:
    parts = [
        Reserved("ord_1", "l1", "A", "main", 6, 2, ReservationState.SHIPPED),
        Reserved("ord_1", "l1", "B", "main", 3, 1, ReservationState.SHIPPED),
        Reserved("ord_1", "l1", "A", "far", 2, 2, ReservationState.SHIPPED),
        Reserved("ord_1", "l2", "B", "far", 1, 1, ReservationState.PICKED),
    ]

    assert shipped_units(parts) == {"l1": 4}


def test_a_confirmed_order_is_handed_to_the_warehouses_once() -> None:
    table = desk({"A@main": 2})
    table.place(make_placed(), because=0)

    table.confirm(make_confirmed())
    table.confirm(make_confirmed())

    assert [held(list(issue.held)) for issue in table.issues.values()] == [[("l1", "A", "main", 2)]]


def test_a_cancellation_in_the_same_batch_wins_over_the_handing_over() -> None:
    table = desk({"A@main": 2})
    table.place(make_placed(), because=0)
    table.confirm(make_confirmed())

    table.end("ord_1", again_is_news=True, because=2)
    table.confirm(make_confirmed())

    assert table.issues == {}


@pytest.mark.parametrize("order", [None, StockOrder("ord_1", 1, Outcome.REFUSED)])
def test_confirming_what_was_never_promised_is_poison(order: StockOrder | None) -> None:
    table = Desk({"ord_1": order} if order else {}, {"web": ["main"]}, {})

    with pytest.raises(NothingReserved):
        table.confirm(make_confirmed())
