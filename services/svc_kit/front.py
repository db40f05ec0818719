"""The pure ASGI layer before every route: request id, size limit, metrics."""

import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from svc_contracts.ids import Ids
from svc_kit import context
from svc_kit.clock import Clock
from svc_kit.problems import language_of, render
from svc_kit.refusals import PayloadTooLarge
from svc_kit.telemetry import Metrics

REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")


class Front:
    def __init__(self, app: ASGIApp, *, metrics: Metrics, body_bytes_max: int, clock: Clock) -> None:
        self.app = app
        self.metrics = metrics
        self.body_bytes_max = body_bytes_max
        self.clock = clock
        self.ids = Ids(now=clock.now)
        self.in_flight = 0
        metrics.in_flight.set_function(lambda: self.in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get(b"x-request-id", "")
        identifier = given if REQUEST_ID.match(given) else self.ids.new("req")
        context.request_id.set(identifier)
        context.correlation_id.set(headers.get(b"x-correlation-id") or identifier)
        context.traceparent.set(headers.get(b"traceparent"))
        started, status, read = self.clock.monotonic(), 500, 0

        async def answering(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (b"x-request-id", identifier.encode())]}
            await send(message)

        async def reading() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.body_bytes_max:
                raise PayloadTooLarge(limit_bytes=self.body_bytes_max)
            return message

        self.in_flight += 1
        try:
            await self._answer(scope, headers, reading, answering)
        finally:
            self.in_flight -= 1
        route = getattr(scope.get("route"), "path", "none")
        self.metrics.requests.labels(scope["method"], route, str(status)).inc()
        self.metrics.latency.labels(route).observe(self.clock.monotonic() - started)

    async def _answer(self, scope: Scope, headers: Mapping[bytes, str], receive: Receive, send: Send) -> None:
        length = headers.get(b"content-length", "0")
        if length.isdigit() and int(length) > self.body_bytes_max:
            refusal = PayloadTooLarge(limit_bytes=self.body_bytes_max)
            answer = render(refusal, language=language_of(headers.get(b"accept-language")))
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)
