"""What tests of a service stand on: its real wiring on a real database, a signed client, delivered events."""

import asyncio
import base64
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol
from uuid import UUID

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from svc_contracts.events import Event
from svc_contracts.scopes import expand
from svc_contracts.suite import SERVICES
from svc_kit.access import InternalTokens, Kind
from svc_kit.assembly import Runtime, Service, create_app
from svc_kit.clock import Clock
from svc_kit.consumer import Consumer, Record, process

SEED = base64.b64encode(bytes(range(32))).decode()
PUBLIC = base64.b64encode(
    Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
).decode()
_numbers = count(1)


class Urls(Protocol):
    @property
    def app(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SentEvent:
    type: str
    key: str
    seq: int
    topic: str
    data: dict[str, Any]
    headers: dict[str, str]


@asynccontextmanager
async def runtime_of(
    service: Service, urls: Urls, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Runtime]:
    """The production wiring; of the background only the writers of batched doors run."""
    given = {
        "yunying_env": "test",
        "database_url": urls.app,
        "internal_signing_key": SEED,
        "internal_verify_keys": dict.fromkeys(SERVICES, PUBLIC),
        "service_urls": {name: f"http://127.0.0.1:{entry.port}" for name, entry in SERVICES.items()},
    }
    app = create_app(service, service.settings(**(given | settings)), clock=clock)
    async with app.router.lifespan_context(app):
        runtime: Runtime = app.state.runtime
        writers = [asyncio.create_task(runtime.batch(door).run(asyncio.Event())) for door in service.batches]
        try:
            yield runtime
        finally:
            for writer in writers:
                writer.cancel()
            await asyncio.gather(*writers, return_exceptions=True)


class Client:
    """Clients over ASGI, each with a minted internal token."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def as_(
        self,
        kind: Kind = "staff",
        *,
        id: str = "stf_test",
        scopes: Collection[str] = ("*",),
        shops: Collection[str] | None = None,
        visitor_id: str | None = None,
        session_id: str | None = None,
    ) -> httpx.AsyncClient:
        audience = self.runtime.service.name
        tokens = InternalTokens(service="gateway", signing_key=SEED, verify_keys={}, clock=self.runtime.clock)
        granted = [*expand(scopes), *(scope for scope in scopes if scope.startswith("internal:"))]
        token = tokens.mint(audience, kind=kind, id=id, scopes=granted, shops=shops, session_id=session_id)
        headers = {"Authorization": f"Bearer {token}"}
        if visitor_id is not None:
            headers["X-Visitor-Id"] = visitor_id
        transport = httpx.ASGITransport(app=self.runtime.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers)


def client_of(runtime: Runtime) -> Client:
    return Client(runtime)


async def deliver(
    runtime: Runtime,
    consumer: Consumer,
    events: Sequence[Event],
    *,
    seqs: Sequence[int] | None = None,
    ids: Sequence[UUID] | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """One batch through the consumer in one transaction, with inbox and parked keys as from Kafka."""
    records = []
    for n, event in enumerate(events):
        number = next(_numbers)
        own = {
            "ce_id": str(ids[n] if ids else runtime.ids.uuid7()),
            "ce_type": event.type,
            "ce_dataversion": str(event.version),
            "ce_subject": event.key,
            "ce_time": runtime.clock.now().isoformat(),
            "ce_seq": str(seqs[n] if seqs else number),
            "ce_timeline": "1",
            **(headers or {}),
        }
        records.append(Record(event.topic.name, 0, number, own, event.data()))
    async with runtime.db.transaction(may_emit=consumer.deciding, lazily=not consumer.deciding) as tx:
        await process(tx, consumer, records)


async def outbox_of(runtime: Runtime) -> list[SentEvent]:
    """What waits to be sent, in order."""
    async with runtime.db.read() as con:
        rows = await con.fetch("SELECT topic, key, headers, value FROM outbox ORDER BY id")
    found = []
    for row in rows:
        headers = orjson.loads(row["headers"])
        data = orjson.loads(row["value"])
        found.append(SentEvent(headers["ce_type"], row["key"], int(headers["ce_seq"]), row["topic"], data, headers))
    return found
