"""The routes of metrics-svc over ASGI: scopes, shops, refusals, definitions, the facts behind a number."""

from typing import Any

import pytest

from metrics_svc.app import SERVICE
from metrics_svc.kpis.definitions import BY_KEY
from metrics_svc.rows import Row
from svc_kit.testing import client_of, runtime_of

pytestmark = pytest.mark.anyio
JANUARY = {"from": "2026-01-01", "to": "2026-01-31"}


async def a_shop(desk: Any) -> None:
    tea, cup = desk.line("T-1", 2, 2_000, discount=100), desk.line("C-1", 1, 500, product="prd_cup")
    await desk.tell(
        desk.shop_changed(time_zone="Asia/Shanghai"),
        desk.product_changed("prd_tea", "cat_drinks"),
        desk.placed("ord_1", "2026-01-02 20:00", [tea, cup], person="per_a", visitor="vis_a", fee=90),
        desk.paid("ord_1", "2026-01-02 20:01", 2_590),
        desk.placed("ord_2", "2026-01-03 10:00", [cup], person="per_a", visitor="vis_b"),
        desk.paid("ord_2", "2026-01-05 10:01", 500),
        desk.placed("ord_3", "2026-01-04 10:00", [tea], person="per_b"),
        desk.placed("ord_4", "2026-01-04 10:00", [tea], person="per_b"),
        desk.rejected("ord_4", "2026-01-04 10:00"),
        desk.refunded("ord_1", "2026-01-06 10:00", 40),
        desk.placed("ord_5", "2026-02-04 10:00", [tea], person="per_b"),
    )
    await desk.show(
        desk.viewed("vis_a", "2026-01-02 10:00", product="prd_tea", sku="T-1"),
        desk.viewed("vis_a", "2026-01-02 10:01"),
        desk.viewed("vis_c", "2026-01-02 10:00", product="prd_cup"),
    )


async def test_only_who_may_read_figures_gets_an_answer(desk: Any) -> None:
    client = client_of(desk.runtime)
    async with client.as_(scopes=("orders:read",)) as stranger, client.as_("visitor", scopes=("store",)) as visitor:
        for path in ("/v1/admin/kpis", "/v1/admin/kpis/definitions", "/v1/admin/kpis/orders/events"):
            assert [(await one.get(path, params=JANUARY)).status_code for one in (stranger, visitor)] == [403, 403]


async def test_somebody_of_one_shop_sees_no_other(desk: Any) -> None:
    await desk.tell(
        desk.shop_changed(), desk.shop_changed("cups"),
        desk.placed("ord_1", "2026-01-02 10:00"), desk.placed("ord_2", "2026-01-02 10:00", shop="cups"),
    )  # fmt: skip
    async with client_of(desk.runtime).as_(scopes=("metrics:read",), shops=("cups",)) as http:
        rows = (await http.get("/v1/admin/kpis", params=JANUARY | {"keys": "orders"})).json()["rows"]
        behind = (await http.get("/v1/admin/kpis/orders/events", params=JANUARY)).json()["items"]
        foreign = [
            (await http.get(path, params=JANUARY | {"shop": "tea"})).status_code
            for path in ("/v1/admin/kpis", "/v1/admin/kpis/orders/events")
        ]
        unknown = await http.get("/v1/admin/kpis", params=JANUARY | {"shop": "nowhere"})

    assert [row["dims"]["shop"] for row in rows] == ["cups"]
    assert [one["order_id"] for one in behind] == ["ord_2"]
    assert foreign == [404, 404]
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/not-found")


async def test_a_shop_that_is_known_only_by_its_orders_is_answered(desk: Any) -> None:
    await desk.tell(desk.placed("ord_1", "2026-01-02 10:00", shop="early"))

    assert await desk.values("orders", first="2026-01-01", last="2026-01-31", shop="early") == {"orders": 1}


async def test_unknown_figures_are_404_with_every_other_fault_beside(desk: Any) -> None:
    asked = {"keys": "orders,foo", "from": "yesterday", "grain": "hour"}
    answer = await desk.http.get("/v1/admin/kpis", params=asked, headers={"Accept-Language": "zh-CN"})

    problem = answer.json()
    assert (answer.status_code, problem["type"], problem["keys"]) == (404, "/problems/unknown-kpi", ["foo"])
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [
        ("/keys", "unknown-kpi"),
        ("/from", "not-a-date"),
        ("/to", "missing"),
        ("/grain", "unknown-value"),
    ]
    assert problem["errors"][0]["message"] == "没有名为 foo 的指标"
    assert problem["errors"][3]["possible"] == ["total", "day", "week", "month"]


async def test_bad_questions_are_422_with_every_fault(desk: Any) -> None:
    answer = await desk.http.get("/v1/admin/kpis", params={"keys": "sessions", "by": "sku", "to": "2026-02-30"})

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation-failed")
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/from", "missing"),
        ("/to", "not-a-date"),
        ("/by", "by-not-possible"),
    ]


async def test_an_answer_that_would_be_too_long_is_refused(database_of: Any, desk: Any) -> None:
    async with runtime_of(SERVICE, database_of("metrics_svc"), kpi_rows_max=1_000) as runtime:
        small = type(desk)(runtime, client_of(runtime).as_(scopes=("metrics:read",)))
        lines = [desk.line(f"S-{n}", 1, 1) for n in range(501)]
        await small.tell(desk.placed("ord_1", "2026-01-02 10:00", lines))
        one = await small.http.get("/v1/admin/kpis", params=JANUARY | {"keys": "units", "by": "sku"})
        two = await small.http.get("/v1/admin/kpis", params=JANUARY | {"keys": "units,gmv", "by": "sku"})

    assert (one.status_code, len(one.json()["rows"])) == (200, 501)
    assert (two.status_code, two.json()["errors"][0]["code"]) == (422, "too-many-rows")


async def test_definitions_are_data_with_versions(desk: Any) -> None:
    items = (await desk.http.get("/v1/admin/kpis/definitions")).json()["items"]

    assert [one["key"] for one in items] == list(BY_KEY)
    rate = next(one for one in items if one["key"] == "repurchase_rate")
    assert rate["version"] == 1
    assert rate["windows_days"] == [30, 90, 180, 365]
    assert rate["grains"] == ["total"]
    assert rate["by"] == ["category", "channel", "product", "sku"]
    assert rate["numerator_events"] == ["order.paid", "order.placed", "order.rejected"]
    assert (rate["unit"], rate["shape"], rate["time_zone"]) == ("rate", "rate", "shop")


async def behind(desk: Any, key: str, **asked: Any) -> list[dict[str, Any]]:
    """All pages, of two facts each."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        params = {**JANUARY, "limit": 2, **asked, **cursor}
        answer = await desk.http.get(f"/v1/admin/kpis/{key}/events", params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("key", ["orders", "units", "gmv", "discounts", "paid_gmv", "page_views"])
async def test_the_facts_behind_a_sum_add_up_to_it(desk: Any, key: str) -> None:
    await a_shop(desk)
    [row] = await desk.ask(key, first="2026-01-01", last="2026-01-31")

    facts = await behind(desk, key)

    assert sum(one["adds"] for one in facts) == row["value"]
    assert len({one["event_id"] for one in facts}) == len(facts)
    assert [one["at"] for one in facts] == sorted(one["at"] for one in facts)


@pytest.mark.parametrize("key", ["units", "gmv", "discounts", "paid_gmv"])
@pytest.mark.parametrize(("by", "dim"), [("product", "product_id"), ("category", "category_id"), ("sku", "sku")])
async def test_the_lines_behind_a_cell_add_up_to_it(desk: Any, key: str, by: str, dim: str) -> None:
    await a_shop(desk)
    for row in await desk.ask(key, first="2026-01-01", last="2026-01-31", by=by):
        facts = await behind(desk, key, **{**row["dims"]})

        assert sum(one["adds"] for one in facts) == row["value"], row
        assert {one[dim] for one in facts} == {row["dims"][dim]}
        assert all(one["line_id"] for one in facts)


async def test_a_fact_says_what_it_is_and_its_shop_day(desk: Any) -> None:
    await a_shop(desk)

    first, *_ = await behind(desk, "gmv")

    async with desk.runtime.db.read() as con:
        event = await con.fetchval("SELECT placed_event FROM fact_order WHERE order_id = 'ord_1'")
    assert {name: value for name, value in first.items() if value is not None} == {
        "event_id": str(event), "type": "order.placed", "at": "2026-01-02T20:00:00Z", "day": "2026-01-03",
        "adds": 2_590, "shop": "tea", "channel": "tea-web", "currency": "CNY", "order_id": "ord_1",
        "person_id": "per_a", "visitor_id": "vis_a", "units": 3, "amount_minor": 2_590, "discount_minor": 100,
    }  # fmt: skip


async def test_both_parts_of_a_fraction_can_be_looked_behind(desk: Any) -> None:
    await a_shop(desk)

    async def orders(key: str, part: str, **asked: Any) -> list[str]:
        return [one["order_id"] for one in await behind(desk, key, part=part, **asked)]

    assert await orders("net_sales", "numerator") == ["ord_1", "ord_2"]
    [refund] = await behind(desk, "net_sales", part="denominator")
    assert (refund["type"], refund["order_id"], refund["adds"]) == ("order.refunded", "ord_1", 40)
    assert await orders("average_order_value", "denominator") == ["ord_1", "ord_2"]
    assert await orders("repurchase_rate", "numerator") == ["ord_1", "ord_2"]
    assert await orders("repurchase_rate", "numerator", sku="C-1") == ["ord_1", "ord_2"]
    assert await orders("repurchase_rate", "numerator", sku="T-1") == []
    assert await orders("repurchase_rate", "denominator", sku="T-1") == ["ord_1"]
    assert await orders("conversion_rate", "numerator") == ["ord_1"]
    assert await orders("conversion_rate", "numerator", product_id="prd_tea") == ["ord_1"]
    assert await orders("conversion_rate", "numerator", product_id="prd_cup") == []
    seen = await behind(desk, "conversion_rate", part="denominator")
    assert {one["visitor_id"] for one in seen} == {"vis_a", "vis_c"}
    assert {one["type"] for one in await behind(desk, "visitors", sku="T-1")} == {"traffic.page_viewed"}
    assert len(await behind(desk, "sessions", channel="tea-web")) == 3
    assert await behind(desk, "gmv", currency="USD") == []
    assert await orders("gmv", "numerator", channel="tea-web") == ["ord_1", "ord_2", "ord_3"]


async def test_looking_behind_refuses_what_cannot_be(desk: Any) -> None:
    async def refused(path: str, **asked: Any) -> tuple[int, list[tuple[str, str]]]:
        answer = await desk.http.get(f"/v1/admin/kpis/{path}/events", params=JANUARY | asked)
        return answer.status_code, [(one["pointer"], one["code"]) for one in answer.json().get("errors", [])]

    assert await refused("foo", to="x") == (404, [("/key", "unknown-kpi"), ("/to", "not-a-date")])
    assert await refused("net_sales", sku="T-1") == (422, [("/sku", "by-not-possible")])
    assert await refused("orders", part="denominator") == (422, [("/part", "no-denominator")])
    # "not base64", a number, a time without a zone, too few
    for cursor in ("%%%", "MTI", "WyIyMDI2LTAxLTAxIiwiYSIsImIiXQ", "WyJhIl0"):
        assert await refused("orders", cursor=cursor) == (422, [("/cursor", "bad-cursor")])


async def test_the_tables_are_what_the_migrations_made(desk: Any) -> None:
    async with desk.runtime.db.read() as con:
        rows = await con.fetch(
            "SELECT table_name, column_name, is_nullable FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name = ANY($1::text[])",
            list(Row.metadata.tables),
        )
        names = {row["indexname"] for row in await con.fetch("SELECT indexname FROM pg_indexes")}
    made = {(row["table_name"], row["column_name"], row["is_nullable"] == "YES") for row in rows}
    declared = {(t.name, c.name, bool(c.nullable)) for t in Row.metadata.tables.values() for c in t.columns}
    assert made == declared
    assert {index.name for t in Row.metadata.tables.values() for index in t.indexes} <= names
