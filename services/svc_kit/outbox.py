"""Events leave with the transaction that caused them: envelope (CloudEvents 1.0, Kafka binary mode) and one INSERT."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import asyncpg
import orjson

from svc_contracts.events import Event
from svc_kit import context

if TYPE_CHECKING:
    from svc_kit.consumer import Received
    from svc_kit.transaction import Origin, Tx

LANES = 64

INSERT = """
INSERT INTO outbox (lane, event_id, topic, key, headers, value)
SELECT lane, event_id, topic, key, headers, value
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::bytea[])
WITH ORDINALITY AS e(lane, event_id, topic, key, headers, value, n) ORDER BY n
"""


@dataclass(frozen=True, slots=True)
class Pending:
    event: Event
    seq: int
    benefits: bool | None
    cause: "Received | None"
    by: "Origin | None"


def lane_of(key: str) -> int:
    """Rows of one lane are sent in order by one relay at a time."""
    return crc32(key.encode()) % LANES


async def insert(
    con: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", pending: Sequence[Pending], tx: "Tx", *, timeline: int
) -> None:
    """All events of the transaction, in the order in which they were emitted."""
    ids = [tx.ids.uuid7() for _ in pending]
    keys = [one.event.key for one in pending]
    await con.execute(
        INSERT,
        [lane_of(key) for key in keys],
        ids,
        [one.event.topic.name for one in pending],
        keys,
        [orjson.dumps(headers_of(one, str(id_), tx, timeline)) for one, id_ in zip(pending, ids, strict=True)],
        [one.event.data() for one in pending],
    )


def headers_of(pending: Pending, event_id: str, tx: "Tx", timeline: int) -> dict[str, str]:
    event, cause, by = pending.event, pending.cause, pending.by
    actor = by.actor if by else tx.actor
    correlation = cause.correlation_id if cause else by.correlation_id if by else context.correlation_id.get()
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": event.type,
        "ce_dataversion": str(event.version),
        "ce_source": f"/{tx.db.source}",
        "ce_subject": event.key,
        "ce_time": tx.now.isoformat().replace("+00:00", "Z"),
        "ce_seq": str(pending.seq),
        "ce_timeline": str(timeline),
        "ce_correlationid": correlation or event_id,
        "ce_actor": f"{actor.kind}:{actor.id}",
        "content-type": "application/json",
    }
    if cause is not None:
        headers["ce_causationid"] = str(cause.event_id)
    if pending.benefits is not None:
        headers["ce_benefits"] = "1" if pending.benefits else "0"
    if trace := by.traceparent if by else context.traceparent.get():
        headers["traceparent"] = trace
    return headers
