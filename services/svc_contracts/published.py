"""The contracts as others read them: a JSON Schema per event, and one AsyncAPI 3 document of all topics. Pure.

`make contracts` writes both into docs/contracts; a test compares what is written there with what this file gives.
"""

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from svc_contracts.events import EVENTS, Event
from svc_contracts.events.base import EVENT_BYTES_MAX
from svc_contracts.events.order import OrderEvent
from svc_contracts.events.stock import LevelEvent
from svc_contracts.suite import PORT_KAFKA
from svc_contracts.topics import TOPICS, TRAFFIC, Topic

Document = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
UUID = {"type": "string", "format": "uuid"}
COUNTER = {"type": "string", "pattern": "^[0-9]+$"}
HEADERS: dict[str, Document] = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {**UUID, "description": "the same fact always carries the same id: drop what you have seen"},
    "ce_type": {"type": "string", "description": "such as order.placed"},
    "ce_dataversion": {"type": "string", "description": "of the data; additive changes keep it"},
    "ce_source": {"type": "string", "description": "the service that recorded the fact, such as /order-svc"},
    "ce_subject": {"type": "string", "description": "the record's key"},
    "ce_time": {"type": "string", "format": "date-time", "description": "when it was recorded"},
    "ce_seq": {**COUNTER, "description": "counts the events of one key without gaps, from 1"},
    "ce_timeline": {**COUNTER, "description": "1; raised when a service was restored from a backup"},
    "ce_correlationid": {"type": "string", "description": "one for everything that a request set going"},
    "ce_causationid": {**UUID, "description": "the event that led to this one"},
    "ce_actor": {"type": "string", "description": "kind:id of who caused it, such as staff:stf_…"},
    "ce_benefits": {"enum": ["0", "1"], "description": "1: the order takes promotions or a coupon"},
    "traceparent": {"type": "string", "description": "W3C Trace Context"},
    "content-type": {"const": "application/json"},
}
ALWAYS = (
    *("ce_specversion", "ce_id", "ce_type", "ce_dataversion", "ce_source", "ce_subject", "ce_time", "ce_timeline"),
    *("ce_correlationid", "ce_actor"),
)


class _WithoutTitles(GenerateJsonSchema):
    """`order_id` needs no title "Order Id"."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schemas() -> dict[str, Document]:
    """The JSON Schema of every event's data, by type."""
    return {name: schema_of(event) for name, event in EVENTS.items()}


def schema_of(event: type[Event]) -> Document:
    """What a reader of this event may rely on. `x-…` say where it travels."""
    body = event.model_json_schema(schema_generator=_WithoutTitles)
    return {"$schema": DIALECT, "$id": f"urn:yunying:{event.type}:{event.version}", **placed(event), **body}


def placed(event: type[Event]) -> Document:
    return {
        "x-type": event.type,
        "x-version": event.version,
        "x-topic": event.topic.name,
        "x-key": key_of(event),
    }


def key_of(event: type[Event]) -> str:
    """The field, or the two fields, that make the record's key."""
    return "sku@warehouse" if issubclass(event, LevelEvent) else event.key_field


def asyncapi(*, version: str) -> Document:
    """The topics and their events as AsyncAPI 3.0.0; `version` is the suite's."""
    references, shared = models_json_schema(
        [(event, "validation") for event in EVENTS.values()],
        schema_generator=_WithoutTitles,
        ref_template="#/components/schemas/{model}",
    )
    payloads = {event.type: references[(event, "validation")] for event in EVENTS.values()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Yunying events",
            "version": version,
            "description": "Facts of the suite on Apache Kafka: CloudEvents 1.0 in binary mode, JSON data of at most "
            f"{EVENT_BYTES_MAX} bytes, one total order per key. Unknown fields and types are to be ignored.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": f"127.0.0.1:{PORT_KAFKA}", "protocol": "kafka"}},
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": {f"send.{topic.name}": _operation(topic) for topic in TOPICS.values()},
        "components": {
            "messages": {event.type: _message(event, payloads[event.type]) for event in EVENTS.values()},
            "schemas": shared["$defs"],
        },
    }


def _channel(topic: Topic) -> Document:
    kept = {} if topic.retention_ms < 0 else {"retention.ms": topic.retention_ms}
    configuration = {"topicConfiguration": {"cleanup.policy": ["delete"], **kept}}
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in _events_of(topic)}
    kept_for = "for ever" if not kept else f"for {topic.retention_ms // 86_400_000} days"
    return {
        "address": topic.name,
        "description": f"Written by {topic.owner}; kept {kept_for}.",
        "messages": messages,
        "bindings": {"kafka": {"topic": topic.name, "partitions": topic.partitions, **configuration}},
    }


def _operation(topic: Topic) -> Document:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"{topic.owner} tells what happened",
        "tags": [{"name": topic.owner}],
    }


def _message(event: type[Event], payload: Mapping[str, Any]) -> Document:
    summary = (event.__doc__ or "").strip().partition("\n")[0]
    described = {"summary": summary} if "__doc__" in vars(event) and summary else {}
    return {
        "name": event.type,
        **described,
        "contentType": "application/json",
        "headers": headers_of(event),
        "payload": dict(payload),
        "bindings": {"kafka": {"key": {"type": "string", "description": key_of(event)}}},
        "x-version": event.version,
    }


def headers_of(event: type[Event]) -> Document:
    """Traffic has no sequence: it never passed through an outbox. Orders say whether they take benefits."""
    has_sequence = event.topic is not TRAFFIC
    named = {
        name: {**schema, "const": event.type} if name == "ce_type" else schema
        for name, schema in HEADERS.items()
        if (has_sequence or name != "ce_seq") and (name != "ce_benefits" or issubclass(event, OrderEvent))
    }
    return {"type": "object", "properties": named, "required": [*ALWAYS, *(["ce_seq"] if has_sequence else [])]}


def _events_of(topic: Topic) -> list[str]:
    return [name for name, event in EVENTS.items() if event.topic is topic]
