"""Bad input gets a precise refusal and changes nothing; deny by default."""

import base64
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from svc_local.layout import State, read_json

pytestmark = pytest.mark.anyio


def money(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": "CNY"}


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


async def test_unknown_fields_and_wrong_types_are_all_named_at_once(world: Any) -> None:
    sku = await world.goods(1)
    buyer, staff = world.buyer(), world.staff()
    quote = await buyer.quote((sku, 1))

    answer = await buyer.checkout({"quote_id": quote["id"], "expected_total": "100 yuan", "colour": "red"})

    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "/problems/validation-failed")
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert {fault["pointer"] for fault in problem["errors"]} == {"/colour", "/expected_total"}
    assert (await staff.level(sku))["reserved"] == 0
    assert (await buyer.checkout({"quote_id": quote["id"], "expected_total": quote["total"]})).status_code == 201


async def test_the_words_follow_the_language_and_the_codes_do_not(world: Any) -> None:
    buyer = world.buyer()
    path, body = f"{buyer.base}/quotes", {"nothing": True}

    english = (await buyer.http.post(path, json=body, headers={"Accept-Language": "en"})).json()
    chinese = (await buyer.http.post(path, json=body, headers={"Accept-Language": "zh-CN"})).json()

    assert english["title"] != chinese["title"]
    assert [one["code"] for one in english["errors"]] == [one["code"] for one in chinese["errors"]]


async def test_a_total_that_is_not_the_quotes_is_refused_with_the_new_quote(world: Any) -> None:
    sku = await world.goods(1)
    buyer, staff = world.buyer(), world.staff()

    answer = await buyer.buy_now((sku, 1), total_minor=1)

    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (409, "/problems/total-changed")
    assert problem["quote"]["total"] == money(10_000)
    assert (await staff.level(sku))["reserved"] == 0


async def test_what_is_not_sold_is_named_line_by_line(world: Any) -> None:
    sku = await world.goods(1)
    buyer = world.buyer()

    problem = await buyer.quote((sku, 1), ("NO-SUCH-1", 1), ("NO-SUCH-2", 2), status=409)

    assert problem["type"] == "/problems/not-purchasable"
    assert [one["sku"] for one in problem["errors"]] == ["NO-SUCH-1", "NO-SUCH-2"]


async def test_a_body_too_large_is_refused(world: Any) -> None:
    buyer = world.buyer()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    answer = await buyer.http.post(f"{buyer.base}/carts", content=pieces())

    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/payload-too-large")


@pytest.mark.parametrize("token", ["nonsense", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzdGZfMSJ9."])
async def test_a_forged_token_opens_nothing(world: Any, token: str) -> None:
    caller = world.client(Authorization=f"Bearer {token}")

    answer = await caller.get("/v1/admin/orders")

    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")


async def test_a_token_of_ours_with_other_words_is_forged(world: Any) -> None:
    head, body, signature = world.owner.authorization.removeprefix("Bearer ").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["exp"] = claims["exp"] + 86_400
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    answer = await world.client(Authorization=f"Bearer {head}.{changed}.{signature}").get("/v1/admin/orders")

    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")


async def test_nobody_is_staff_without_a_token_and_an_approver_may_only_approve(world: Any) -> None:
    guest = world.client()
    approver = world.client(Authorization=world.approver.authorization)

    assert (await guest.get("/v1/admin/orders")).status_code in (401, 403)
    denied = await approver.post(
        "/v1/admin/stock-receipts", json={"warehouse": "x", "reference": "y", "lines": []}, headers=key()
    )
    assert (denied.status_code, denied.json()["scope"]) == (403, "stock:write")


async def test_internal_doors_and_unknown_paths_are_nowhere(world: Any) -> None:
    staff = world.staff()

    for path in ("/internal/v1/addresses/adr_1", "/internal/v1/benefit-quotes", "/metrics", "/v1/admin/nothing"):
        answer = await staff.http.get(path)
        assert answer.status_code == 404, path


async def test_a_stale_version_changes_nothing(world: Any) -> None:
    staff = world.staff()
    path = f"/v1/admin/shops/{world.shop}"
    shop = await staff.ask("GET", path)

    changed = await staff.ask("PATCH", path, json={"version": shop["version"], "name": {"en": "First", "zh": "一"}})
    stale = await staff.ask(
        "PATCH", path, status=409, json={"version": shop["version"], "name": {"en": "Second", "zh": "二"}}
    )

    assert stale["type"] == "/problems/stale-version"
    now = await staff.ask("GET", path)
    assert (now["name"]["en"], now["version"]) == ("First", changed["version"])


async def test_an_order_without_an_idempotency_key_is_refused(world: Any) -> None:
    sku = await world.goods(1)
    buyer, staff = world.buyer(), world.staff()
    quote = await buyer.quote((sku, 1))
    contact = {"name": "Chen", "phone": "+8613800138000"}
    address = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
    body = {"quote_id": quote["id"], "expected_total": quote["total"], "contact": contact, "address": address}

    answer = await buyer.http.post(f"{buyer.base}/checkout", json={**body, "payment_method": "sandbox"})

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/idempotency-key-missing")
    assert (await staff.level(sku))["reserved"] == 0


async def test_no_service_enters_the_database_of_another(world: Any) -> None:
    urls = read_json(State(world.suite.state_dir).suite_file)["postgres"]["app"]
    assert len(urls) == 6

    for name, url in urls.items():
        role, _, _ = url.rpartition("@")
        for other, place in urls.items():
            if other == name:
                continue
            _, _, there = place.rpartition("@")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(f"{role}@{there}")
