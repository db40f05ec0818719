"""docs/contracts and docs/reference say what the code says; the AsyncAPI document holds together."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from svc_contracts.events import EVENTS
from svc_contracts.published import asyncapi, schemas
from svc_contracts.topics import TOPICS
from svc_local import contracts
from svc_local.layout import ROOT


def test_the_generated_documents_are_those_of_the_code() -> None:
    wanted = contracts.documents()

    drifted = [str(path.relative_to(ROOT)) for path, text in wanted.items() if not _says(path, text)]
    left_over = [str(path.relative_to(ROOT)) for path in contracts.generated_files() if path not in wanted]

    assert (drifted, left_over) == ([], []), "type `make contracts` and look at what changed"


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_has_a_schema_that_is_one(name: str) -> None:
    schema = schemas()[name]

    Draft202012Validator.check_schema(schema)
    assert schema["x-type"] == name
    assert schema["x-topic"] in TOPICS


def test_every_event_is_a_message_of_exactly_its_topic() -> None:
    channels = asyncapi(version="0.1.0")["channels"]

    told = {name: address for address, channel in channels.items() for name in channel["messages"]}

    assert told == {name: event.topic.name for name, event in EVENTS.items()}
    assert sum(len(channel["messages"]) for channel in channels.values()) == len(EVENTS)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi(version="0.1.0")

    missing = [one for one in references(document) if not leads_somewhere(document, one)]

    assert missing == []


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def leads_somewhere(document: Any, reference: str) -> bool:
    for step in reference.removeprefix("#/").split("/"):
        if step not in document:
            return False
        document = document[step]
    return True


def _says(path: Any, text: str) -> bool:
    return path.exists() and path.read_text() == text
