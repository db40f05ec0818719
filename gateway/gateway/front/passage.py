"""Straight through: a request to the service that answers it, its answer back, both streamed.

Measured for itself in bench/; every line here is paid by every request.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from multidict import istr
from starlette.types import Receive, Send

from gateway.front.answers import RawHeaders, passed_on
from gateway.front.upstreams import Upstreams, refusal_of
from svc_kit.refusals import Fault, MalformedRequest, PayloadTooLarge, UpstreamUnavailable

log = structlog.get_logger()

# What reaches a service; everything else of a client stays outside, whatever it calls itself.
PASSED = {
    name.lower().encode(): istr(name)
    for name in (
        "Accept", "Accept-Language", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match",
        "Last-Event-ID", "Prefer", "Range", "X-Order-Token", "X-Signature", "X-Visitor-Id",
    )
}  # fmt: skip
AUTHORIZATION, REQUEST_ID, CONTENT_LENGTH = istr("Authorization"), istr("X-Request-Id"), istr("Content-Length")
BODILESS = frozenset({204, 304})
READS = frozenset({"GET", "HEAD"})
WHOLE_LENGTH_DIGITS = 5
# Up to here bodies are taken whole, which costs half of streaming them.
WHOLE_BYTES_MAX = 65_536
# A request this slow is worth a task that notices whether anybody still waits for it.
PATIENT_SECONDS = 0.25


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


# Not frozen: that would cost a microsecond of every request.
@dataclass(slots=True)
class Asked:
    """One request on its way. `target`: path and query as the client wrote them."""

    service: str
    method: str
    target: str
    given: Mapping[bytes, bytes]
    bearer: str
    identifier: str
    body_bytes_max: int
    more: RawHeaders


async def pass_through(upstreams: Upstreams, asked: Asked, receive: Receive, send: Send) -> int:
    """The status that was sent.

    Raises ClientGone, or a Refusal while nothing was sent: PayloadTooLarge, UpstreamUnavailable, DeadlineExceeded.
    Whoever leaves takes a read along; a write runs to its end, so that its key finds the answer.
    """
    headers: dict[str, str] = {
        PASSED[name]: value.decode("latin-1") for name, value in asked.given.items() if name in PASSED
    }
    headers[AUTHORIZATION] = asked.bearer
    headers[REQUEST_ID] = asked.identifier
    data = await body_of(asked, headers, receive)
    reads = asked.method in READS
    if not reads or data is not None:
        again = reads or b"idempotency-key" in asked.given
        answer = await sent(upstreams, asked, headers, data, again=again)
        return await bring_back(answer, asked, send)
    watch = Watch(receive)
    try:
        answer = await upstreams.send(asked.service, asked.method, asked.target, headers, None, again=True)
        return await bring_back(answer, asked, send)
    except asyncio.CancelledError:
        if not watch.gone:
            raise
        # Our own watch cancelled us, nobody else.
        watch.task.uncancel()
        raise ClientGone from None
    finally:
        watch.stop()


async def sent(
    upstreams: Upstreams, asked: Asked, headers: dict[str, str], data: Any, *, again: bool
) -> aiohttp.ClientResponse:
    try:
        return await upstreams.send(asked.service, asked.method, asked.target, headers, data, again=again)
    except UpstreamUnavailable as fault:
        # aiohttp wraps what our own body generator raised.
        if isinstance(data, Upload) and data.fault is not None:
            raise data.fault from fault
        raise


async def body_of(asked: Asked, headers: dict[str, str], receive: Receive) -> "bytes | Upload | None":
    """Nothing, the whole of a small one, or a stream. Raises PayloadTooLarge, MalformedRequest, ClientGone."""
    length = asked.given.get(b"content-length")
    if length is None:
        if b"transfer-encoding" not in asked.given:
            return None
        return Upload(receive, asked.body_bytes_max)
    if not length.isdigit():
        words = Fault("/headers/Content-Length", "not-a-number", "Not a number", "不是数字")
        raise MalformedRequest([words])
    size = int(length)
    if size > asked.body_bytes_max:
        raise PayloadTooLarge(limit_bytes=asked.body_bytes_max)
    if size == 0:
        return None
    if size > WHOLE_BYTES_MAX:
        headers[CONTENT_LENGTH] = str(size)
        return Upload(receive, asked.body_bytes_max)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
    return body


class Upload:
    """The client's body, as it comes in. `fault`: why it ended early."""

    def __init__(self, receive: Receive, bytes_max: int) -> None:
        self._receive = receive
        self._bytes_max = bytes_max
        self.fault: PayloadTooLarge | ClientGone | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.fault = ClientGone()
                raise self.fault
            body: bytes = message.get("body", b"")
            read += len(body)
            if read > self._bytes_max:
                self.fault = PayloadTooLarge(limit_bytes=self._bytes_max)
                raise self.fault
            if body:
                yield body
            if not message.get("more_body"):
                return


async def bring_back(answer: aiohttp.ClientResponse, asked: Asked, send: Send) -> int:
    """Raises UpstreamUnavailable or DeadlineExceeded while nothing was sent; afterwards the answer is cut off."""
    headers = passed_on(answer.raw_headers)
    headers.append((b"x-request-id", asked.identifier.encode()))
    headers += asked.more
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    if answer.status in BODILESS:
        start["headers"] = [one for one in headers if one[0] != b"content-length"]
    length = answer.headers.get(CONTENT_LENGTH)
    try:
        if length is not None and len(length) <= WHOLE_LENGTH_DIGITS:
            body = await answer.read()
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return answer.status
        # The first bytes before the first word to the client: until then there is a refusal to give.
        chunk = await answer.content.readany()
        await send(start)
        while chunk:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            chunk = await following(answer, asked)
        await send({"type": "http.response.body", "body": b""})
        return answer.status
    except (aiohttp.ClientError, OSError) as fault:
        raise refusal_of(fault, asked.service) from fault
    finally:
        # A connection in the middle of an answer is of no use to anybody else.
        if answer.content.is_eof():
            answer.release()
        else:
            answer.close()


class CutOff(Exception):
    """The service broke off in the middle of its answer."""


async def following(answer: aiohttp.ClientResponse, asked: Asked) -> bytes:
    try:
        return await answer.content.readany()
    except (aiohttp.ClientError, OSError) as fault:
        log.warning("answer cut off", part=asked.service, error=type(fault).__name__)
        raise CutOff from fault


class Watch:
    """Cancels the request's task once its client left. Costs a timer; a task only where the answer takes long."""

    def __init__(self, receive: Receive) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.gone = False
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(PATIENT_SECONDS, self._begin)

    def stop(self) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self.task.cancel()
