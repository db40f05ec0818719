"""One document out of six: whatever is public, each name once, every reference still right."""

import copy
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import chain, count
from typing import Any

from svc_contracts.routes import GATEWAY, service_for

Document = dict[str, Any]
# Status, title in English, title in Chinese.
Told = tuple[int, str, str]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
REFERENCE = "#/components/schemas/"
PROBLEM = re.compile(r"^/problems/([a-z0-9-]+)$")
JSON = "application/json"

TITLE = "Yunying: e-commerce operations"
DESCRIPTION = (
    "Everything public, through one door. Money is integer minor units; times are RFC 3339 in UTC; unknown fields are "
    "refused; refusals are RFC 9457 problems, their types are explained under `/problems/{slug}`, their words follow "
    "`Accept-Language` (zh, en). Send an `Idempotency-Key` where one is required and wherever twice would hurt."
)
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "`access_token` of POST /v1/auth/sessions; 15 minutes",
    },
    "visitor": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Visitor-Id",
        "description": "≥ 128 random bits that a front end made for this browser; a secret",
    },
    "order_token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Order-Token",
        "description": "`order_token` of a guest's checkout; opens that order",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Signature",
        "description": "a provider's, over the body",
    },
}
TAGS_FIRST = ("sign-in", "shop front", "tracking")


def merged(documents: Mapping[str, Document], *, version: str, missing: list[str]) -> Document:
    """`documents`: by service, the gateway's among them. `missing`: services whose part could not be read."""
    own = documents[GATEWAY]
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for service in sorted(documents, key=lambda name: (name != GATEWAY, name)):
        document = copy.deepcopy(documents[service])
        public = public_paths(document, service)
        names = renamed(document.get("components", {}).get("schemas", {}), schemas, service, used=public)
        rewrite(public, names)
        for old, new in names.items():
            schema = document["components"]["schemas"][old]
            rewrite(schema, names)
            schemas.setdefault(new, schema)
        for path, operations in public.items():
            known = paths.setdefault(path, {})
            for method, operation in operations.items():
                if method in known and service != GATEWAY:
                    adopt(known[method], operation, schemas)
                else:
                    known[method] = operation
    for path, operations in paths.items():
        for method, operation in operations.items():
            if method in METHODS:
                operation["security"] = security_of(path)
    result: Document = {
        "openapi": own.get("openapi", "3.1.0"),
        "info": {"title": TITLE, "version": version, "description": DESCRIPTION, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in tags_of(paths)],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": SECURITY_SCHEMES},
    }
    if missing:
        result["x-missing"] = missing
    return result


def public_paths(document: Document, service: str) -> dict[str, Any]:
    """What the gateway would send there, or answers itself."""
    found = {}
    for path, operations in document.get("paths", {}).items():
        owner = service_for(path)
        if owner == service or (service == GATEWAY and owner is not None):
            found[path] = operations
    return found


def renamed(own: Mapping[str, Any], known: Mapping[str, Any], service: str, *, used: Any) -> dict[str, str]:
    """The names of the schemas that are used, in the one document. Where another service's of the same name says
    something else, here or further down, ours gets the service's before it.
    """
    names = {name: name for name in reached(own, used)}
    while True:
        differing = [
            name
            for name, new in names.items()
            if new == name and name in known and said(own[name], names) != known[name]
        ]
        if not differing:
            return names
        for name in differing:
            names[name] = fresh_name(name, service, taken=own.keys() | known.keys())


def said(schema: Any, names: Mapping[str, str]) -> Any:
    """The schema with the names of the one document."""
    copied = copy.deepcopy(schema)
    rewrite(copied, names)
    return copied


def fresh_name(name: str, service: str, *, taken: Collection[str]) -> str:
    prefix = "".join(part.capitalize() for part in service.removesuffix("-svc").split("-"))
    wanted = f"{prefix}{name}"
    return next(one for one in chain([wanted], (f"{wanted}{n}" for n in count(2))) if one not in taken)


def reached(own: Mapping[str, Any], used: Any) -> list[str]:
    """Every schema behind the references of `used`, directly or through others."""
    found: dict[str, None] = {}
    waiting = [used]
    while waiting:
        for node in references(waiting.pop()):
            name = node["$ref"].removeprefix(REFERENCE)
            if name in own and name not in found:
                found[name] = None
                waiting.append(own[name])
    return sorted(found)


def references(node: Any) -> Iterator[dict[str, Any]]:
    """Every object that refers to a schema."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str) and node["$ref"].startswith(REFERENCE):
            yield node
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def rewrite(node: Any, names: Mapping[str, str]) -> None:
    for one in references(node):
        name = one["$ref"].removeprefix(REFERENCE)
        one["$ref"] = REFERENCE + names.get(name, name)


def adopt(page: Document, part: Document, schemas: Mapping[str, Any]) -> None:
    """A page that we compose: what its required part says about its own members stands."""
    ours, theirs = (schema_of(one, schemas) for one in (page, part))
    if ours is not None and theirs is not None:
        shared = ours.get("properties", {}).keys() & theirs.get("properties", {}).keys()
        ours["properties"].update({name: theirs["properties"][name] for name in shared})


def schema_of(operation: Document, schemas: Mapping[str, Any]) -> Document | None:
    content = operation.get("responses", {}).get("200", {}).get("content", {}).get(JSON, {})
    name = content.get("schema", {}).get("$ref", "").removeprefix(REFERENCE)
    return schemas.get(name)


def security_of(path: str) -> list[dict[str, list[str]]]:
    parts = path.strip("/").split("/")
    match parts:
        case ["v1", "admin", *_] | ["v1", "auth", "sessions", "current"]:
            return [{"bearer": []}]
        case ["v1", "store", _, "orders", *_]:
            return [{"bearer": []}, {"visitor": [], "order_token": []}]
        case ["v1", "store", _, "carts" | "quotes" | "checkout", *_] | ["v1", "track"]:
            return [{"visitor": []}, {"bearer": [], "visitor": []}]
        case ["v1", "callbacks", *_]:
            return [{"signature": []}]
        case _:
            return []


def tags_of(paths: Mapping[str, Any]) -> list[str]:
    """What visitors use first, then the alphabet."""
    found = {
        tag for operations in paths.values() for operation in operations.values() for tag in operation.get("tags", ())
    }
    return [tag for tag in TAGS_FIRST if tag in found] + sorted(found - set(TAGS_FIRST))


def problems_of(document: Document) -> dict[str, Told]:
    """By slug, what the responses' examples tell."""
    found: dict[str, Told] = {}
    for operations in document["paths"].values():
        for operation in operations.values():
            for response in operation.get("responses", {}).values():
                for content in response.get("content", {}).values():
                    for example in content.get("examples", {}).values():
                        value = example.get("value", {})
                        kind = value.get("type", "") if isinstance(value, dict) else ""
                        if named := PROBLEM.match(str(kind)):
                            found[named[1]] = (
                                int(value["status"]),
                                str(value["title"]),
                                str(example.get("summary", "")),
                            )
    return dict(sorted(found.items()))
