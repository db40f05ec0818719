"""The routes of inventory-svc over ASGI: bodies, scopes, paging, refusals."""

from typing import Any

import pytest

from inventory_svc.rows import Row
from svc_kit.testing import client_of

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": "key-1"}


@pytest.fixture
async def http(inventory: Any) -> Any:
    async with client_of(inventory.runtime).as_(scopes=("*",)) as client:
        yield client


async def received(http: Any, reference: str, units: dict[str, int], key: str | None = None) -> Any:
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]
    body = {"warehouse": "main", "reference": reference, "lines": lines}
    return await http.post("/v1/admin/stock-receipts", json=body, headers={"Idempotency-Key": key or reference})


async def test_a_warehouse_is_opened_changed_closed_and_opened_again(inventory: Any, http: Any) -> None:
    opened = await http.post("/v1/admin/warehouses", json={"code": "far", "region": "CN-GD", "channels": ["web"]})
    taken = await http.post("/v1/admin/warehouses", json={"code": "far", "region": "CN-GD"})
    changed = await http.patch("/v1/admin/warehouses/far", json={"version": 1, "priority": 7})
    stale = await http.patch("/v1/admin/warehouses/far", json={"version": 1, "priority": 8})
    closed = await http.post("/v1/admin/warehouses/far/close", json={"version": 2})
    twice = await http.post("/v1/admin/warehouses/far/close", json={"version": 3})
    again = await http.post("/v1/admin/warehouses/far/open", json={"version": 3})

    answers = (opened, taken, changed, stale, closed, twice, again)
    assert [answer.status_code for answer in answers] == [201, 409, 200, 409, 200, 409, 200]
    assert opened.headers["Location"] == "/v1/admin/warehouses/far"
    assert [taken.json()["type"], stale.json()["type"], twice.json()["type"]] == [
        "/problems/warehouse-taken",
        "/problems/stale-version",
        "/problems/illegal-transition",
    ]
    assert (await http.get("/v1/admin/warehouses/far")).json()["priority"] == 7
    said = await inventory.said(about="far")
    assert [(event.seq, event.data["state"]) for event in said] == [
        (1, "active"),
        (2, "active"),
        (3, "closed"),
        (4, "active"),
    ]


async def test_a_receipt_answers_the_same_under_another_key_and_refuses_other_content(http: Any) -> None:
    first = await received(http, "PO-1", {"A": 3}, "key-1")
    again = await received(http, "PO-1", {"A": 3}, "key-2")
    other = await received(http, "PO-1", {"A": 4}, "key-3")

    assert [answer.status_code for answer in (first, again, other)] == [201, 200, 409]
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.json()["type"] == "/problems/receipt-changed"


async def test_levels_and_movements_are_read_page_by_page(http: Any) -> None:
    await received(http, "PO-1", {"C": 3, "A": 1, "B": 2})

    first = (await http.get("/v1/admin/stock-levels", params={"limit": 2})).json()
    rest = (await http.get("/v1/admin/stock-levels", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    some = (await http.get("/v1/admin/stock-levels", params={"sku": ["A", "C"], "warehouse": "main"})).json()
    moves = (await http.get("/v1/admin/stock-movements", params={"limit": 2})).json()
    older = (await http.get("/v1/admin/stock-movements", params={"limit": 2, "cursor": moves["next_cursor"]})).json()

    assert [level["sku"] for level in first["items"] + rest["items"]] == ["A", "B", "C"]
    assert rest["next_cursor"] is None
    assert [level["on_hand"] for level in some["items"]] == [1, 3]
    assert [move["sku"] for move in moves["items"] + older["items"]] == ["B", "A", "C"]
    assert moves["items"][0]["actor"]["kind"] == "staff"


async def test_a_level_is_set_by_its_version(http: Any) -> None:
    made = await http.patch("/v1/admin/stock-levels/A/main", json={"version": 0, "backorder_limit": 5})
    stale = await http.patch("/v1/admin/stock-levels/A/main", json={"version": 0, "backorder_limit": 6})
    nowhere = await http.patch("/v1/admin/stock-levels/A/nowhere", json={"version": 0, "backorder_limit": 6})

    assert [answer.status_code for answer in (made, stale, nowhere)] == [200, 409, 422]
    assert (made.json()["backorder_limit"], made.json()["version"], made.json()["availability"]) == (5, 1, "low")


async def test_an_adjustment_answers_the_levels_as_they_became(http: Any) -> None:
    await received(http, "PO-1", {"A": 3, "B": 3})
    lines = [
        {"sku": "A", "warehouse": "main", "delta": -1, "reason": "broken"},
        {"sku": "B", "warehouse": "main", "counted": 9, "reason": "count"},
    ]

    answer = await http.post("/v1/admin/stock-adjustments", json={"lines": lines}, headers=KEY)

    assert answer.status_code == 201
    assert [(line["delta"], line["level"]["on_hand"]) for line in answer.json()["lines"]] == [(-1, 2), (6, 9)]


@pytest.mark.parametrize(
    "body",
    [
        {"warehouse": "main", "reference": "R", "lines": []},
        {"warehouse": "main", "reference": "R", "lines": [{"sku": "A", "quantity": 0}]},
        {"warehouse": "main", "reference": "R", "lines": [{"sku": "A", "quantity": 1}] * 1_001},
        {"warehouse": "main", "reference": "R", "lines": [{"sku": "A@main", "quantity": 1}]},
        {"warehouse": "main", "reference": "R", "lines": [{"sku": "A", "quantity": 1, "colour": "red"}]},
        {"warehouse": "main", "reference": "R" * 65, "lines": [{"sku": "A", "quantity": 1}]},
    ],
)
async def test_a_malformed_receipt_is_refused_and_books_nothing(inventory: Any, http: Any, body: Any) -> None:
    answer = await http.post("/v1/admin/stock-receipts", json=body, headers=KEY)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation-failed")
    assert (await http.get("/v1/admin/stock-levels")).json()["items"] == []
    assert [event.type for event in await inventory.said()] == ["warehouse.changed"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/admin/warehouses"),
        ("POST", "/v1/admin/stock-receipts"),
        ("POST", "/v1/admin/stock-adjustments"),
        ("PATCH", "/v1/admin/stock-levels/A/main"),
        ("GET", "/v1/admin/fulfilments"),
        ("POST", "/v1/admin/fulfilments/bulk"),
        ("POST", "/v1/admin/shipments/shp_1/ship"),
    ],
)
async def test_who_may_only_read_stock_may_not_write(inventory: Any, method: str, path: str) -> None:
    async with client_of(inventory.runtime).as_(scopes=("stock:read",)) as reader:
        answer = await reader.request(method, path, json={}, headers=KEY)

    assert answer.status_code == 403


async def test_a_receipt_without_a_key_is_refused(http: Any) -> None:
    body = {"warehouse": "main", "reference": "R", "lines": [{"sku": "A", "quantity": 1}]}

    answer = await http.post("/v1/admin/stock-receipts", json=body)

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/idempotency-key-missing")


async def test_a_parcel_is_worked_through_one_route_after_the_other(inventory: Any, http: Any) -> None:
    await received(http, "PO-1", {"A": 5})
    await inventory.deliver(inventory.placed("ord_1", [inventory.line("l1", "A", 2)]))
    await inventory.deliver(inventory.confirmed("ord_1"))
    [listed] = (await http.get("/v1/admin/fulfilments", params={"state": "issued"})).json()["items"]
    base = f"/v1/admin/fulfilments/{listed['id']}"

    accepted = (await http.post(f"{base}/accept", json={"version": listed["version"]})).json()
    parcel = f"/v1/admin/shipments/{accepted['shipments'][0]['id']}"
    picked = await http.post(f"{parcel}/pick", json={"version": 1, "scans": [{"sku": "A", "quantity": 1}]})
    short = await http.post(f"{parcel}/pack", json={"version": 2})
    scans = [{"sku": "A", "quantity": 1}]
    packed = await http.post(f"{parcel}/pack", json={"version": 2, "scans": scans, "weight_g": 300, "carrier": "SF"})
    shipped = await http.post(f"{parcel}/ship", json={"version": 3, "tracking_no": "T1"})
    delivered = await http.post(f"{parcel}/deliver", json={"version": 4})
    twice = await http.post(f"{parcel}/deliver", json={"version": 5})

    answers = (picked, short, packed, shipped, delivered, twice)
    assert [answer.status_code for answer in answers] == [200, 409, 200, 200, 200, 409]
    assert short.json()["type"] == "/problems/scan-mismatch"
    [shipment] = delivered.json()["shipments"]
    assert (shipment["carrier"], shipment["tracking_no"], shipment["weight_g"]) == ("SF", "T1", 300)
    assert (delivered.json()["state"], delivered.json()["possible"]) == ("done", [])
    [held] = (await http.get("/v1/admin/reservations", params={"order_id": "ord_1"})).json()["items"]
    assert (held["sku"], held["quantity"], held["state"]) == ("A", 2, "shipped")


async def test_a_bulk_takes_five_hundred_and_answers_each(inventory: Any, http: Any) -> None:
    await received(http, "PO-1", {"A": 500})
    orders = [f"ord_{n:03}" for n in range(500)]
    await inventory.decide(*(inventory.placed(order, [inventory.line("l1", "A", 1)]) for order in orders))
    await inventory.decide(*(inventory.confirmed(order) for order in orders))
    async with inventory.runtime.db.read() as con:
        ids = [row["id"] for row in await con.fetch("SELECT id FROM fulfilment ORDER BY id")]

    for action in ("accept", "pick", "pack", "ship", "deliver"):
        body = {"action": action, "items": [{"id": one} for one in ids]}
        answer = await http.post("/v1/admin/fulfilments/bulk", json=body, headers={"Idempotency-Key": action})
        assert {result["http_status"] for result in answer.json()["results"]} == {200}

    assert await inventory.counts("A") == (0, 0)
    await inventory.audit()


async def test_a_bulk_says_of_each_why_it_was_refused(inventory: Any, http: Any) -> None:
    await received(http, "PO-1", {"A": 5})
    parcel = await inventory.packed("ord_1", {"A": 1})
    items = [{"id": parcel.id}, {"id": "ful_none"}, {"id": parcel.id}]

    answer = await http.post("/v1/admin/fulfilments/bulk", json={"action": "ship", "items": items}, headers=KEY)

    results = answer.json()["results"]
    assert [result["http_status"] for result in results] == [200, 404, 409]
    assert results[1]["problem"]["type"] == "/problems/not-found"


async def test_the_address_is_read_only_while_the_parcel_is_made_up(inventory: Any, http: Any) -> None:
    await received(http, "PO-1", {"A": 5})
    parcel = await inventory.packed("ord_1", {"A": 1})
    away = await http.get(f"/v1/admin/fulfilments/{parcel.id}/address")
    await inventory.deliver(inventory.ended("ord_1"))

    recalled = await http.get(f"/v1/admin/fulfilments/{parcel.id}/address")
    unknown = await http.get("/v1/admin/fulfilments/ful_none/address")

    # No order-svc runs beside this test: the packing view says so instead of waiting.
    assert [away.status_code, recalled.status_code, unknown.status_code] == [503, 409, 404]
    assert away.json()["type"] == "/problems/upstream-unavailable"


async def test_the_migrated_tables_are_those_that_the_rooms_declare(inventory: Any) -> None:
    async with inventory.runtime.db.read() as con:
        rows = await con.fetch(
            "SELECT table_name, column_name, is_nullable = 'YES' AS nullable FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = ANY($1::text[])",
            list(Row.metadata.tables),
        )

    declared = {(t.name, c.name, bool(c.nullable)) for t in Row.metadata.tables.values() for c in t.columns}
    assert {(row["table_name"], row["column_name"], row["nullable"]) for row in rows} == declared
