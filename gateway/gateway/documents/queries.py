"""The document of everything public, from the five services' own ones as they are now."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from fastapi import FastAPI

from gateway.documents.rules import Document, Told, merged, problems_of
from gateway.front.upstreams import Upstreams
from svc_contracts.routes import GATEWAY
from svc_kit.assembly import VERSION
from svc_kit.clock import Clock
from svc_kit.refusals import Refusal, all_refusals

log = structlog.get_logger()
KEPT_SECONDS = 60.0
# Where a service was away, the next reader finds out whether it is back.
KEPT_INCOMPLETE_SECONDS = 2.0
TIME_BOX_MS = 2_000


@dataclass(frozen=True, slots=True)
class Published:
    content: bytes
    etag: str
    problems: dict[str, Told]
    missing: tuple[str, ...]


class Documents:
    """Built when somebody asks, kept for a minute; a service that is away is told of as it was last seen."""

    def __init__(self, app: FastAPI, upstreams: Upstreams, clock: Clock) -> None:
        self._app = app
        self._upstreams = upstreams
        self._clock = clock
        self._seen: dict[str, Document] = {}
        self._published: tuple[float, Published] | None = None
        self._building = asyncio.Lock()

    async def published(self) -> Published:
        async with self._building:
            now = self._clock.monotonic()
            if self._published is None or self._published[0] <= now:
                made = await self._build()
                kept = KEPT_INCOMPLETE_SECONDS if made.missing else KEPT_SECONDS
                self._published = (now + kept, made)
            return self._published[1]

    async def problems(self) -> dict[str, Told]:
        """Every type of problem that anybody here can answer: by slug."""
        own = {one.slug: (one.status, one.title["en"], one.title["zh"]) for one in all_refusals().values()}
        return (await self.published()).problems | own

    async def _build(self) -> Published:
        names = list(self._upstreams.urls)
        found = await asyncio.gather(*(self._document(name) for name in names))
        self._seen |= {name: one for name, one in zip(names, found, strict=True) if one is not None}
        documents = {GATEWAY: self._app.openapi(), **self._seen}
        missing = [name for name in names if name not in self._seen]
        document = merged(documents, version=VERSION, missing=missing)
        content = orjson.dumps(document)
        away = tuple(name for name, one in zip(names, found, strict=True) if one is None)
        etag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
        return Published(content, etag, problems_of(document), away)

    async def _document(self, service: str) -> dict[str, Any] | None:
        try:
            got = await self._upstreams.fetch(service, "/openapi.json", {}, time_box_ms=TIME_BOX_MS)
        except Refusal as trouble:
            log.warning("document not read", part=service, reason=trouble.slug)
            return None
        if got.status != 200:
            log.warning("document not read", part=service, status=got.status)
            return None
        document: dict[str, Any] = orjson.loads(got.body)
        return document
