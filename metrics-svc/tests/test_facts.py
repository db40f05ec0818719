"""Facts count once: told twice, late, early, in every order and in batches of any size."""

from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from metrics_svc.events_in import PROJECT, TRAFFIC
from metrics_svc.facts.rules import Told, campaign_of, fold, sums_of, words_of
from svc_contracts.events.order import OrderPlaced, OrderRejected
from svc_kit.consumer import Poison
from svc_kit.testing import deliver

pytestmark = pytest.mark.anyio
YEAR = {"first": "2026-01-01", "last": "2026-12-31"}


def a_life(desk: Any) -> list[tuple[int, Any]]:
    """(sequence, event) of an order that is placed, re-asked with other lines, paid, refunded; and its shop."""
    lines = [desk.line("T-1", 1, 1_000), desk.line("C-1", 2, 300)]
    return [
        (1, desk.placed("ord_1", "2026-01-02 10:00", lines)),
        (2, desk.paid("ord_1", "2026-01-03 10:00", 1_300)),
        (3, desk.placed("ord_1", "2026-01-02 10:00", [desk.line("T-1", 1, 1_000)], attempt=2)),
        (5, desk.refunded("ord_1", "2026-01-05 10:00", 250)),
        (1, desk.shop_changed(time_zone="Asia/Shanghai")),
    ]


async def test_every_order_of_arrival_ends_in_the_same_figures(desk: Any) -> None:
    for n, arrival in enumerate(permutations(range(5))):
        events = [a_life(desk)[i] for i in arrival]
        renamed = [(seq, one.model_copy(update=_of(n, one))) for seq, one in events]
        for seq, one in renamed:
            await desk.tell(one, seqs=[seq])
    keys = "orders,units,gmv,paid_gmv,net_sales"

    rows = await desk.ask(keys, **YEAR)

    shops = {row["dims"]["shop"] for row in rows}
    assert len(shops) == 120
    by_shop: dict[str, dict[str, int]] = {}
    for row in rows:
        by_shop.setdefault(row["dims"]["shop"], {})[row["key"]] = row["value"]
    expected = {"orders": 1, "units": 1, "gmv": 1_000, "paid_gmv": 1_300, "net_sales": 1_050}
    assert all(found == expected for found in by_shop.values())
    assert len(await desk.rows_of("fact_order_line")) == 120


def _of(n: int, event: Any) -> dict[str, str]:
    """Each arrival has an order and a shop of its own."""
    names = {"shop": f"shop-{n}", "order_id": f"ord_{n}"}
    return {name: value for name, value in names.items() if hasattr(event, name)}


async def test_one_batch_many_batches_and_repetitions_end_in_the_same_rows(desk: Any) -> None:
    life = a_life(desk)
    seqs, events = [seq for seq, _ in life], [event for _, event in life]
    ids = [desk.runtime.ids.uuid7() for _ in life]

    await desk.tell(*events, seqs=seqs, ids=ids)
    once = await desk.everything()
    await desk.tell(*events, seqs=seqs, ids=ids)
    for seq, event, id_ in reversed(list(zip(seqs, events, ids, strict=True))):
        await desk.tell(event, event, seqs=[seq, seq], ids=[id_, id_])

    assert await desk.everything() == once
    # Without the inbox's help as well: the rows themselves know what they have.
    async with desk.runtime.db.read() as con:
        await con.execute("DELETE FROM inbox")
    await desk.tell(*events, seqs=seqs, ids=ids)
    assert await desk.everything() == once


async def test_a_rejection_takes_the_fact_back_also_when_it_comes_first(desk: Any) -> None:
    await desk.tell(
        desk.shop_changed(), desk.placed("ord_1", "2026-01-02 10:00"), desk.placed("ord_2", "2026-01-02 10:00")
    )
    assert await desk.values("orders,gmv", **YEAR) == {"orders": 2, "gmv": 2_000}

    await desk.tell(desk.rejected("ord_1", "2026-01-02 10:01"))
    await desk.tell(desk.rejected("ord_3", "2026-01-02 10:01"), seqs=[2])
    await desk.tell(desk.placed("ord_3", "2026-01-02 10:00"), seqs=[1])

    assert await desk.values("orders,gmv,buyers", **YEAR) == {"orders": 1, "gmv": 1_000, "buyers": 1}
    assert await desk.by("orders", "sku", **YEAR, by="sku") == {"T-1": 1}


async def test_a_late_shop_moves_orders_to_their_days(desk: Any) -> None:
    await desk.tell(desk.placed("ord_1", "2026-01-02 20:00"))
    assert await desk.by("orders", "period", **YEAR, grain="day") == {"2026-01-02": 1}

    await desk.tell(desk.shop_changed(time_zone="Asia/Shanghai"), seqs=[7])
    assert await desk.by("orders", "period", **YEAR, grain="day") == {"2026-01-03": 1}

    await desk.tell(desk.shop_changed(time_zone="UTC"), seqs=[6])  # an older word
    assert await desk.by("orders", "period", **YEAR, grain="day") == {"2026-01-03": 1}


async def test_a_late_product_moves_lines_to_their_category(desk: Any) -> None:
    await desk.tell(desk.shop_changed(), desk.placed("ord_1", "2026-01-02 20:00"))
    assert await desk.by("gmv", "category_id", **YEAR, by="category") == {"unknown": 1_000}

    await desk.tell(desk.product_changed("prd_tea", "cat_drinks"), seqs=[2])
    await desk.tell(desk.product_changed("prd_tea", "cat_old"), seqs=[1])

    assert await desk.by("gmv", "category_id", **YEAR, by="category") == {"cat_drinks": 1_000}


async def test_a_time_zone_that_postgresql_cannot_tell_is_refused_and_changes_nothing(desk: Any) -> None:
    with pytest.raises(Poison):
        await desk.tell(desk.shop_changed(time_zone="Mars/Olympus"))

    assert await desk.rows_of("shop_copy") == []


async def test_traffic_counts_once_by_visitor_and_id(desk: Any) -> None:
    seen = desk.viewed("vis_a", "2026-01-02 10:00", id="e1")
    await desk.show(seen, seen)
    await desk.show(seen)
    await desk.show(desk.viewed("vis_b", "2026-01-02 10:00", id="e1"))

    assert await desk.values("page_views,visitors", **YEAR) == {"page_views": 2, "visitors": 2}


async def test_nothing_is_emitted_and_the_handlers_ask_for_no_more_than_they_handle(desk: Any) -> None:
    await desk.tell(*(event for _, event in a_life(desk)), seqs=[seq for seq, _ in a_life(desk)])

    async with desk.runtime.db.read() as con:
        assert await con.fetchval("SELECT count(*) FROM outbox") == 0
    assert (PROJECT.deciding, TRAFFIC.deciding, TRAFFIC.inbox) == (False, False, False)
    await deliver(desk.runtime, PROJECT, [desk.viewed("vis_a", "2026-01-02 10:00")])  # not its own: skipped
    assert await desk.rows_of("fact_traffic") == []


def test_the_latest_telling_wins_whatever_comes_first() -> None:
    def told(n: int, stamp: tuple[int, int]) -> Any:
        event = OrderRejected(order_id="ord_1", reason=str(n), at="2026-01-01T00:00:00Z")
        return Told(event, UUID(int=n), stamp)

    one, two, restored = told(1, (1, 8)), told(2, (1, 9)), told(3, (2, 1))
    for order in permutations([one, two, restored]):
        assert fold(order).rejected == {"ord_1": restored}


def test_an_order_is_summed_from_its_lines_and_knows_its_words() -> None:
    line = {"line_id": "l", "sku": "A", "product_id": None, "quantity": 2, "gross_minor": 5, "discount_minor": 2}
    order = OrderPlaced.model_validate(
        {
            "order_id": "ord_1", "number": 1, "shop": "tea", "channel": "web", "person_id": "per_1",
            "region": {"country": "CN", "province": "SH", "city": "SH"}, "currency": "CNY",
            "lines": [line | {"net_minor": 3}, line | {"line_id": "m", "net_minor": 4, "product_id": "prd_1"}],
            "delivery_fee_minor": 9, "total_minor": 16, "payment_method": "cod",
            "placed_at": "2026-01-01T00:00:00Z", "received_at": "2026-01-01T00:00:00Z",
        }
    )  # fmt: skip

    sums = sums_of(order)

    assert (sums.line_count, sums.units, sums.gross_minor, sums.discount_minor, sums.net_minor) == (2, 4, 10, 4, 7)
    assert words_of([order]) == ["A", "per_1", "prd_1"]


@pytest.mark.parametrize(
    ("utm", "campaign"),
    [({}, None), ({"campaign": "a"}, "a"), ({"utm_campaign": "b"}, "b"), ({"campaign": ""}, None)],
)
def test_a_campaign_is_found_under_both_names(utm: dict[str, str], campaign: str | None) -> None:
    assert campaign_of(utm) == campaign
