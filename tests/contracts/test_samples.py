"""One whole record of every event, as it lies in Kafka: readers can rely on it, consumers do."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from jsonschema import Draft202012Validator

from gateway.tracking.rules import Click, Visit
from gateway.tracking.sending import waiting_of
from svc_contracts.events import EVENTS, Event
from svc_contracts.events.order import OrderEvent
from svc_contracts.events.traffic import TrafficEvent
from svc_contracts.ids import Ids
from svc_contracts.published import headers_of, schemas
from svc_contracts.topics import TRAFFIC
from svc_kit.clock import SystemClock
from svc_kit.consumer import Record, received_of
from svc_kit.transaction import Actor, Database
from svc_local import reference

SAMPLES = Path(__file__).parent / "samples"
THROUGH_OUTBOX = [name for name, event in EVENTS.items() if event.topic is not TRAFFIC]


def sample(name: str) -> Any:
    path = SAMPLES / f"{name}.json"
    assert path.exists(), f"{name} has no sample: add {path.name} with topic, key, headers and data, every field filled"
    return json.loads(path.read_text())


def record_of(whole: Any) -> Record:
    value = json.dumps(whole["data"]).encode()
    return Record(topic=whole["topic"], partition=0, offset=0, headers=whole["headers"], value=value)


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{'/'.join(map(str, fault.path))}: {fault.message}" for fault in checker.iter_errors(value)]


def test_there_is_a_sample_of_every_event_and_of_nothing_else() -> None:
    assert sorted(path.stem for path in SAMPLES.glob("*.json")) == sorted(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_is_what_its_schemas_describe(name: str) -> None:
    whole = sample(name)

    assert faults(schemas()[name], whole["data"]) == []
    assert faults(headers_of(EVENTS[name]), whole["headers"]) == []
    assert set(whole["headers"]) <= set(headers_of(EVENTS[name])["properties"])


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_read_and_written_again_is_the_same(name: str) -> None:
    whole = sample(name)

    received = received_of(record_of(whole))

    assert type(received.event) is EVENTS[name]
    assert json.loads(received.event.data()) == whole["data"]
    assert (whole["topic"], whole["key"]) == (received.event.topic.name, received.event.key)
    assert whole["headers"]["ce_subject"] == whole["key"]
    assert whole["headers"]["ce_source"] == f"/{received.event.topic.owner}"


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_fills_every_field_at_least_once(name: str) -> None:
    schema, data = schemas()[name], sample(name)["data"]

    empty = {path for path, *_ in reference.fields_of(schema, schema, "")} - set(filled(data, ""))

    assert empty == set()


@pytest.mark.parametrize("name", EVENTS)
def test_an_unknown_field_of_a_newer_producer_is_ignored(name: str) -> None:
    whole = sample(name)
    newer = {**whole, "data": {**whole["data"], "of_tomorrow": {"deep": [1]}}}

    received = received_of(record_of(newer))

    assert json.loads(received.event.data()) == whole["data"]


def test_every_consumer_of_the_suite_reads_what_it_handles() -> None:
    reference.load_everything()
    read = {
        (service, consumer.group, received_of(record_of(sample(name))).type)
        for service, consumer in reference.consumers()
        for name in consumer.types
    }

    assert read == {
        (service, consumer.group, name) for service, consumer in reference.consumers() for name in consumer.types
    }
    assert len({service for service, _, _ in read}) >= 2


@pytest.mark.anyio
async def test_the_outbox_writes_records_of_this_form(database_of: Any) -> None:
    urls = database_of("inventory_svc")
    ids = Ids(now=lambda: datetime(2026, 3, 8, 6, 0, tzinfo=UTC))

    async with Database.open(urls.app, source="inventory-svc", clock=SystemClock(), ids=ids) as db:
        async with db.transaction(actor=Actor("customer", "per_1")) as tx:
            for n, name in enumerate(THROUGH_OUTBOX, start=1):
                event = EVENTS[name].model_validate(sample(name)["data"])
                tx.emit(event, seq=n, benefits=True if isinstance(event, OrderEvent) else None)
        async with db.read() as con:
            rows = await con.fetch("SELECT topic, key, headers, value FROM outbox ORDER BY id")

    assert [json.loads(row["headers"])["ce_type"] for row in rows] == THROUGH_OUTBOX
    for name, row in zip(THROUGH_OUTBOX, rows, strict=True):
        check_row(row, EVENTS[name], sample(name))


@pytest.mark.parametrize("name", [name for name, event in EVENTS.items() if event.topic is TRAFFIC])
def test_the_gateway_writes_clicks_of_this_form(name: str) -> None:
    whole = sample(name)
    event = EVENTS[name].model_validate(whole["data"])
    assert isinstance(event, TrafficEvent)
    at = datetime.fromisoformat(whole["headers"]["ce_time"])

    click = Click(whole["headers"]["ce_id"], type(event), event.data())
    visit = Visit(event.visitor_id, event.person_id, event.is_bot)

    [record] = waiting_of([click], visit, at=at, correlation_id=whole["headers"]["ce_correlationid"])

    assert {key: value.decode() for key, value in record.headers} == whole["headers"]
    assert (record.key, json.loads(record.value)) == (whole["key"], whole["data"])


def check_row(row: asyncpg.Record, event: type[Event], whole: Any) -> None:
    headers = json.loads(row["headers"])
    assert faults(headers_of(event), headers) == []
    assert set(headers) <= set(headers_of(event)["properties"])
    assert UUID(headers["ce_id"]).version == 7
    assert (row["topic"], row["key"]) == (whole["topic"], whole["key"])
    assert json.loads(row["value"]) == whole["data"]


def filled(value: Any, path: str) -> Iterator[str]:
    """The paths that hold something."""
    if isinstance(value, dict):
        for name, inner in value.items():
            here = f"{path}{name}"
            if inner is not None and inner != []:
                yield here
            yield from filled(inner, f"{here}.")
    elif isinstance(value, list):
        for inner in value:
            yield from filled(inner, f"{path.removesuffix('.')}[].")
