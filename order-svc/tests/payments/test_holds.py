"""Holds on the running service: what waits, who was called, what goes on when it is released."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from order_svc.orders.rules import saga
from order_svc.orders.rules.states import Status, StockState
from svc_contracts.events.order import Shortage

pytestmark = pytest.mark.anyio
MISSING = ("incorrect_address", {"missing": ["street"]})
STRANGE = ("payment_mismatch", {"attempt": 9})


async def holds_of(money: Any, order_id: str, **asked: Any) -> list[Any]:
    async with money.staff() as staff:
        answer = await staff.get("/v1/admin/holds", params={"order_id": order_id, **asked})
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["items"]
    return found


async def release(money: Any, hold: Any, **changes: Any) -> httpx.Response:
    body = {"version": hold["version"], "note": "Called: it is right", **changes}
    async with money.staff() as staff:
        answer: httpx.Response = await staff.post(f"/v1/admin/holds/{hold['id']}/release", json=body)
    return answer


async def contact(money: Any, hold: Any, **changes: Any) -> httpx.Response:
    body = {"version": hold["version"], "kind": "call", "outcome": "no_answer", **changes}
    async with money.staff() as staff:
        answer: httpx.Response = await staff.post(f"/v1/admin/holds/{hold['id']}/contact", json=body)
    return answer


async def paid_without_a_street(money: Any) -> str:
    order_id: str = await money.order(address_missing=("street",))
    await money.step(order_id, lambda case: saga.charged(case, case.order.total_minor, at=case.now))
    assert await money.status(order_id) == ("on_hold", "paid")
    return order_id


async def test_an_incomplete_address_opens_a_hold_that_says_what_is_missing(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)

    [hold] = await holds_of(alone, order_id)

    opened = alone.clock.now()
    assert {key: hold[key] for key in ("order_id", "shop", "reason", "severity", "evidence", "state")} == {
        "order_id": order_id,
        "shop": "demo",
        "reason": "incorrect_address",
        "severity": "fail",
        "evidence": {"missing": ["street"]},
        "state": "open",
    }
    assert (hold["on_deadline"], hold["contacts"], hold["possible"]) == ("cancel", [], ["release", "contact"])
    assert hold["released_by"] is hold["ended_at"] is None
    assert hold["due_at"] > (opened + timedelta(hours=71)).isoformat()
    held = [event.data for event in await alone.said(order_id) if event.type == "order.held"]
    assert [one["reasons"] for one in held] == [["incorrect_address"]]


async def test_the_release_of_the_last_hold_confirms_the_order(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)
    [hold] = await holds_of(alone, order_id)

    answer = await release(alone, hold)

    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["state"], shown["released_by"], shown["note"]) == ("released", "stf_test", "Called: it is right")
    assert (shown["version"], shown["possible"]) == (hold["version"] + 1, [])
    assert (await alone.status(order_id))[0] == "confirmed"
    assert (await alone.types(order_id))[-2:] == ["order.hold_released", "order.confirmed"]
    async with alone.runtime.db.read() as con:
        assert await con.fetchval("SELECT count(*) FROM deadline WHERE kind = 'hold_due'") == 0


async def test_an_order_with_two_holds_waits_for_both(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)
    await alone.hold(order_id, STRANGE)
    first, second = await holds_of(alone, order_id)

    assert (await release(alone, first)).status_code == 200
    assert (await alone.status(order_id))[0] == "on_hold"
    assert (await release(alone, second)).status_code == 200

    assert (await alone.status(order_id))[0] == "confirmed"
    assert (await alone.seen(order_id)).waived == ("incorrect_address", "payment_mismatch")
    assert (await alone.types(order_id)).count("order.confirmed") == 1


async def test_two_holds_released_at_the_same_time_confirm_once(alone: Any) -> None:
    orders = [await paid_without_a_street(alone) for _ in range(6)]
    for order_id in orders:
        await alone.hold(order_id, STRANGE)
    held = [hold for order_id in orders for hold in await holds_of(alone, order_id)]

    answers = await asyncio.gather(*(release(alone, hold) for hold in held))

    assert {answer.status_code for answer in answers} == {200}
    for order_id in orders:
        assert (await alone.types(order_id)).count("order.confirmed") == 1


async def test_short_stock_is_asked_for_again_with_the_next_attempt(alone: Any) -> None:
    order_id = await alone.order(
        external_id="X-1", status=Status.PLACED, stock_state=StockState.ASKED, allocations=[], expires_at=None
    )
    short = Shortage(line_id="l1", sku="A", wanted=1, available=0)
    await alone.step(order_id, lambda case: saga.stock_refused(case, 1, [short]))
    [hold] = await holds_of(alone, order_id)
    assert (hold["reason"], hold["evidence"]["shortages"][0]["wanted"]) == ("stock_short", 1)

    assert (await release(alone, hold)).status_code == 200

    order = await alone.seen(order_id)
    assert (order.status, order.attempt, order.stock_state) == ("placed", 2, "asked")


async def test_a_stale_version_releases_nothing(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)
    [hold] = await holds_of(alone, order_id)
    before = await alone.types(order_id)

    answer = await release(alone, hold, version=hold["version"] - 1)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/stale-version")
    assert await holds_of(alone, order_id) == [hold]
    assert await alone.types(order_id) == before


async def test_what_was_released_is_not_released_again_and_nobody_is_called_about_it(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)
    [hold] = await holds_of(alone, order_id)
    released = (await release(alone, hold)).json()
    before = await alone.types(order_id)

    for answer in (await release(alone, released), await contact(alone, released)):
        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (409, "/problems/illegal-transition")
        assert (problem["state"], problem["possible"]) == ("released", [])
    assert await alone.types(order_id) == before
    assert await holds_of(alone, order_id) == [released]


async def test_contacts_are_kept_in_order_and_raise_the_version(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)
    [hold] = await holds_of(alone, order_id)
    later = (alone.clock.now() + timedelta(hours=2)).isoformat()

    first = (await contact(alone, hold, next_at=later)).json()
    second = (await contact(alone, first, kind="sms", outcome="reached_confirmed", note="sends it")).json()

    assert [(one["kind"], one["outcome"], one["note"], one["made_by"]) for one in second["contacts"]] == [
        ("call", "no_answer", None, "stf_test"),
        ("sms", "reached_confirmed", "sends it", "stf_test"),
    ]
    assert second["contacts"][0]["next_at"] is not None
    assert (second["version"], second["state"]) == (hold["version"] + 2, "open")
    assert (await alone.status(order_id))[0] == "on_hold"
    stale = await contact(alone, hold)
    assert (stale.status_code, stale.json()["type"]) == (409, "/problems/stale-version")


async def test_a_contact_says_what_happened_and_when_to_try_again(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)
    [hold] = await holds_of(alone, order_id)

    several = await contact(alone, hold, kind="pigeon", outcome="ate_it", mood="bad")
    past = await contact(alone, hold, next_at=(alone.clock.now() - timedelta(seconds=1)).isoformat())

    assert sorted(one["pointer"] for one in several.json()["errors"]) == ["/kind", "/mood", "/outcome"]
    assert (past.status_code, [one["pointer"] for one in past.json()["errors"]]) == (422, ["/next_at"])
    assert await holds_of(alone, order_id) == [hold]


async def test_holds_are_found_by_order_state_reason_and_time(alone: Any) -> None:
    orders = [await paid_without_a_street(alone) for _ in range(3)]
    await alone.hold(orders[0], STRANGE)
    [released] = await holds_of(alone, orders[2])
    await release(alone, released)

    async with alone.staff() as staff:

        async def ids(**asked: Any) -> list[str]:
            answer = await staff.get("/v1/admin/holds", params=asked)
            return [one["order_id"] for one in answer.json()["items"]]

        assert await ids() == [orders[0], orders[1], orders[2], orders[0]]
        assert await ids(state="open") == [orders[0], orders[1], orders[0]]
        assert await ids(state=["released", "closed"]) == [orders[2]]
        assert await ids(reason="payment_mismatch") == [orders[0]]
        assert await ids(due_until=(alone.clock.now() + timedelta(hours=25)).isoformat()) == [orders[0]]
        page = (await staff.get("/v1/admin/holds", params={"limit": 3})).json()
        rest = (await staff.get("/v1/admin/holds", params={"limit": 3, "cursor": page["next_cursor"]})).json()
    assert ([one["order_id"] for one in page["items"]], [one["order_id"] for one in rest["items"]]) == (
        orders,
        [orders[0]],
    )
    assert rest["next_cursor"] is None


async def test_holds_of_other_shops_are_not_there_and_others_may_not_look(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)
    [hold] = await holds_of(alone, order_id)

    async with alone.staff(shops=["other"]) as staff:
        assert (await staff.get("/v1/admin/holds")).json()["items"] == []
        for path in (hold["id"], "hld_none"):
            assert (await staff.get(f"/v1/admin/holds/{path}")).status_code == 404
            answer = await staff.post(f"/v1/admin/holds/{path}/release", json={"version": hold["version"]})
            assert answer.status_code == 404
    async with alone.staff("orders:read") as reader:
        denied = await reader.post(f"/v1/admin/holds/{hold['id']}/release", json={"version": hold["version"]})
    assert (denied.status_code, denied.json()["scope"]) == (403, "orders:audit")
    assert await holds_of(alone, order_id) == [hold]


async def test_cancelling_closes_the_holds(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)

    await alone.step(order_id, lambda case: saga.cancel(case, "changed_mind"))

    [hold] = await holds_of(alone, order_id)
    assert (hold["state"], hold["released_by"]) == ("closed", None)
    assert hold["ended_at"] is not None


async def test_an_address_nobody_completed_in_three_days_cancels_the_order(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)
    alone.clock.advance(72 * 3_600 - 60)
    await alone.fire()
    assert (await alone.status(order_id))[0] == "on_hold"

    alone.clock.advance(61)
    await alone.fire()

    order = await alone.seen(order_id)
    assert (order.status, order.reason) == ("cancelling", "hold_expired")
    [hold] = await holds_of(alone, order_id)
    assert hold["state"] == "closed"


async def test_the_clock_of_a_mismatch_only_runs_out(alone: Any) -> None:
    order_id = await alone.order()
    await alone.hold(order_id, STRANGE)
    alone.clock.advance(25 * 3_600)

    await alone.fire()

    [hold] = await holds_of(alone, order_id)
    assert hold["state"] == "open"


async def test_the_same_reason_is_held_once(alone: Any) -> None:
    order_id = await paid_without_a_street(alone)

    await alone.hold(order_id, MISSING, STRANGE, STRANGE)

    assert [hold["reason"] for hold in await holds_of(alone, order_id)] == ["incorrect_address", "payment_mismatch"]
