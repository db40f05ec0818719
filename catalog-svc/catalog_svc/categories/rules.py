"""Typed attributes: what a category asks of its products, and whether an answer fits."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal, assert_never

DEPTH_MAX = 6
TEXT_LENGTH_MAX = 500
RICH_TEXT_LENGTH_MAX = 20_000
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Input(StrEnum):
    TEXT = "text"
    RICH_TEXT = "rich_text"
    NUMBER = "number"
    CHOICE = "choice"
    MULTI_CHOICE = "multi_choice"
    BOOLEAN = "boolean"
    DATE = "date"
    SWATCH = "swatch"
    FILE = "file"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """`values` are those that choice and multi_choice admit; a variant-defining one is an option of every variant."""

    key: str
    input: Input
    scope: Literal["product", "variant"] = "product"
    required: bool = False
    filterable: bool = False
    variant_defining: bool = False
    unit: str | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Category:
    """`path`: ids from the root to this one."""

    id: str
    parent_id: str | None
    path: tuple[str, ...]
    name: dict[str, str]
    attributes: tuple[AttributeDefinition, ...]
    created_at: datetime
    version: int
    event_seq: int


def effective(lineage: Iterable[Sequence[AttributeDefinition]]) -> dict[str, AttributeDefinition]:
    """Definitions from the root down; a deeper one replaces one of the same key."""
    return {definition.key: definition for attributes in lineage for definition in attributes}


def definitions_of(category_id: str, known: Mapping[str, Category]) -> dict[str, AttributeDefinition]:
    """What a product of this category is asked, from the root down. `known` comes from `with_lineage`."""
    return effective(known[one].attributes for one in known[category_id].path if one in known)


def fits(definition: AttributeDefinition, value: Any) -> bool:
    """Whether a value is of the definition's type and among its allowed values."""
    match definition.input:
        case Input.TEXT | Input.REFERENCE | Input.FILE:
            return isinstance(value, str) and 0 < len(value) <= TEXT_LENGTH_MAX
        case Input.RICH_TEXT:
            return isinstance(value, str) and 0 < len(value) <= RICH_TEXT_LENGTH_MAX
        case Input.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case Input.CHOICE:
            return isinstance(value, str) and value in definition.values
        case Input.MULTI_CHOICE:
            return _several(value) and set(value) <= set(definition.values)
        case Input.BOOLEAN:
            return isinstance(value, bool)
        case Input.DATE:
            return _is_date(value)
        case Input.SWATCH:
            return isinstance(value, str) and _COLOUR.fullmatch(value) is not None
        case _:
            assert_never(definition.input)


def _several(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(one, str) for one in value)
        and len(set(value)) == len(value)
    )


def _is_date(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return len(value) == 10


@dataclass(frozen=True, slots=True)
class Misfit:
    key: str
    why: Literal["unknown", "wrong_type"]


def misfits(definitions: Mapping[str, AttributeDefinition], given: Mapping[str, Any]) -> list[Misfit]:
    """Product attributes that the category does not know or whose value does not fit."""
    found = []
    for key, value in given.items():
        definition = definitions.get(key)
        if definition is None or definition.scope != "product":
            found.append(Misfit(key, "unknown"))
        elif not fits(definition, value):
            found.append(Misfit(key, "wrong_type"))
    return found


def missing(definitions: Mapping[str, AttributeDefinition], given: Mapping[str, Any]) -> list[str]:
    """Keys of required product attributes without a value."""
    return [
        key
        for key, definition in definitions.items()
        if definition.scope == "product" and definition.required and given.get(key) in (None, "", [])
    ]


def missing_options(definitions: Mapping[str, AttributeDefinition], options: Mapping[str, str]) -> list[str]:
    """Keys that a variant must have among its options and has not."""
    return [
        key
        for key, definition in definitions.items()
        if (definition.variant_defining or (definition.scope == "variant" and definition.required))
        and not options.get(key)
    ]
