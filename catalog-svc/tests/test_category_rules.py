"""Typed attributes: which values fit."""

from typing import Any

import pytest

from catalog_svc.categories.rules import (
    TEXT_LENGTH_MAX,
    AttributeDefinition,
    Input,
    Misfit,
    effective,
    fits,
    misfits,
    missing,
    missing_options,
)

VALUES = ("red", "blue")
FITTING: dict[Input, list[Any]] = {
    Input.TEXT: ["a", "x" * TEXT_LENGTH_MAX],
    Input.RICH_TEXT: ["a"],
    Input.NUMBER: [0, -1, 2.5],
    Input.CHOICE: ["red"],
    Input.MULTI_CHOICE: [["red"], ["blue", "red"]],
    Input.BOOLEAN: [True, False],
    Input.DATE: ["2026-02-28"],
    Input.SWATCH: ["#a0B1c2"],
    Input.FILE: ["/media/1"],
    Input.REFERENCE: ["prd_1"],
}
MISFITTING: dict[Input, list[Any]] = {
    Input.TEXT: ["", 1, None, "x" * (TEXT_LENGTH_MAX + 1)],
    Input.RICH_TEXT: ["", 1],
    Input.NUMBER: ["1", True, None],
    Input.CHOICE: ["green", "", 1],
    Input.MULTI_CHOICE: ["red", [], ["green"], ["red", "red"], [1]],
    Input.BOOLEAN: ["true", 1],
    Input.DATE: ["2026-02-29", "2026-2-3", "20260203", 20260203],
    Input.SWATCH: ["red", "#abc", "#12345g"],
    Input.FILE: [""],
    Input.REFERENCE: [1],
}


def definition(kind: Input) -> AttributeDefinition:
    return AttributeDefinition("key", kind, values=VALUES)


@pytest.mark.parametrize("kind", list(Input))
def test_every_kind_of_input_takes_its_own_values_and_no_others(kind: Input) -> None:
    assert all(fits(definition(kind), value) for value in FITTING[kind])
    assert not any(fits(definition(kind), value) for value in MISFITTING[kind])


def test_a_deeper_definition_replaces_one_of_the_same_key() -> None:
    above = [AttributeDefinition("a", Input.TEXT), AttributeDefinition("b", Input.TEXT)]
    below = [AttributeDefinition("b", Input.NUMBER, required=True)]

    found = effective([above, below])

    assert (list(found), found["b"].input, found["b"].required) == (["a", "b"], Input.NUMBER, True)


DEFINITIONS = {
    "origin": AttributeDefinition("origin", Input.TEXT, required=True),
    "weight": AttributeDefinition("weight", Input.NUMBER),
    "colour": AttributeDefinition("colour", Input.TEXT, scope="variant", variant_defining=True),
}


def test_unknown_keys_variant_keys_and_wrong_types_are_told_together() -> None:
    assert misfits(DEFINITIONS, {"origin": 1, "colour": "red", "shape": "x", "weight": 1}) == [
        Misfit("origin", "wrong_type"),
        Misfit("colour", "unknown"),
        Misfit("shape", "unknown"),
    ]


@pytest.mark.parametrize("given", [{}, {"origin": None}, {"origin": ""}])
def test_a_required_attribute_without_a_value_is_missing(given: dict[str, Any]) -> None:
    assert missing(DEFINITIONS, given) == ["origin"]


def test_false_and_zero_are_values() -> None:
    asked = {"zero": AttributeDefinition("zero", Input.NUMBER, required=True)}

    assert missing(asked, {"zero": 0}) == []


def test_a_variant_must_have_what_defines_it() -> None:
    assert missing_options(DEFINITIONS, {}) == ["colour"]
    assert missing_options(DEFINITIONS, {"colour": "red"}) == []
