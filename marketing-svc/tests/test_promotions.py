"""Promotions as staff write them and pages show them."""

from datetime import timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.anyio

PATH = "/v1/admin/promotions"
VALID: dict[str, Any] = {
    "shop": "tea",
    "name": {"zh": "九折", "en": "Ten off"},
    "trigger": "automatic",
    "scope": "order",
    "reward": {"rate_bp": 1_000},
}


async def test_a_promotion_is_written_down_and_told_whole(marketing: Any) -> None:
    campaign = await marketing.campaign()
    until = (marketing.now + timedelta(days=7)).isoformat()
    body = {
        **VALID,
        "campaign_id": campaign["id"],
        "conditions": {"skus": ["B", "A"], "brands": ["Yun"], "spend_min_minor": 10_000},
        "priority": 5,
        "stacking": "exclusive",
        "group": "spring",
        "window": {"until": until},
        "total": 100,
        "per_customer": 2,
    }

    answer = await marketing.merchant.post(PATH, json=body)

    made = marketing.done(answer, 201)
    assert answer.headers["location"] == f"{PATH}/{made['id']}"
    assert made == {
        **body,
        "id": made["id"],
        "state": "draft",
        "conditions": {"skus": ["A", "B"], "brands": ["Yun"], "spend_min_minor": 10_000},
        "currency": "CNY",
        "window": {"from": None, "until": "2026-03-08T08:00:00Z"},
        "used": 0,
        "locked": 0,
        "exhausted": False,
        "possible": ["activate", "end"],
        "created_at": "2026-03-01T08:00:00Z",
        "version": 1,
    }
    assert await marketing.get("promotions", made) == made
    [told] = await marketing.said(about=made["id"])
    assert (told.type, told.seq) == ("promotion.changed", 1)
    assert told.data == {
        "promotion_id": made["id"],
        "campaign_id": campaign["id"],
        "shop": "tea",
        "name": {"zh": "九折", "en": "Ten off"},
        "trigger": "automatic",
        "scope": "order",
        "state": "draft",
        "conditions": {"skus": ["A", "B"], "brands": ["Yun"], "spend_min_minor": 10_000},
        "reward": {"rate_bp": 1_000},
        "from": None,
        "until": "2026-03-08T08:00:00Z",
    }


async def test_its_life_goes_by_verbs_and_each_is_told(marketing: Any) -> None:
    one = await marketing.promotion(active=False)
    seen = []
    for verb in ("activate", "pause", "resume", "end"):
        one = await marketing.step("promotions", one, verb)
        seen.append((one["state"], one["version"], one["possible"]))

    assert seen == [
        ("active", 2, ["pause", "end"]),
        ("paused", 3, ["resume", "end"]),
        ("active", 4, ["pause", "end"]),
        ("ended", 5, []),
    ]
    states = [event.data["state"] for event in await marketing.said(about=one["id"])]
    assert states == ["draft", "active", "paused", "active", "ended"]
    await marketing.audit()


# (what is said instead, the faults that are found)
IMPOSSIBLE: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"reward": {}}, {"/reward": "value-error"}),
    ({"reward": {"rate_bp": 1, "amount_minor": 1}}, {"/reward": "value-error"}),
    ({"reward": {"rate_bp": 10_001}}, {"/reward/rate_bp": "less-than-equal"}),
    ({"reward": {"rate_bp": 0}}, {"/reward/rate_bp": "greater-than-equal"}),
    ({"reward": {"amount_minor": 0}}, {"/reward/amount_minor": "greater-than-equal"}),
    ({"reward": {"gift": "tea"}}, {"/reward/gift": "extra-forbidden"}),
    ({"trigger": "claim"}, {"/trigger": "literal-error"}),
    ({"scope": "shipping", "name": {}}, {"/scope": "literal-error", "/name": "value-error"}),
    ({"name": {"fr": "dix"}}, {"/name/fr/[key]": "string-pattern-mismatch"}),
    ({"per_customer": 0, "total": 0}, {"/per_customer": "greater-than-equal", "/total": "greater-than-equal"}),
    ({"priority": -1}, {"/priority": "greater-than-equal"}),
    ({"window": {"from": "2026-04-01T00:00:00"}}, {"/window/from": "timezone-aware"}),
    ({"shop": "nowhere"}, {"/shop": "unknown-shop"}),
    ({"campaign_id": "cmp_unknown"}, {"/campaign_id": "unknown-campaign"}),
    ({"stacking": "exclusive"}, {"/group": "group-of-exclusive"}),
    ({"group": "g"}, {"/group": "group-of-exclusive"}),
    ({"window": {"until": "2026-03-01T08:00:00Z"}}, {"/window/until": "already-over"}),
    (
        {"scope": "catalogue", "conditions": {"spend_min_minor": 1, "quantity_min": 1}, "group": "g"},
        {
            "/conditions/spend_min_minor": "needs-a-cart",
            "/conditions/quantity_min": "needs-a-cart",
            "/group": "group-of-exclusive",
        },
    ),
    (
        {"shop": "nowhere", "campaign_id": "cmp_unknown", "stacking": "exclusive"},
        {"/shop": "unknown-shop", "/group": "group-of-exclusive", "/campaign_id": "unknown-campaign"},
    ),
]


async def test_what_cannot_be_is_refused_with_every_fault_and_leaves_nothing(marketing: Any) -> None:
    for changes, faults in IMPOSSIBLE:
        answer = await marketing.merchant.post(PATH, json={**VALID, **changes})
        assert marketing.refused(answer, 422, "validation-failed") == faults

    assert [await marketing.rows(table) for table in ("promotion", "usage_counter")] == [0, 0]
    assert await marketing.said() == []


async def test_words_come_in_the_readers_language(marketing: Any) -> None:
    body = {**VALID, "shop": "nowhere"}
    answer = await marketing.merchant.post(PATH, json=body, headers={"Accept-Language": "zh-CN"})

    assert answer.json()["errors"][0]["message"] == "店铺 nowhere 不存在"


async def test_a_campaign_of_another_shop_or_one_that_is_over_takes_no_promotions(marketing: Any) -> None:
    await marketing.project(marketing.shop_changed("cups"))
    other = await marketing.campaign(shop="cups")
    over = await marketing.step("campaigns", await marketing.campaign(), "end")

    for campaign in (other, over):
        answer = await marketing.merchant.post(PATH, json={**VALID, "campaign_id": campaign["id"]})
        assert marketing.refused(answer, 422, "validation-failed") == {"/campaign_id": "unknown-campaign"}


async def test_a_draft_may_change_and_nothing_else_may(marketing: Any) -> None:
    campaign = await marketing.campaign()
    one = await marketing.promotion(active=False, campaign_id=campaign["id"], total=5)
    path = f"{PATH}/{one['id']}"
    body = {
        "version": 1,
        "name": {"en": "Other"},
        "reward": {"amount_minor": 500},
        "conditions": {"skus": ["A"]},
        "campaign_id": None,
        "total": 1,
        "window": {"from": "2026-03-02T00:00:00Z"},
    }

    changed = marketing.done(await marketing.merchant.patch(path, json=body))

    expected = {**one, **body, "version": 2, "window": {"from": "2026-03-02T00:00:00Z", "until": None}}
    assert changed == expected
    answer = await marketing.merchant.patch(path, json={"version": 1, "total": 9})
    marketing.refused(answer, 409, "stale-version")
    assert answer.json()["current_version"] == 2
    answer = await marketing.merchant.patch(path, json={"version": 2, "stacking": "exclusive"})
    assert marketing.refused(answer, 422, "validation-failed") == {"/group": "group-of-exclusive"}
    assert await marketing.get("promotions", one) == expected
    await marketing.step("promotions", changed, "activate")
    answer = await marketing.merchant.patch(path, json={"version": 3, "total": 9})
    marketing.refused(answer, 409, "illegal-transition")
    assert (answer.json()["state"], answer.json()["possible"]) == ("scheduled", ["pause", "end"])
    assert [event.seq for event in await marketing.said(about=one["id"])] == [1, 2, 3]


async def test_the_cap_of_a_draft_that_was_changed_is_the_cap_that_counts(marketing: Any) -> None:
    one = await marketing.promotion(active=False, total=5)
    body = {"version": 1, "total": 1}
    one = marketing.done(await marketing.merchant.patch(f"{PATH}/{one['id']}", json=body))
    await marketing.step("promotions", one, "activate")
    benefit = marketing.benefit(one, 1_000)

    await marketing.deliver(marketing.placed("ord_1", benefit), marketing.placed("ord_2", benefit))

    assert (await marketing.get("promotions", one))["locked"] == 1
    assert await marketing.types("ord_2") == ["benefits.refused"]


async def test_stale_versions_impossible_verbs_and_unknown_ones_change_nothing(marketing: Any) -> None:
    one = await marketing.promotion(active=False)
    path, said = f"{PATH}/{one['id']}", await marketing.said()

    marketing.refused(await marketing.merchant.post(f"{path}/activate", json={"version": 9}), 409, "stale-version")
    answer = await marketing.merchant.post(f"{path}/pause", json={"version": 1})
    marketing.refused(answer, 409, "illegal-transition")
    assert answer.json()["possible"] == ["activate", "end"]
    marketing.refused(await marketing.merchant.post(f"{path}/explode", json={"version": 1}), 422, "validation-failed")
    marketing.refused(await marketing.merchant.post(f"{path}/activate", json={}), 422, "validation-failed")
    marketing.refused(await marketing.merchant.post(f"{PATH}/prm_x/activate", json={"version": 1}), 404, "not-found")

    assert await marketing.get("promotions", one) == one
    assert await marketing.said() == said


async def test_what_is_over_before_it_begins_cannot_be_activated(marketing: Any) -> None:
    until = (marketing.now + timedelta(seconds=10)).isoformat()
    draft = await marketing.promotion(active=False, window={"until": until})
    paused = await marketing.step("promotions", await marketing.promotion(window={"until": until}), "pause")
    marketing.clock.advance(10)

    for one, verb in ((draft, "activate"), (paused, "resume")):
        answer = await marketing.merchant.post(f"{PATH}/{one['id']}/{verb}", json={"version": one["version"]})
        marketing.refused(answer, 409, "window-over")


async def test_windows_begin_and_end_by_the_clock(marketing: Any) -> None:
    begin, end = marketing.now + timedelta(minutes=10), marketing.now + timedelta(minutes=20)
    window = {"from": begin.isoformat(), "until": end.isoformat()}
    one = await marketing.promotion(window=window)
    paused = await marketing.step("promotions", await marketing.promotion(window=window), "pause")
    draft = await marketing.promotion(active=False, window=window)
    assert (one["state"], paused["state"]) == ("scheduled", "paused")

    async def states() -> list[str]:
        return [(await marketing.get("promotions", each))["state"] for each in (one, paused, draft)]

    await marketing.tick()
    await marketing.tick(passed_seconds=599)
    assert await states() == ["scheduled", "paused", "draft"]
    await marketing.tick(passed_seconds=1)
    assert await states() == ["active", "paused", "draft"]
    await marketing.tick(passed_seconds=600)
    assert await states() == ["ended", "ended", "draft"]
    told = [event.data["state"] for event in await marketing.said(about=one["id"])]
    assert told == ["draft", "scheduled", "active", "ended"]
    await marketing.tick(passed_seconds=600)
    assert (await marketing.types(one["id"])).count("promotion.changed") == 4
    await marketing.audit()


async def test_a_product_page_shows_the_automatic_promotions_it_is_part_of(marketing: Any) -> None:
    await marketing.project(
        marketing.listing_changed("tea", {"T1": [marketing.price(10_000)]}),
        marketing.listing_changed("cup", {"C1": [marketing.price(500)]}, category_path=["cat_cups"]),
    )
    until = (marketing.now + timedelta(hours=1)).isoformat()
    tea = {"category_ids": ["cat_tea"]}
    shown = await marketing.promotion(scope="catalogue", conditions=tea, window={"until": until}, priority=1)
    every = await marketing.promotion(reward={"amount_minor": 500}, conditions={"spend_min_minor": 9_000})
    await marketing.promotion(active=False)
    await marketing.coupon()

    async def page(product: str) -> Any:
        return marketing.done(await marketing.visitor.get(f"/v1/store/tea/products/{product}/promotions"))["items"]

    first, second = await page("tea")
    assert first == {
        "promotion_id": shown["id"],
        "name": {"en": "Ten off"},
        "trigger": "automatic",
        "scope": "catalogue",
        "reward": {"rate_bp": 1_000},
        "until": "2026-03-01T09:00:00Z",
    }
    assert (second["promotion_id"], second["reward"], second["until"]) == (every["id"], {"amount_minor": 500}, None)
    assert [one["promotion_id"] for one in await page("cup")] == [every["id"]]
    marketing.clock.advance(3_540)
    await marketing.tick(passed_seconds=60)
    assert [one["promotion_id"] for one in await page("tea")] == [every["id"]]
    for unknown in ("/v1/store/tea/products/none/promotions", "/v1/store/none/products/tea/promotions"):
        marketing.refused(await marketing.visitor.get(unknown), 404, "not-found")


async def test_lists_are_filtered_and_paged(marketing: Any) -> None:
    campaign = await marketing.campaign()
    made = [await marketing.promotion(campaign_id=campaign["id"]) for _ in range(3)]
    other = await marketing.promotion(active=False)

    async def ids(**params: Any) -> list[str]:
        answer = marketing.done(await marketing.merchant.get(PATH, params=params))
        return [one["id"] for one in answer["items"]]

    mine = sorted(one["id"] for one in made)
    assert await ids(shop="tea") == sorted([*mine, other["id"]])
    assert await ids(campaign_id=campaign["id"]) == mine
    assert await ids(state="draft") == [other["id"]]
    assert await ids(shop="none") == []
    first = marketing.done(await marketing.merchant.get(PATH, params={"limit": 2, "state": "active"}))
    rest = await ids(limit=2, state="active", cursor=first["next_cursor"])
    assert [one["id"] for one in first["items"]] + rest == mine


async def test_who_may_not_is_refused_and_foreign_shops_are_not_there(marketing: Any) -> None:
    one = await marketing.promotion(active=False)
    reader = await marketing.staff(["marketing:read"])
    foreign = await marketing.staff(["marketing:*"], shops=["cups"])
    step = f"{PATH}/{one['id']}/activate"

    marketing.refused(await reader.post(PATH, json=VALID), 403, "forbidden")
    marketing.refused(await reader.post(step, json={"version": 1}), 403, "forbidden")
    marketing.refused(await marketing.visitor.get(PATH), 403, "forbidden")
    marketing.refused(await foreign.post(PATH, json=VALID), 404, "not-found")
    marketing.refused(await foreign.get(f"{PATH}/{one['id']}"), 404, "not-found")
    marketing.refused(await foreign.patch(f"{PATH}/{one['id']}", json={"version": 1}), 404, "not-found")
    marketing.refused(await foreign.post(step, json={"version": 1}), 404, "not-found")
    assert marketing.done(await foreign.get(PATH))["items"] == []
    assert await marketing.get("promotions", one) == one


async def test_a_repeated_key_makes_one_promotion(marketing: Any) -> None:
    key = {"Idempotency-Key": "once"}

    first = await marketing.merchant.post(PATH, json=VALID, headers=key)
    again = await marketing.merchant.post(PATH, json=VALID, headers=key)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert await marketing.rows("promotion") == 1
