"""Campaigns: promotions that begin, pause and end together, under one budget."""

import asyncio
from typing import Any

import pytest

from marketing_svc.campaigns.rules import TRANSITIONS, State, Verb, possible
from svc_local.sample import campaign as sample

pytestmark = pytest.mark.anyio

PATH = "/v1/admin/campaigns"


def test_every_verb_of_the_table_is_possible_and_no_other() -> None:
    for state in State:
        assert possible(state) == [verb.value for verb in Verb if (state, verb) in TRANSITIONS]


async def test_a_campaign_is_planned_with_a_budget(marketing: Any) -> None:
    body = {
        "shop": "tea",
        "name": {"zh": "春", "en": "Spring"},
        "goals": [{"metric": "orders", "target": 100}],
        "planned": marketing.money(500_000),
        "hard_cap": marketing.money(400_000),
    }

    answer = await marketing.merchant.post(PATH, json=body)

    campaign = marketing.done(answer, 201)
    assert answer.headers["location"] == f"{PATH}/{campaign['id']}"
    assert campaign == {
        **body,
        "id": campaign["id"],
        "state": "draft",
        "owner_id": "stf_merchant",
        "reserved": marketing.money(0),
        "spent": marketing.money(0),
        "left": marketing.money(400_000),
        "exhausted": False,
        "possible": ["start", "end"],
        "created_at": "2026-03-01T08:00:00Z",
        "version": 1,
    }
    assert await marketing.get("campaigns", campaign) == campaign
    assert await marketing.said() == []


# (what is said instead, the faults that are found)
IMPOSSIBLE: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"shop": "nowhere"}, {"/shop": "unknown-shop"}),
    (
        {"planned": {"amount_minor": 1, "currency": "USD"}, "hard_cap": {"amount_minor": 1, "currency": "EUR"}},
        {"/planned/currency": "wrong-currency", "/hard_cap/currency": "wrong-currency"},
    ),
    ({"planned": {"amount_minor": -1, "currency": "CNY"}}, {"/planned": "value-error"}),
    ({"name": {}, "more": 1}, {"/name": "value-error", "/more": "extra-forbidden"}),
]


async def test_what_cannot_be_is_refused_and_leaves_nothing(marketing: Any) -> None:
    for changes, faults in IMPOSSIBLE:
        body = {"shop": "tea", "name": {"en": "Spring"}, "planned": marketing.money(1), **changes}
        answer = await marketing.merchant.post(PATH, json=body)
        assert marketing.refused(answer, 422, "validation-failed") == faults

    assert [await marketing.rows(table) for table in ("campaign", "usage_counter")] == [0, 0]


async def test_its_promotions_begin_pause_resume_and_end_with_it(marketing: Any) -> None:
    campaign = await marketing.campaign()
    draft = await marketing.promotion(campaign_id=campaign["id"], active=False)
    running = await marketing.promotion(campaign_id=campaign["id"])
    paused = await marketing.step("promotions", await marketing.promotion(campaign_id=campaign["id"]), "pause")
    other = await marketing.promotion(active=False)

    async def states() -> list[str]:
        return [(await marketing.get("promotions", one))["state"] for one in (draft, running, paused, other)]

    campaign = await marketing.step("campaigns", campaign, "start")
    assert (campaign["state"], await states()) == ("live", ["active", "active", "paused", "draft"])
    campaign = await marketing.step("campaigns", campaign, "pause")
    assert (campaign["state"], await states()) == ("paused", ["paused", "paused", "paused", "draft"])
    # What somebody had paused by hand stays paused.
    campaign = await marketing.step("campaigns", campaign, "resume")
    assert (campaign["state"], await states()) == ("live", ["active", "active", "paused", "draft"])
    campaign = await marketing.step("campaigns", campaign, "end")
    assert (campaign["state"], await states()) == ("ended", ["ended", "ended", "ended", "draft"])
    said = await marketing.said(about=campaign["id"])
    assert [(event.type, event.seq) for event in said] == [("campaign.started", 1), ("campaign.ended", 2)]
    facts = {"campaign_id": campaign["id"], "shop": "tea", "name": {"en": "Spring"}, "at": "2026-03-01T08:00:00Z"}
    assert [event.data for event in said] == [facts, facts]
    await marketing.audit()


async def test_a_paused_campaign_may_be_started_again_without_a_second_start(marketing: Any) -> None:
    campaign = await marketing.campaign()
    one = await marketing.promotion(campaign_id=campaign["id"], active=False)
    for verb in ("start", "pause", "start"):
        campaign = await marketing.step("campaigns", campaign, verb)

    assert (await marketing.get("promotions", one))["state"] == "active"
    assert await marketing.types(campaign["id"]) == ["campaign.started"]


async def test_what_was_never_live_is_cancelled_by_its_end(marketing: Any) -> None:
    campaign = await marketing.step("campaigns", await marketing.campaign(), "end")

    assert (campaign["state"], campaign["possible"]) == ("cancelled", [])
    assert await marketing.types(campaign["id"]) == []
    answer = await marketing.merchant.post(f"{PATH}/{campaign['id']}/start", json={"version": 2})
    marketing.refused(answer, 409, "illegal-transition")
    assert (answer.json()["state"], answer.json()["possible"]) == ("cancelled", [])
    answer = await marketing.merchant.patch(f"{PATH}/{campaign['id']}", json={"version": 2, "name": {"en": "X"}})
    marketing.refused(answer, 409, "illegal-transition")


async def test_a_cap_may_be_raised_but_not_below_what_is_taken(marketing: Any) -> None:
    campaign = await marketing.campaign(hard_cap=marketing.money(1_000))
    one = await marketing.promotion(campaign_id=campaign["id"])
    await marketing.deliver(marketing.placed("ord_1", marketing.benefit(one, 1_000)))
    path = f"{PATH}/{campaign['id']}"

    answer = await marketing.merchant.patch(path, json={"version": 1, "hard_cap": marketing.money(999)})
    assert marketing.refused(answer, 409, "budget-in-use") == {"/hard_cap": "budget-in-use"}
    assert answer.json()["errors"][0]["least_minor"] == 1_000
    answer = await marketing.merchant.patch(path, json={"version": 9, "hard_cap": marketing.money(2_000)})
    marketing.refused(answer, 409, "stale-version")
    assert (await marketing.get("campaigns", campaign))["version"] == 1

    body = {"version": 1, "hard_cap": marketing.money(1_001), "name": {"en": "More"}}
    raised = marketing.done(await marketing.merchant.patch(path, json=body))
    assert (raised["left"], raised["exhausted"], raised["name"]) == (marketing.money(1), False, {"en": "More"})
    assert (await marketing.types(one["id"]))[-2:] == ["promotion.exhausted", "promotion.available"]
    body = {"version": 2, "hard_cap": marketing.money(1_000)}
    assert marketing.done(await marketing.merchant.patch(path, json=body))["exhausted"] is True
    body = {"version": 3, "hard_cap": None}
    freed = marketing.done(await marketing.merchant.patch(path, json=body))
    assert (freed["hard_cap"], freed["left"], freed["exhausted"]) == (None, None, False)
    assert freed["planned"] == campaign["planned"]
    await marketing.audit()


async def test_lists_are_filtered_and_foreign_campaigns_are_not_there(marketing: Any) -> None:
    first = await marketing.campaign()
    second = await marketing.step("campaigns", await marketing.campaign(), "start")
    foreign = await marketing.staff(["marketing:*"], shops=["cups"])
    path = f"{PATH}/{first['id']}"

    async def ids(**params: Any) -> list[str]:
        answer = marketing.done(await marketing.merchant.get(PATH, params=params))
        return [one["id"] for one in answer["items"]]

    assert await ids(shop="tea") == sorted([first["id"], second["id"]])
    assert await ids(state="live") == [second["id"]]
    assert marketing.done(await foreign.get(PATH))["items"] == []
    marketing.refused(await foreign.get(path), 404, "not-found")
    marketing.refused(await foreign.post(f"{path}/start", json={"version": 1}), 404, "not-found")
    marketing.refused(await foreign.patch(path, json={"version": 1}), 404, "not-found")
    body = {"shop": "tea", "name": {"en": "Spring"}, "planned": marketing.money(1)}
    marketing.refused(await foreign.post(PATH, json=body), 404, "not-found")


class MerchantDoor:
    """The sample shop's way in, without a gateway before it. `categories` is what catalog-svc would say."""

    def __init__(self, marketing: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.marketing, self.loop = marketing, loop

    def ask(self, method: str, path: str, **what: Any) -> Any:
        asked = self.marketing.merchant.request(method, path, **what)
        answer = asyncio.run_coroutine_threadsafe(asked, self.loop).result(10)
        assert answer.is_success, answer.text
        return answer.json()

    def find(self, path: str) -> Any:
        return self.ask("GET", path)

    def all_of(self, path: str, **params: Any) -> Any:
        if path == "/v1/admin/categories":
            return [{"id": "cat_tea", "name": {"en": sample.TEA}}]
        return self.ask("GET", path, params=params)["items"]


async def test_the_campaign_of_the_sample_shop_works_as_it_is_sent_however_often(marketing: Any) -> None:
    await marketing.project(
        marketing.shop_changed(sample.SHOP),
        marketing.listing_changed("green", {"GREEN": [marketing.price(12_000)]}, shop=sample.SHOP),
    )
    door = MerchantDoor(marketing, asyncio.get_running_loop())

    for _ in range(2):
        await asyncio.to_thread(sample.begin, door)
    await marketing.tick()

    assert [await marketing.rows(table) for table in ("campaign", "promotion", "coupon_batch")] == [1, 2, 1]
    quote = await marketing.quote(("GREEN", 1, 12_000), shop=sample.SHOP, coupon_code=sample.CODE)
    assert [one["amount_minor"] for one in quote["benefits"]] == [1_200, 2_000]
    [price] = await marketing.said(type="promotion.price_changed")
    assert [(one["sku"], one["amount_minor"]) for one in price.data["skus"]] == [("GREEN", 10_800)]
