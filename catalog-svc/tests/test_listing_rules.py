"""The life of a listing, every pair of state and action, and the gate."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import pytest

from catalog_svc.categories.rules import AttributeDefinition, Input
from catalog_svc.listings.rules import TRANSITIONS, Action, Goods, State, blocks, gate, languages, next_state, possible

ALLOWED = {
    ("draft", "submit"): "checking",
    ("checking", "pass"): "pending_review",
    ("checking", "block"): "draft",
    ("pending_review", "approve"): "scheduled",
    ("pending_review", "reject"): "rejected",
    ("rejected", "revise"): "draft",
    ("scheduled", "publish"): "live",
    ("scheduled", "block"): "draft",
    ("scheduled", "unlist"): "unlisted",
    ("live", "pause"): "paused",
    ("paused", "publish"): "live",
    ("live", "unlist"): "unlisted",
    ("paused", "unlist"): "unlisted",
    ("unlisted", "archive"): "archived",
}
PAIRS = [(state, action) for state in State for action in get_args(Action)]


@pytest.mark.parametrize(("state", "action"), PAIRS)
def test_every_pair_of_state_and_action_leads_where_the_table_says(state: State, action: Action) -> None:
    reached = next_state(state, action)

    assert (reached.value if reached else None) == ALLOWED.get((state.value, action))


def test_every_state_is_reached_from_a_draft() -> None:
    reached, waiting = {State.DRAFT}, [State.DRAFT]
    while waiting:
        at = waiting.pop()
        for (before, _), after in TRANSITIONS.items():
            if before is at and after not in reached:
                reached.add(after)
                waiting.append(after)

    assert reached == set(State)


def test_what_is_possible_never_names_the_gates_own_words() -> None:
    assert possible(State.CHECKING) == []
    assert possible(State.SCHEDULED) == ["publish", "unlist"]
    assert possible(State.LIVE) == ["pause", "unlist"]


DEFINITIONS = {
    "origin": AttributeDefinition("origin", Input.TEXT, required=True),
    "colour": AttributeDefinition("colour", Input.TEXT, scope="variant", required=True, variant_defining=True),
}
SOUND = Goods(
    title={"zh": "绿茶", "en": "Green tea"},
    locales=("zh-CN", "en"),
    picture_count=1,
    attributes={"origin": "Hangzhou"},
    definitions=DEFINITIONS,
    is_leaf=True,
    variants=[("A", {"colour": "red"}, True)],
)


def results(goods: Goods) -> list[tuple[str, str, str]]:
    return [(one.check, one.result, one.pointer) for one in gate(goods) if one.result != "pass"]


def test_a_sound_offer_passes_every_check() -> None:
    assert [one.check for one in gate(SOUND)] == [
        "leaf_category",
        "price",
        "image",
        "required_attributes",
        "variant_options",
        "title",
    ]
    assert results(SOUND) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"is_leaf": False}, [("leaf_category", "block", "/category_id")]),
        ({"variants": [("A", {"colour": "red"}, False)]}, [("price", "block", "/variants")]),
        ({"variants": []}, [("price", "block", "/variants")]),
        (
            {"variants": [("A", {"colour": "red"}, True), ("B", {"colour": "blue"}, False)]},
            [("price", "warn", "/variants/1")],
        ),
        ({"picture_count": 0}, [("image", "block", "/media")]),
        ({"attributes": {}}, [("required_attributes", "block", "/attributes/origin")]),
        ({"attributes": {"origin": ""}}, [("required_attributes", "block", "/attributes/origin")]),
        ({"variants": [("A", {}, True)]}, [("variant_options", "block", "/variants/0/options/colour")]),
        ({"title": {"zh": "绿茶"}}, [("title", "warn", "/title/en")]),
    ],
)
def test_each_check_says_where_to_put_it_right(change: Mapping[str, Any], found: list[tuple[str, str, str]]) -> None:
    goods = replace(SOUND, **change)

    assert results(goods) == found
    assert all(one.hint["en"] and one.hint["zh"] for one in gate(goods) if one.result != "pass")


def test_all_blocks_are_told_at_once() -> None:
    goods = replace(SOUND, picture_count=0, attributes={}, variants=[("A", {}, False)])

    assert [one.check for one in blocks(gate(goods))] == ["price", "image", "required_attributes", "variant_options"]


def test_locales_speak_languages() -> None:
    assert languages(["zh-CN", "zh-TW", "en"]) == ["zh", "en"]
