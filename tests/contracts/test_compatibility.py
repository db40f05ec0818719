"""Contracts only grow: what was released stays as it was, and the checker that says so is itself checked."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from svc_contracts.compatibility import breaks, changes
from svc_contracts.published import schemas
from svc_local import contracts

Change = Callable[[dict[str, Any]], object]


def fields(schema: dict[str, Any]) -> Any:
    return schema["properties"]


def line(schema: dict[str, Any]) -> Any:
    return schema["$defs"]["PlacedLine"]["properties"]


def placed() -> dict[str, Any]:
    return deepcopy(schemas()["order.placed"])


def changed(change: Change) -> list[str]:
    after = placed()
    change(after)
    return changes(placed(), after)


@pytest.mark.parametrize("version", contracts.released())
def test_every_released_event_can_still_be_read_and_still_reads(version: str) -> None:
    assert breaks(contracts.released()[version], schemas()) == []


def test_the_version_of_today_is_frozen() -> None:
    assert contracts.suite_version() in contracts.released()


def test_a_released_version_is_never_frozen_again() -> None:
    version = contracts.suite_version()

    said = contracts.freeze(version)

    assert said is not None
    assert said.endswith("is there already, and what was released never changes.")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda schema: None, id="nothing"),
        pytest.param(lambda schema: fields(schema).update(note={"type": "string"}), id="an optional field"),
        pytest.param(
            lambda schema: line(schema).update(weight_g={"type": "integer"}), id="an optional field of a line"
        ),
        pytest.param(lambda schema: schema.update(description="Other words"), id="other words"),
        pytest.param(lambda schema: fields(schema)["shop"].update(description="Where"), id="words about a field"),
    ],
)
def test_what_is_added_or_explained_is_welcome(change: Change) -> None:
    assert changed(change) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda schema: fields(schema).pop("number"),
            "`number` was released and is gone: released readers look for it; keep sending it.",
        ),
        (
            lambda schema: line(schema).pop("sku"),
            "`lines[].sku` was released and is gone: released readers look for it; keep sending it.",
        ),
        (
            lambda schema: fields(schema).update(guest_id=fields(schema).pop("visitor_id")),
            "`visitor_id` was renamed to `guest_id`: released readers look for the old name; keep it beside the new "
            "one.",
        ),
        (
            lambda schema: fields(schema).update(number={"type": "string"}),
            "`number` was integer and is string: retyped; give the new meaning a new field.",
        ),
        (
            lambda schema: fields(schema).update(shop={"anyOf": [{"type": "string"}, {"type": "null"}]}),
            "`shop` was string and is string or null: retyped; give the new meaning a new field.",
        ),
        (
            lambda schema: fields(schema).update(lines=fields(schema)["region"]),
            "`lines` was list and is object: retyped; give the new meaning a new field.",
        ),
        (
            lambda schema: line(schema).update(quantity={"type": "array", "items": {"type": "integer"}}),
            "`lines[].quantity` was integer and is list of integer: retyped; give the new meaning a new field.",
        ),
        (
            lambda schema: schema["required"].append("external_id"),
            "`external_id` became required: events that were sent without it could not be read any more.",
        ),
        (
            lambda schema: (fields(schema).update(note={"type": "string"}), schema["required"].append("note")),
            "`note` is new and required: events sent before it could not be read; give it a default.",
        ),
        (
            lambda schema: schema["required"].remove("shop"),
            "`shop` is no longer required: released readers refuse an event without it.",
        ),
        (
            lambda schema: line(schema)["quantity"].update(maximum=100),
            "`lines[].quantity` changed `maximum` from `1000000000` to `100`: one side refuses what the other sends.",
        ),
        (
            lambda schema: line(schema)["sku"].pop("pattern"),
            r"`lines[].sku` changed `pattern` from `^[A-Za-z0-9][A-Za-z0-9._\-/]*$` to nothing: one side refuses what "
            "the other sends.",
        ),
        (
            lambda schema: fields(schema)["attempt"].update(default=0),
            "`attempt` changed `default` from `1` to `0`: old events would be read with another value.",
        ),
        (
            lambda schema: schema.update({"x-key": "shop"}),
            "the event itself changed `x-key` from `order_id` to `shop`: readers follow the released one, and order is "
            "promised per key.",
        ),
    ],
)
def test_everything_else_is_refused_with_the_name_of_the_field(change: Change, sentence: str) -> None:
    assert changed(change) == [sentence]


def test_a_new_value_of_a_closed_list_is_refused() -> None:
    before = deepcopy(schemas()["stock.level_changed"])
    after = deepcopy(before)
    after["properties"]["availability"]["enum"].append("preorder")

    assert changes(before, after) == [
        "`availability` changed `enum` from `['in_stock', 'low', 'sold_out']` to `['in_stock', 'low', 'sold_out', "
        "'preorder']`: readers know the released values and no others."
    ]


def test_an_event_that_was_released_is_missed_and_a_new_one_is_welcome() -> None:
    before = {"order.placed": placed()}
    after = {"order.praised": placed()}

    assert breaks(before, after) == [
        "order.placed: the event was released and is gone; keep it, or nobody can read what lies in its topic."
    ]
    assert breaks(before, {**before, **after}) == []


def test_every_fault_is_named_at_once() -> None:
    def change(schema: dict[str, Any]) -> None:
        del fields(schema)["number"]
        line(schema)["net_minor"] = {"type": "string"}

    sentences = changed(change)

    assert [sentence.partition("`")[2].partition("`")[0] for sentence in sentences] == ["number", "lines[].net_minor"]
