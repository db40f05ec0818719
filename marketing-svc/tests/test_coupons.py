"""Coupon batches as staff issue and revoke them."""

from typing import Any

import pytest

pytestmark = pytest.mark.anyio

PATH = "/v1/admin/coupon-batches"


async def test_a_batch_shows_what_is_left_of_it(marketing: Any) -> None:
    promotion = await marketing.promotion(trigger="code", reward={"amount_minor": 2_000})
    body = {"promotion_id": promotion["id"], "code": "welcome20", "total": 3, "per_customer": 1}

    answer = await marketing.merchant.post(PATH, json=body)

    batch = marketing.done(answer, 201)
    assert answer.headers["location"] == f"{PATH}/{batch['id']}"
    assert batch == {
        **body,
        "id": batch["id"],
        "code": "WELCOME20",
        "shop": "tea",
        "validity": {"from": None, "until": None},
        "state": "active",
        "used": 0,
        "locked": 0,
        "left": 3,
        "exhausted": False,
        "possible": ["revoke"],
        "created_at": "2026-03-01T08:00:00Z",
        "version": 1,
    }
    benefit = marketing.benefit(promotion, 2_000, "WELCOME20")
    await marketing.deliver(marketing.placed("ord_1", benefit), marketing.placed("ord_2", benefit))
    await marketing.deliver(marketing.confirmed("ord_1"))
    assert await marketing.get("coupon-batches", batch) == {**batch, "used": 1, "locked": 1, "left": 1}


async def test_a_code_is_taken_in_its_shop_alone(marketing: Any) -> None:
    await marketing.project(marketing.shop_changed("cups"))
    promotion, _ = await marketing.coupon("WELCOME")
    body = {"promotion_id": promotion["id"], "code": "welcome", "total": 3}

    answer = await marketing.merchant.post(PATH, json=body)

    assert marketing.refused(answer, 409, "coupon-code-taken") == {"/code": "coupon-code-taken"}
    await marketing.coupon("WELCOME", shop="cups")
    assert await marketing.rows("coupon_batch") == 2


# (what is said instead, the faults that are found)
IMPOSSIBLE: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"code": "AB"}, {"/code": "string-pattern-mismatch"}),
    ({"code": "A" * 33}, {"/code": "string-pattern-mismatch"}),
    ({"code": "with space"}, {"/code": "string-pattern-mismatch"}),
    ({"total": 0, "per_customer": 0}, {"/total": "greater-than-equal", "/per_customer": "greater-than-equal"}),
    ({"promotion_id": "prm_unknown"}, {"/promotion_id": "unknown-promotion"}),
    ({"validity": {"until": "2026-03-01T08:00:00Z"}}, {"/validity/until": "already-over"}),
    (
        {"validity": {"from": "2026-03-03T00:00:00Z", "until": "2026-03-02T00:00:00Z"}},
        {"/validity": "value-error"},
    ),
]


async def test_what_cannot_be_is_refused_and_leaves_nothing(marketing: Any) -> None:
    promotion = await marketing.promotion(trigger="code")

    for changes, faults in IMPOSSIBLE:
        body = {"promotion_id": promotion["id"], "code": "WELCOME", "total": 3, **changes}
        answer = await marketing.merchant.post(PATH, json=body)
        assert marketing.refused(answer, 422, "validation-failed") == faults

    assert [await marketing.rows(table) for table in ("coupon_batch", "usage_counter")] == [0, 1]


async def test_automatic_and_ended_promotions_take_no_coupons(marketing: Any) -> None:
    automatic = await marketing.step("promotions", await marketing.promotion(), "end")
    body = {"promotion_id": automatic["id"], "code": "WELCOME", "total": 3}

    answer = await marketing.merchant.post(PATH, json=body)

    codes = [one["code"] for one in answer.json()["errors"]]
    assert (answer.status_code, codes) == (422, ["wrong-trigger", "promotion-ended"])
    assert await marketing.rows("coupon_batch") == 0


async def test_revoking_wants_the_version_and_happens_once(marketing: Any) -> None:
    _, batch = await marketing.coupon()
    path = f"{PATH}/{batch['id']}/revoke"

    marketing.refused(await marketing.merchant.post(path, json={"version": 2}), 409, "stale-version")
    revoked = marketing.done(await marketing.merchant.post(path, json={"version": 1}))
    again = await marketing.merchant.post(path, json={"version": 2})

    assert (revoked["state"], revoked["version"], revoked["possible"]) == ("revoked", 2, [])
    marketing.refused(again, 409, "illegal-transition")
    assert (again.json()["state"], again.json()["possible"]) == ("revoked", [])
    marketing.refused(await marketing.merchant.post(f"{PATH}/cpb_x/revoke", json={"version": 1}), 404, "not-found")


async def test_lists_are_filtered_and_foreign_batches_are_not_there(marketing: Any) -> None:
    promotion, first = await marketing.coupon("FIRST")
    second = await marketing.batch(promotion, "SECOND")
    _, third = await marketing.coupon("THIRD")
    foreign = await marketing.staff(["marketing:*"], shops=["cups"])

    async def codes(**params: Any) -> list[str]:
        answer = marketing.done(await marketing.merchant.get(PATH, params=params))
        return sorted(one["code"] for one in answer["items"])

    assert await codes(shop="tea") == ["FIRST", "SECOND", "THIRD"]
    assert await codes(promotion_id=promotion["id"]) == ["FIRST", "SECOND"]
    assert await codes(code="second") == [second["code"]]
    assert marketing.done(await foreign.get(PATH))["items"] == []
    marketing.refused(await foreign.get(f"{PATH}/{first['id']}"), 404, "not-found")
    marketing.refused(await foreign.post(f"{PATH}/{third['id']}/revoke", json={"version": 1}), 404, "not-found")
    answer = await foreign.post(PATH, json={"promotion_id": promotion["id"], "code": "MINE", "total": 1})
    assert marketing.refused(answer, 422, "validation-failed") == {"/promotion_id": "unknown-promotion"}
