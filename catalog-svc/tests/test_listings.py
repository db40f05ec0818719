"""Listings over their routes: the gate, the second person, dates, bulk."""

from typing import Any

import pytest

from catalog_svc.listings.commands.steps import publish_due
from catalog_svc.timers import TIMERS
from svc_kit.timers import TimerRunner

pytestmark = pytest.mark.anyio


async def draft(demo: Any, sku: str = "A") -> dict[str, Any]:
    """A product that would pass, listed as a draft."""
    item = await demo.item(await demo.category(), sku)
    item["listing"]["publish"] = False
    [brought] = await demo.bring(item)
    assert brought["problem"] is None
    return dict(demo.done(await demo.merchant.get(f"/v1/admin/listings/{brought['listing_id']}")))


async def step(demo: Any, who: Any, listing: dict[str, Any], verb: str, **body: Any) -> Any:
    return await who.post(f"/v1/admin/listings/{listing['id']}/{verb}", json=body)


async def test_a_listing_goes_from_draft_to_live_to_paused_and_away(demo: Any) -> None:
    listing = await draft(demo)
    steps = [
        (demo.merchant, "submit", "pending_review"),
        (demo.approver, "approve", "scheduled"),
        (demo.merchant, "publish", "live"),
        (demo.merchant, "pause", "paused"),
        (demo.merchant, "publish", "live"),
        (demo.merchant, "unlist", "unlisted"),
        (demo.merchant, "archive", "archived"),
    ]

    shown = []
    for n, (who, verb, state) in enumerate(steps, start=1):
        answer = demo.done(await step(demo, who, listing, verb, version=n))
        assert (answer["state"], answer["version"]) == (state, n + 1)
        shown.append(len(await demo.found()))

    assert shown == [0, 0, 1, 0, 1, 0, 0]
    said = await demo.said(about=listing["id"])
    assert [(one.seq, one.data["state"]) for one in said] == [
        (1, "draft"),
        *((n, state) for n, (_, _, state) in enumerate(steps, start=2)),
    ]
    log = demo.done(await demo.merchant.get(f"/v1/admin/listings/{listing['id']}"))["log"]
    assert [one["action"] for one in reversed(log)] == [
        "create",
        "submit",
        "pass",
        *(verb for _, verb, _ in steps[1:]),
    ]


async def test_the_offer_of_a_live_listing_tells_everything_that_a_quote_needs(demo: Any) -> None:
    category = await demo.category()
    item = await demo.item(category, "A", 1200, brand="Cloud", slug="green-tea")
    item["variants"] = [{"sku": "A", "options": {"size": "S"}, "weight_g": 50}, {"sku": "B", "options": {"size": "M"}}]
    [brought] = await demo.live(item)

    offer = (await demo.said(about=brought["listing_id"]))[-1].data

    [first] = demo.done(await demo.merchant.get("/v1/admin/price-lists", params={"shop": "demo"}))["items"]
    assert {name: offer[name] for name in ("shop", "product_id", "category_path", "brand", "slug", "state")} == {
        "shop": "demo",
        "product_id": brought["id"],
        "category_path": [category],
        "brand": "Cloud",
        "slug": "green-tea",
        "state": "live",
    }
    [sku] = offer["skus"]  # B has no price: it cannot be bought
    assert (sku["sku"], sku["options"], sku["weight_g"]) == ("A", {"size": "S"}, 50)
    assert [(one["list_id"], one["amount_minor"], one["currency"]) for one in sku["prices"]] == [
        (first["id"], 1200, "CNY")
    ]


async def test_the_gate_names_every_block_and_nothing_changes(demo: Any) -> None:
    category = await demo.category(attributes=[{"key": "origin", "input": "text", "required": True}])
    body = {"category_id": category, "title": {"en": "Tea"}, "variants": [{"sku": "A"}]}
    product = demo.done(await demo.merchant.post("/v1/admin/products", json=body), 201)
    listing = {"product_id": product["id"], "shop": "demo"}
    made = demo.done(await demo.merchant.post("/v1/admin/listings", json=listing), 201)
    before = len(await demo.said())

    checked = demo.done(await demo.merchant.post(f"/v1/admin/listings/{made['id']}/check"))
    submitted = await step(demo, demo.merchant, made, "submit", version=1)

    assert [(one["check"], one["pointer"]) for one in checked["gate"] if one["result"] == "block"] == [
        ("price", "/variants"),
        ("image", "/media"),
        ("required_attributes", "/attributes/origin"),
    ]
    assert demo.refused(submitted, 409, "gate-blocked") == ["/variants", "/media", "/attributes/origin"]
    assert demo.done(await demo.merchant.get(f"/v1/admin/listings/{made['id']}"))["state"] == "draft"
    assert len(await demo.said()) == before


async def test_a_category_with_others_below_it_lists_nothing(demo: Any) -> None:
    parent = await demo.category()
    await demo.category("Green", parent_id=parent)

    [result] = await demo.bring(await demo.item(parent, "A"))

    assert (result["http_status"], result["listing_id"]) == (201, None)
    assert [one["pointer"] for one in result["problem"]["errors"]] == ["/category_id"]


async def test_who_submitted_cannot_approve(demo: Any) -> None:
    listing = await draft(demo)
    demo.done(await step(demo, demo.merchant, listing, "submit"))

    answer = await step(demo, demo.merchant, listing, "approve")
    [bulk] = await demo.act("approve_and_publish", listing["id"])

    demo.refused(answer, 403, "second-person-required")
    assert (bulk["http_status"], bulk["problem"]["type"]) == (403, "/problems/second-person-required")
    assert demo.done(await demo.merchant.get(f"/v1/admin/listings/{listing['id']}"))["state"] == "pending_review"


async def test_approving_is_another_right_than_submitting(demo: Any) -> None:
    listing = await draft(demo)
    plain = await demo.staff("stf_plain", ("catalog:read", "catalog:write", "listing:submit"))

    submitted = await step(demo, demo.approver, listing, "submit")
    approved = await step(demo, plain, listing, "approve")
    body = {"action": "approve", "items": [{"id": listing["id"]}]}
    bulk = await plain.post("/v1/admin/listings/bulk", json=body, headers=demo.key("k"))

    for answer in (submitted, approved, bulk):
        demo.refused(answer, 403, "forbidden")


async def test_a_rejected_listing_is_revised_and_submitted_again(demo: Any) -> None:
    listing = await draft(demo)
    await step(demo, demo.merchant, listing, "submit")

    rejected = demo.done(await step(demo, demo.approver, listing, "reject", reason="blurred picture"))
    revised = demo.done(await step(demo, demo.merchant, listing, "revise"))

    assert (rejected["state"], revised["state"]) == ("rejected", "draft")
    log = demo.done(await demo.merchant.get(f"/v1/admin/listings/{listing['id']}"))["log"]
    assert log[1]["reason"] == "blurred picture"
    assert log[1]["actor"] == {"kind": "staff", "id": "stf_approver"}


async def test_what_is_illegal_says_what_is_possible(demo: Any) -> None:
    listing = await draft(demo)

    answer = await step(demo, demo.merchant, listing, "publish")

    demo.refused(answer, 409, "illegal-transition")
    assert (answer.json()["state"], answer.json()["possible"]) == ("draft", ["submit"])


async def test_a_live_product_cannot_lose_what_the_gate_asks_for(demo: Any) -> None:
    [brought] = await demo.live(await demo.item(await demo.category(), "A"))
    before = len(await demo.said())

    answer = await demo.merchant.patch(f"/v1/admin/products/{brought['id']}", json={"version": 1, "media": []})

    assert demo.refused(answer, 409, "gate-blocked") == ["/media"]
    assert len(demo.done(await demo.merchant.get(f"/v1/admin/products/{brought['id']}"))["media"]) == 1
    assert len(await demo.said()) == before


async def test_changing_a_live_product_or_price_tells_the_offer_anew(demo: Any) -> None:
    [brought] = await demo.live(await demo.item(await demo.category(), "A", 1000))
    [first] = demo.done(await demo.merchant.get("/v1/admin/price-lists", params={"shop": "demo"}))["items"]

    change = {"version": 1, "title": {"en": "Renamed"}}
    demo.done(await demo.merchant.patch(f"/v1/admin/products/{brought['id']}", json=change))
    price = {"price": demo.money(900)}
    demo.done(await demo.merchant.put(f"/v1/admin/price-lists/{first['id']}/prices/A", json=price))

    said = await demo.said(about=brought["listing_id"])
    assert [one.seq for one in said] == [1, 2, 3, 4]
    assert said[2].data["title"] == {"en": "Renamed"}
    assert said[3].data["skus"][0]["prices"][0]["amount_minor"] == 900
    [shown] = (await demo.products())["items"]
    assert (shown["title"], shown["price"]) == ({"en": "Renamed"}, demo.money(900))


async def test_a_product_is_listed_once_per_shop_until_it_is_archived(demo: Any) -> None:
    listing = await draft(demo)
    body = {"product_id": listing["product_id"], "shop": "demo"}

    again = await demo.merchant.post("/v1/admin/listings", json=body)
    unknown = await demo.merchant.post("/v1/admin/listings", json={"product_id": "prd_none", "shop": "none"})

    demo.refused(again, 409, "already-listed")
    assert demo.refused(unknown, 422, "validation-failed") == ["/product_id", "/shop"]


async def test_a_later_date_keeps_an_approved_listing_waiting(demo: Any) -> None:
    listing = await draft(demo)
    demo.done(
        await demo.merchant.patch(
            f"/v1/admin/listings/{listing['id']}", json={"version": 1, "publish_at": "2099-01-01T00:00:00Z"}
        )
    )
    await step(demo, demo.merchant, listing, "submit")

    [approved] = await demo.act("approve_and_publish", listing["id"], who=demo.approver)

    assert approved["state"] == "scheduled"
    assert await fire(demo) == 0


async def test_a_date_that_came_publishes_and_another_takes_away(demo: Any) -> None:
    listing = await draft(demo)
    dates = {"version": 1, "publish_at": "2020-01-01T00:00:00Z", "unpublish_at": "2020-01-02T00:00:00Z"}
    demo.done(await demo.merchant.patch(f"/v1/admin/listings/{listing['id']}", json=dates))
    await step(demo, demo.merchant, listing, "submit")
    demo.done(await step(demo, demo.approver, listing, "approve"))

    fired = await fire(demo)

    assert fired == 2
    states = [one.data["state"] for one in await demo.said(about=listing["id"])]
    assert states[-3:] == ["scheduled", "live", "unlisted"]
    assert await demo.found() == []


async def fire(demo: Any) -> int:
    """Lets everything happen that is due, in the order of the table."""
    runner = TimerRunner(TIMERS, demo.runtime.db)
    return sum([await runner.fire_due(timer) for timer in TIMERS])


async def test_what_no_longer_passes_on_its_date_goes_back_to_draft(demo: Any) -> None:
    listing = await draft(demo)
    await step(demo, demo.merchant, listing, "submit")
    demo.done(await step(demo, demo.approver, listing, "approve"))
    change = {"version": 1, "media": []}
    demo.done(await demo.merchant.patch(f"/v1/admin/products/{listing['product_id']}", json=change))

    async with demo.runtime.db.transaction() as tx:
        await publish_due(tx, [listing["id"]])
    found = demo.done(await demo.merchant.get(f"/v1/admin/listings/{listing['id']}"))
    assert (found["state"], found["log"][0]["reason"]) == ("draft", "gate-blocked")
    assert [one["check"] for one in found["gate"] if one["result"] == "block"] == ["image"]


async def test_two_hundred_are_brought_and_published_and_each_is_told_once_per_state(demo: Any) -> None:
    category = await demo.category()
    items = [await demo.item(category) for _ in range(200)]

    brought = await demo.live(*items)

    assert [one["http_status"] for one in brought] == [201] * 200
    assert (await demo.products())["facets"]["total"] == 200
    said = await demo.said(type="listing.changed")
    assert [one.data["state"] for one in said] == ["pending_review"] * 200 + ["live"] * 200
    assert {one.seq for one in said[:200]} == {1}
    assert {one.seq for one in said[200:]} == {2}


async def test_a_bulk_takes_the_sound_and_says_why_it_refused_the_others(demo: Any) -> None:
    category = await demo.category()
    sound, no_category, same_sku = (
        await demo.item(category, "A"),
        await demo.item("cat_none"),
        await demo.item(category),
    )
    same_sku["variants"] = [{"sku": "A"}]
    same_sku["listing"]["prices"] = []
    no_picture = await demo.item(category, "D", media=[])

    results = await demo.bring(sound, no_category, same_sku, no_picture)

    assert [(one["http_status"], one["id"] is not None, one["listing_id"] is not None) for one in results] == [
        (201, True, True),
        (422, False, False),
        (409, False, False),
        (201, True, False),
    ]
    pointers = [[fault["pointer"] for fault in one["problem"]["errors"]] for one in results[1:]]
    assert pointers == [["/items/1/category_id"], ["/items/2/variants/0/sku"], ["/media"]]


async def test_a_bulk_of_steps_answers_each(demo: Any) -> None:
    [brought] = await demo.live(await demo.item(await demo.category(), "A"))

    results = await demo.act("pause", brought["listing_id"], "lst_none", brought["listing_id"])

    assert [one["http_status"] for one in results] == [200, 404, 409]
    assert [one["index"] for one in results] == [0, 1, 2]


async def test_a_bulk_is_limited_and_needs_a_key(demo: Any) -> None:
    items = [{"id": f"lst_{n}"} for n in range(201)]

    large = await demo.merchant.post(
        "/v1/admin/listings/bulk", json={"action": "pause", "items": items}, headers=demo.key("k")
    )
    keyless = await demo.merchant.post("/v1/admin/listings/bulk", json={"action": "pause", "items": items[:1]})

    demo.refused(large, 422, "validation-failed")
    demo.refused(keyless, 400, "idempotency-key-missing")


async def test_staff_of_another_shop_list_nothing_here(demo: Any) -> None:
    listing = await draft(demo)
    other = await demo.staff("stf_other", ("*",), shops=["elsewhere"])

    assert demo.done(await other.get("/v1/admin/listings"))["items"] == []
    demo.refused(await step(demo, other, listing, "submit"), 404, "not-found")
    [result] = await demo.act("submit", listing["id"], who=other)
    assert result["http_status"] == 404
    [brought] = await demo.bring(await demo.item(await demo.category(), "Z"), who=other)
    assert (brought["http_status"], brought["id"]) == (422, None)
