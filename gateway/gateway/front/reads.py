"""Public reads, remembered as bytes for two seconds before routing: everybody gets the same ones."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import Send

from gateway.front.answers import RawHeaders, send_whole
from svc_kit.clock import Clock

Key = tuple[bytes, bytes, str]
# One entry may not push out everything else.
SHARE_MAX = 8
# The name is the content: remembered until pushed out.
IMMUTABLE = b"immutable"
SHOWN_WITH_304 = frozenset({b"etag", b"cache-control", b"vary"})


@dataclass(frozen=True, slots=True)
class Answer:
    """`etag`: None where the answer may not be kept by anybody."""

    status: int
    headers: RawHeaders
    body: bytes
    etag: bytes | None
    immutable: bool = False


class PublicReads:
    """Bounded in count and in bytes; the least recently used leave. One request at a time asks for a key."""

    def __init__(self, *, seconds: float, entries_max: int, bytes_max: int, clock: Clock) -> None:
        self._seconds = seconds
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._clock = clock
        self._entries: OrderedDict[Key, tuple[float, Answer]] = OrderedDict()
        self._flights: dict[Key, asyncio.Task[Answer]] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def known(self, key: Key) -> Answer | None:
        found = self._entries.get(key)
        if found is None or found[0] <= self._clock.monotonic():
            return None
        self._entries.move_to_end(key)
        return found[1]

    async def answer(self, key: Key, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """What is remembered, or what `ask` brings. Whoever comes meanwhile waits for the same answer; one that may
        not be kept is the first one's alone.
        """
        if (known := self.known(key)) is not None:
            return known
        flight = self._flights.get(key)
        if flight is not None:
            shared = await asyncio.shield(flight)
            return shared if shared.etag is not None else await ask()
        # A task of its own: the first one's leaving must not cost the others their answer.
        flight = self._flights[key] = asyncio.create_task(self._fly(key, ask))
        flight.add_done_callback(retrieved)
        return await asyncio.shield(flight)

    async def _fly(self, key: Key, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            answer = await ask()
        finally:
            del self._flights[key]
        if answer.etag is not None:
            self._keep(key, answer)
        return answer

    def _keep(self, key: Key, answer: Answer) -> None:
        if len(answer.body) > self._bytes_max // SHARE_MAX:
            return
        if (old := self._entries.pop(key, None)) is not None:
            self.size -= len(old[1].body)
        until = float("inf") if answer.immutable else self._clock.monotonic() + self._seconds
        self._entries[key] = (until, answer)
        self.size += len(answer.body)
        while self.size > self._bytes_max or len(self._entries) > self._entries_max:
            _, (_, gone) = self._entries.popitem(last=False)
            self.size -= len(gone.body)


def retrieved(flight: "asyncio.Task[Answer]") -> None:
    """Its failure was told to whoever still waits."""
    if not flight.cancelled():
        flight.exception()


def answer_of(status: int, headers: RawHeaders, body: bytes) -> Answer:
    """May be kept: 200 with `Cache-Control: public`. The service's own ETag stands, else one is made of the bytes."""
    said = dict(headers)
    cache = said.get(b"cache-control", b"")
    if status != 200 or b"public" not in cache:
        return Answer(status, headers, body, None)
    etag = said.get(b"etag") or b'"' + hashlib.blake2b(body, digest_size=16).hexdigest().encode() + b'"'
    own = [(name, value) for name, value in headers if name not in (b"etag", b"content-length", b"vary")]
    own += [(b"etag", etag), (b"content-length", b"%d" % len(body)), (b"vary", b"Accept-Language")]
    return Answer(status, own, body, etag, IMMUTABLE in cache)


async def send_answer(send: Send, answer: Answer, *, if_none_match: bytes | None, more: RawHeaders) -> None:
    if if_none_match is not None and answer.etag is not None and matches(if_none_match, answer.etag):
        headers = [one for one in answer.headers if one[0] in SHOWN_WITH_304]
        await send_whole(send, 304, headers + more, b"")
        return
    await send_whole(send, answer.status, answer.headers + more, answer.body)


def matches(if_none_match: bytes, etag: bytes) -> bool:
    """The weak comparison of RFC 9110 §13.1.2."""
    if if_none_match.strip() == b"*":
        return True
    plain = etag.removeprefix(b"W/")
    return any(one.strip().removeprefix(b"W/") == plain for one in if_none_match.split(b","))
