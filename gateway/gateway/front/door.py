"""The first thing a request meets: raw ASGI before FastAPI, for what is only passed on or remembered."""

import contextlib
import re
from dataclasses import dataclass, field
from typing import Any

import structlog
from fastapi import FastAPI
from prometheus_client import Counter, Histogram
from starlette.types import Message, Receive, Scope, Send

from gateway.front.answers import RawHeaders, language, passed_on, send_problem, send_whole
from gateway.front.cors import Cors
from gateway.front.identity import Identity
from gateway.front.passage import READS, Asked, ClientGone, CutOff, pass_through
from gateway.front.reads import Answer, PublicReads, answer_of, send_answer
from gateway.front.upstreams import Upstreams
from gateway.settings import GatewaySettings
from svc_contracts.ids import Ids
from svc_contracts.routes import GATEWAY, service_for
from svc_kit.assembly import InternalError
from svc_kit.clock import Clock
from svc_kit.front import REQUEST_ID
from svc_kit.refusals import NotFound, Refusal, Unauthenticated
from svc_kit.telemetry import Metrics

log = structlog.get_logger()

CALLBACKS, ADMIN, STORE, MEDIA = "/v1/callbacks/", "/v1/admin/", "/v1/store/", "/media/"
MEDIA_UPLOAD = "/v1/admin/media"
# Signing in is how one gets a token: whatever old one comes along says nothing.
SIGN_IN = frozenset({"/v1/auth/members", "/v1/auth/sessions", "/v1/auth/sessions/refresh"})
OPERATIONS = frozenset({"/livez", "/readyz"})
METRICS = "/metrics"
ODD_SEGMENT = re.compile(r"//|/\.{1,2}(?:/|$)|.(?:/)$")


@dataclass(slots=True)
class Door:
    """Everything that a request may need on its way in. `app`: our own routes."""

    app: FastAPI
    settings: GatewaySettings
    clock: Clock
    metrics: Metrics
    upstreams: Upstreams
    identity: Identity
    reads: PublicReads
    cors: Cors
    ids: Ids
    counters: dict[tuple[str, str, int], Counter] = field(default_factory=dict)
    timers: dict[str, Histogram] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"])
        named = given.get(b"x-request-id", b"").decode("latin-1")
        identifier = named if named and REQUEST_ID.match(named) else f"req_{self.ids.random_bytes(13).hex()}"
        origin = given.get(b"origin")
        more = self.cors.headers(origin) if origin is not None else []
        try:
            await self._answer(Request(scope, given, identifier, more), receive, send)
        except Refusal as refusal:
            words = given.get(b"accept-language")
            await send_problem(send, refusal, identifier=identifier, accept_language=words, more=more)
            self._count(scope["method"], "refused", refusal.status)
        except ClientGone:
            self._count(scope["method"], "gone", 499)
        except Exception as fault:
            log.error("request failed", path=scope["path"], exc_info=fault)
            with contextlib.suppress(RuntimeError):  # the answer has begun: the server cuts it off
                await send_problem(send, InternalError(), identifier=identifier, accept_language=None, more=more)

    async def _answer(self, request: "Request", receive: Receive, send: Send) -> None:
        path: str = request.scope["path"]
        if ODD_SEGMENT.search(path):
            raise NotFound()
        if request.scope["method"] == "OPTIONS" and b"access-control-request-method" in request.given:
            await self._preflight(request, send)
            return
        if is_public_read(path) and request.scope["method"] in READS:
            await self._public_read(request, path, send)
            return
        service = service_for(path)
        if service is None or service == GATEWAY:
            await self._own(request, path, receive, send, served=service is not None)
            return
        await self._pass(request, path, service, receive, send)

    async def _pass(self, request: "Request", path: str, service: str, receive: Receive, send: Send) -> None:
        given, scope = request.given, request.scope
        if path.startswith(CALLBACKS):
            caller = self.identity.gateway
        else:
            caller = self.identity.caller(given.get(b"authorization"))
            if caller.kind == "visitor" and path.startswith(ADMIN):
                raise Unauthenticated()
        limit = self.settings.media_bytes_max if path == MEDIA_UPLOAD else self.settings.body_bytes_max
        asked = Asked(
            service=service,
            method=scope["method"],
            target=request.target,
            given=given,
            bearer=self.identity.bearer(caller, service),
            identifier=request.identifier,
            body_bytes_max=limit,
            more=request.more,
        )
        began = self.clock.monotonic()
        try:
            status = await pass_through(self.upstreams, asked, receive, send)
        except CutOff:
            # The client sees a broken answer, not a complete one: the server closes the connection.
            self._count(asked.method, service, 502)
            return
        self._count(asked.method, service, status)
        timer = self.timers.get(service)
        if timer is None:
            timer = self.timers[service] = self.metrics.latency.labels(service)
        timer.observe(self.clock.monotonic() - began)

    async def _public_read(self, request: "Request", path: str, send: Send) -> None:
        """The same for everybody: whoever asks, a visitor's token goes along."""
        words = request.given.get(b"accept-language")
        spoken = language(words.decode("latin-1") if words else None)
        key = (request.raw_path, request.scope["query_string"], spoken)
        answer = self.reads.known(key)
        if answer is None:
            answer = await self.reads.answer(key, lambda: self._asked(request, path, words))
        more = [(b"x-request-id", request.identifier.encode()), *request.more]
        await send_answer(send, answer, if_none_match=request.given.get(b"if-none-match"), more=more)
        self._count(request.scope["method"], "public", answer.status)

    async def _asked(self, request: "Request", path: str, words: bytes | None) -> Answer:
        service = GATEWAY if is_composed(path) else service_for(path)
        assert service is not None
        headers = {"Authorization": self.identity.bearer(self.identity.visitor, service)}
        headers["X-Request-Id"] = request.identifier
        if words:
            headers["Accept-Language"] = words.decode("latin-1")
        if service == GATEWAY:
            return await collected(self.app, {**request.scope, "method": "GET", "headers": raw(headers)})
        box_ms = int(self.settings.upstream_time_box_seconds * 1000)
        got = await self.upstreams.fetch(service, request.target, headers, time_box_ms=box_ms)
        return answer_of(got.status, passed_on(got.headers), got.body)

    async def _own(self, request: "Request", path: str, receive: Receive, send: Send, *, served: bool) -> None:
        """Our own routes get an internal token too: the kit's doors need no second way in."""
        given = request.given
        token: str | None = None
        if served and path not in SIGN_IN:
            caller = self.identity.caller(given.get(b"authorization"))
            if caller.kind == "visitor" and path.startswith(ADMIN):
                raise Unauthenticated()
            token = self.identity.bearer(caller, GATEWAY)
        elif not served and path not in OPERATIONS and not self._may_measure(path, given):
            raise NotFound()
        headers = [one for one in request.scope["headers"] if one[0] not in (b"authorization", b"x-request-id")]
        headers.append((b"x-request-id", request.identifier.encode()))
        if token is not None:
            headers.append((b"authorization", token.encode()))

        async def with_more(message: Message) -> None:
            if message["type"] == "http.response.start" and request.more:
                message = {**message, "headers": [*message["headers"], *request.more]}
            await send(message)

        await self.app({**request.scope, "headers": headers}, receive, with_more)

    def _may_measure(self, path: str, given: dict[bytes, bytes]) -> bool:
        token = self.settings.metrics_token
        return bool(path == METRICS and token and given.get(b"authorization") == f"Bearer {token}".encode())

    async def _preflight(self, request: "Request", send: Send) -> None:
        """204 also for pages that may not call: without the headers a browser stops by itself."""
        headers = self.cors.preflight(request.given.get(b"origin"))
        await send_whole(send, 204, [*headers, (b"x-request-id", request.identifier.encode())], b"")

    def _count(self, method: str, route: str, status: int) -> None:
        key = (method, route, status)
        counter = self.counters.get(key)
        if counter is None:
            counter = self.counters[key] = self.metrics.requests.labels(method, route, str(status))
        counter.inc()


# Not frozen: that would cost a microsecond of every request.
@dataclass(slots=True)
class Request:
    """`given`: the headers; `more`: what every answer to it says besides."""

    scope: Scope
    given: dict[bytes, bytes]
    identifier: str
    more: RawHeaders

    @property
    def raw_path(self) -> bytes:
        found: bytes = self.scope["raw_path"]
        return found

    @property
    def target(self) -> str:
        query: bytes = self.scope["query_string"]
        path = self.raw_path.decode("latin-1")
        return f"{path}?{query.decode('latin-1')}" if query else path


def is_public_read(path: str) -> bool:
    """The shop, its products, one product, a picture."""
    if path.startswith(STORE):
        parts = path[len(STORE) :].split("/")
        return len(parts) == 1 or (parts[1] == "products" and len(parts) <= 3)
    return path.startswith(MEDIA) and path.count("/") == 2


def is_composed(path: str) -> bool:
    return path.startswith(STORE) and path.count("/") == 5


def raw(headers: dict[str, str]) -> RawHeaders:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


async def collected(app: Any, scope: Scope) -> Answer:
    """What one of our own routes answers, as bytes to remember."""
    start: Message = {}
    body = bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, send)
    if not start:
        raise InternalError()
    return answer_of(start["status"], passed_on(start["headers"]), bytes(body))
