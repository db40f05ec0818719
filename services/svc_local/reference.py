"""The reference pages, read from the code of the services: settings, events, refusals.

The services are loaded by name and only to be looked at: nothing here starts or calls them.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic_core import PydanticUndefined

from svc_contracts.compatibility import kind_of
from svc_contracts.events import EVENTS, Event
from svc_contracts.published import key_of, schemas
from svc_contracts.suite import SERVICES
from svc_kit.consumer import Consumer
from svc_kit.refusals import Refusal
from svc_kit.settings import KitSettings

MADE = "Made from the code by `make contracts`; changes made here by hand are overwritten.\n"
SHARED = ("svc_kit", "svc_contracts")
KINDS = {str: "text", bool: "true, false", dict: "JSON object", list: "JSON list", int: "a number", float: "a number"}


def pages() -> dict[str, str]:
    """File name → text of every page in docs/reference."""
    load_everything()
    return {"settings.md": settings_page(), "events.md": events_page(), "refusals.md": refusals_page()}


def load_everything() -> None:
    """Every module of the kit and of the services that are built: what they declare is known afterwards."""
    for package in (*SHARED, *(entry.package for entry in SERVICES.values())):
        if importlib.util.find_spec(package) is None:
            continue
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def settings_page() -> str:
    parts = [
        "# Settings\n",
        MADE,
        "Read from the environment, then from files of these names in the folder `SECRETS_DIR`. Outside\n"
        "development and test a secret has no default: the start is refused and names what is missing.\n"
        "What `make up` itself can be told stands in\n"
        "[services/svc_local](../../services/svc_local/README.md#settings).\n",
        "## Every service\n",
        settings_table(KitSettings, set()),
    ]
    for entry in SERVICES.values():
        found = settings_class(entry.package)
        if found is None:
            continue
        own = settings_table(found, inherited_names(found))
        parts += [f"## {entry.name}\n", own or "No variable beside those of every service.\n"]
    return "\n".join(parts)


def settings_class(package: str) -> type[KitSettings] | None:
    return next((one for one in _subclasses(KitSettings) if one.__module__ == f"{package}.settings"), None)


def inherited_names(settings: type[KitSettings]) -> set[str]:
    """Those that mean the same as in the kit."""
    return {
        name
        for name, field in settings.model_fields.items()
        if name in KitSettings.model_fields and repr(field) == repr(KitSettings.model_fields[name])
    }


def settings_table(settings: type[KitSettings], left_out: set[str]) -> str:
    rows = [
        f"| `{name.upper()}` | {_default(field)} | {_accepted(field)} | {field.description or ''} |"
        for name, field in settings.model_fields.items()
        if name not in left_out
    ]
    if not rows:
        return ""
    return "\n".join(["| variable | default | accepted | what it does |", "|---|---|---|---|", *rows, ""])


def _default(field: Any) -> str:
    if not field.repr:
        return "secret"
    value = field.get_default(call_default_factory=True)
    return "–" if value in ("", None, {}, PydanticUndefined) else f"`{value}`"


def _accepted(field: Any) -> str:
    inner = get_args(field.annotation)
    if inner and all(isinstance(one, str) for one in inner):
        return ", ".join(inner)
    limits = {
        word: getattr(one, word) for one in field.metadata for word in ("ge", "gt", "le", "lt") if hasattr(one, word)
    }
    if not limits:
        return KINDS.get(get_origin(field.annotation) or field.annotation) or KINDS.get(
            inner[0] if inner else str, "text"
        )
    low = f"{limits['ge']:,}" if "ge" in limits else f"more than {limits['gt']:,}" if "gt" in limits else ""
    high = f"{limits['le']:,}" if "le" in limits else f"less than {limits['lt']:,}" if "lt" in limits else ""
    return f"{low} … {high}"


def events_page() -> str:
    consumers = consumers_by_type()
    described = schemas()
    parts = [
        "# Events\n",
        MADE,
        "Who writes what under which key, who decides on it and who keeps a copy. The JSON Schemas and the AsyncAPI\n"
        "document lie in [docs/contracts](../contracts/README.md), a whole record of each in\n"
        "[tests/contracts/samples](../../tests/contracts/samples).\n",
        "| event | topic | written by | key | decided on by | copied by |",
        "|---|---|---|---|---|---|",
    ]
    for name, event in EVENTS.items():
        deciding, projecting = consumers.get(name, ((), ()))
        row = (f"[`{name}`](#{_anchor(name)})", f"`{event.topic.name}`", event.topic.owner, f"`{key_of(event)}`")
        parts.append(f"| {' | '.join(row)} | {', '.join(deciding) or '–'} | {', '.join(projecting) or '–'} |")
    for name, event in EVENTS.items():
        parts += ["", f"## {name}\n", *_words(event), *_fields_table(described[name])]
    return "\n".join([*parts, ""])


def _anchor(name: str) -> str:
    return name.replace(".", "")


def _words(event: type[Event]) -> list[str]:
    text = vars(event).get("__doc__") or ""
    return [" ".join(text.split()) + "\n"] if text else []


def _fields_table(schema: Mapping[str, Any]) -> list[str]:
    rows = [
        f"| `{path}` | {kind} | {'yes' if required else ''} | {about} |"
        for path, kind, required, about in fields_of(schema, schema, "")
    ]
    return ["| field | type | always there | |", "|---|---|---|---|", *rows]


def fields_of(schema: Mapping[str, Any], root: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str, bool, str]]:
    """(path, type, required, words) of every field, depth first."""
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        bare = _target(field, root)
        words = field.get("description") or ", ".join(f"`{one}`" for one in bare.get("enum", ()))
        yield path, kind_of(field, root), name in schema.get("required", ()), words
        if bare.get("type") == "array":
            yield from fields_of(_target(bare.get("items", {}), root), root, f"{path}[].")
        else:
            yield from fields_of(bare, root, f"{path}.")


def _target(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        return root["$defs"][schema["$ref"].rpartition("/")[2]]  # type: ignore[no-any-return]
    return schema


def consumers_by_type() -> dict[str, tuple[list[str], list[str]]]:
    """Event type → the services that decide on it, and those that project it."""
    found: dict[str, tuple[list[str], list[str]]] = {name: ([], []) for name in EVENTS}
    for service, consumer in consumers():
        for name in consumer.types:
            names = found[name][0 if consumer.deciding else 1]
            if service not in names:
                names.append(service)
    return found


def consumers() -> Iterator[tuple[str, Consumer]]:
    for entry in SERVICES.values():
        if importlib.util.find_spec(entry.package) and importlib.util.find_spec(f"{entry.package}.app"):
            table = getattr(importlib.import_module(f"{entry.package}.app"), "SERVICE", None)
            for consumer in table.consumers if table else ():
                yield entry.name, consumer


def refusals_page() -> str:
    parts = [
        "# Refusals\n",
        MADE,
        "Every answer that is not a success is an `application/problem+json` (RFC 9457) whose `type` is\n"
        "`/problems/{slug}`. Slugs and the codes in `errors[]` never change; the words follow `Accept-Language`.\n",
        "| slug | status | title | 中文 | whose |",
        "|---|---|---|---|---|",
    ]
    for (slug, status), group in sorted(refusals().items()):
        owners = ", ".join(sorted({owner_of(one) for one in group}))
        title = group[0].title
        parts.append(f"| `{slug}` | {status} | {title['en']} | {title['zh']} | {owners} |")
    return "\n".join([*parts, ""])


def refusals() -> dict[tuple[str, int], list[type[Refusal]]]:
    """By slug and status; rooms of different services may give the same one."""
    found: dict[tuple[str, int], list[type[Refusal]]] = {}
    for refusal in _subclasses(Refusal):
        if "slug" in vars(refusal) and refusal.__module__.partition(".")[0] in known_packages():
            found.setdefault((refusal.slug, refusal.status), []).append(refusal)
    return {key: sorted(group, key=lambda one: one.__module__) for key, group in found.items()}


def known_packages() -> set[str]:
    return {*SHARED, *(entry.package for entry in SERVICES.values())}


def owner_of(refusal: type[Refusal]) -> str:
    package = refusal.__module__.partition(".")[0]
    return next((entry.name for entry in SERVICES.values() if entry.package == package), "every service")


def _subclasses(root: type[Any]) -> Iterable[type[Any]]:
    for child in root.__subclasses__():
        yield child
        yield from _subclasses(child)
