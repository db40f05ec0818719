"""What a change of a contract would break, in sentences. Pure.

Within a version a contract only grows by optional fields and new events. Facts stay in the topics for ever and old and
new processes run side by side, so new readers must understand old events and old readers new ones: what narrows a
field breaks the former, what widens it the latter. Everything else is a new version of the event.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

WORDS = frozenset({"title", "description", "examples", "$id", "$schema", "$defs"})
STRUCTURE = frozenset({"properties", "required", "items", "additionalProperties", "anyOf"})
MISSING = object()


def breaks(released: Mapping[str, Schema], present: Mapping[str, Schema]) -> list[str]:
    """A sentence for every change that is not additive; both are schemas by event type."""
    found: list[str] = []
    for name, old in released.items():
        new = present.get(name)
        if new is None:
            found.append(
                f"{name}: the event was released and is gone; keep it, or nobody can read what lies in its topic."
            )
        else:
            found += (f"{name}: {sentence}" for sentence in changes(old, new))
    return found


def changes(old: Schema, new: Schema) -> list[str]:
    """A sentence for every change of one event's schema that is not additive."""
    return list(_Walk(old, new).compare(old, new, ""))


class _Walk:
    def __init__(self, old: Schema, new: Schema) -> None:
        self.old, self.new = old, new
        self.seen: set[tuple[str, str]] = set()

    def compare(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if "$ref" in old and "$ref" in new:
            if pair in self.seen:
                return
            self.seen.add(pair)
        old, new = _resolved(old, self.old), _resolved(new, self.new)
        if (was := kind_of(old, self.old)) != (now := kind_of(new, self.new)):
            yield f"{_field(path)} was {was} and is {now}: retyped; give the new meaning a new field."
            return
        yield from self._details(old, new, path)
        yield from self._fields(old, new, path)
        for inner, step in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(old.get(inner), Mapping) and isinstance(new.get(inner), Mapping):
                yield from self.compare(old[inner], new[inner], path + step)
        for one, other in zip(old.get("anyOf", ()), new.get("anyOf", ()), strict=True):
            yield from self.compare(one, other, path)

    def _fields(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
        for name, schema in before.items():
            here = f"{path}.{name}" if path else name
            if name not in after:
                yield f"{_field(here)} {self._gone(schema, before, after)}"
                continue
            if name in required_after - required_before:
                yield f"{_field(here)} became required: events that were sent without it could not be read any more."
            if name in required_before - required_after:
                yield f"{_field(here)} is no longer required: released readers refuse an event without it."
            yield from self.compare(schema, after[name], here)
        for name in sorted((set(after) - set(before)) & required_after):
            here = f"{path}.{name}" if path else name
            yield f"{_field(here)} is new and required: events sent before it could not be read; give it a default."

    def _gone(self, schema: Schema, before: Schema, after: Schema) -> str:
        for name, candidate in after.items():
            if name not in before and _bare(candidate, self.new) == _bare(schema, self.old):
                return f"was renamed to `{name}`: released readers look for the old name; keep it beside the new one."
        return "was released and is gone: released readers look for it; keep sending it."

    def _details(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        for word in sorted((set(old) | set(new)) - WORDS - STRUCTURE - {"type", "$ref"}):
            was, now = old.get(word, MISSING), new.get(word, MISSING)
            if was != now:
                yield f"{_field(path)} changed `{word}` from {_shown(was)} to {_shown(now)}: {_consequence(word)}"


def kind_of(schema: Schema, root: Schema) -> str:
    """The type in one word, such as `string`, `list of integer`, `string or null`."""
    schema = _resolved(schema, root)
    if "anyOf" in schema:
        return " or ".join(kind_of(one, root) for one in schema["anyOf"])
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        items = _resolved(schema.get("items", {}), root)
        return "list" if items.get("type") in ("object", "array") else f"list of {kind_of(items, root)}"
    if kind == "object" and "properties" not in schema and "additionalProperties" in schema:
        inner = schema["additionalProperties"]
        return f"map of {kind_of(inner, root)}" if isinstance(inner, Mapping) else "map"
    return kind


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][str(schema["$ref"]).rpartition("/")[2]]
    return schema


def _bare(schema: Schema, root: Schema) -> dict[str, Any]:
    return {word: value for word, value in _resolved(schema, root).items() if word not in WORDS}


def _field(path: str) -> str:
    return f"`{path}`" if path else "the event itself"


def _shown(value: Any) -> str:
    return "nothing" if value is MISSING else f"`{value}`"


def _consequence(word: str) -> str:
    match word:
        case "enum" | "const":
            return "readers know the released values and no others."
        case "default":
            return "old events would be read with another value."
        case "x-topic" | "x-key" | "x-type" | "x-version":
            return "readers follow the released one, and order is promised per key."
        case _:
            return "one side refuses what the other sends."
