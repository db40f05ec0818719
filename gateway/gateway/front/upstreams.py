"""The five services behind us, over aiohttp itself: httpx costs three to eighteen times its CPU."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from svc_kit.refusals import DeadlineExceeded, Refusal, UpstreamUnavailable

# Below the three seconds' notice of a service that stops: a connection that it is about to close is never taken.
KEEP_ALIVE_SECONDS = 2.0
POOL_WAIT_SECONDS = 5.0
RETRY_AFTER_SECONDS = 1.0
RETRY_PAUSE_SECONDS = 0.05
OWN_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
# What came instead of an answer: nothing was done with the request, or nobody knows.
LOST = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)


@dataclass(frozen=True, slots=True)
class Fetched:
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Upstreams:
    """One connection pool for all of them."""

    def __init__(self, session: aiohttp.ClientSession, urls: Mapping[str, str], *, time_box_seconds: float) -> None:
        self.session = session
        self.urls = {name: url.rstrip("/") for name, url in urls.items()}
        self.time_box_seconds = time_box_seconds

    @classmethod
    @asynccontextmanager
    async def open(
        cls, urls: Mapping[str, str], *, connections_max: int, connect_ms: int, time_box_seconds: float
    ) -> "AsyncIterator[Upstreams]":
        connector = TCPConnector(limit=0, limit_per_host=connections_max, keepalive_timeout=KEEP_ALIVE_SECONDS)
        timeout = ClientTimeout(
            total=None, connect=POOL_WAIT_SECONDS, sock_connect=connect_ms / 1000, sock_read=time_box_seconds
        )
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=OWN_HEADERS,
            trust_env=False,
        ) as session:
            yield cls(session, urls, time_box_seconds=time_box_seconds)

    def url(self, service: str, target: str) -> URL:
        """`target`: path and query as the client wrote them."""
        return URL(self.urls[service] + target, encoded=True)

    async def send(
        self, service: str, method: str, target: str, headers: Mapping[str, str], data: Any, *, again: bool
    ) -> aiohttp.ClientResponse:
        """The answer, its body still to be read. Asks once more where the connection failed: always if nothing was
        sent, else only if `again` says that twice is as good as once.

        Raises UpstreamUnavailable, DeadlineExceeded.
        """
        url = self.url(service, target)
        replayable = data is None or isinstance(data, bytes)
        try:
            try:
                return await self.session.request(method, url, headers=headers, data=data, allow_redirects=False)
            except aiohttp.ClientConnectorError:
                if not replayable:
                    raise
            except LOST:
                if not (again and replayable):
                    raise
            await asyncio.sleep(RETRY_PAUSE_SECONDS)
            return await self.session.request(method, url, headers=headers, data=data, allow_redirects=False)
        except (aiohttp.ClientError, OSError) as fault:
            raise refusal_of(fault, service) from fault

    async def fetch(self, service: str, target: str, headers: Mapping[str, str], *, time_box_ms: int) -> Fetched:
        """A whole read. Raises UpstreamUnavailable, DeadlineExceeded."""
        try:
            async with asyncio.timeout(time_box_ms / 1000):
                answer = await self.send(service, "GET", target, headers, None, again=True)
                try:
                    body = await answer.read()
                except (aiohttp.ClientError, OSError) as fault:
                    raise refusal_of(fault, service) from fault
                finally:
                    answer.release()
        except TimeoutError as fault:
            raise DeadlineExceeded(part=service) from fault
        return Fetched(answer.status, answer.raw_headers, body)


def refusal_of(fault: Exception, service: str) -> Refusal:
    """A service that answers too late is another trouble than one that is away."""
    if isinstance(fault, TimeoutError) and not isinstance(fault, aiohttp.ConnectionTimeoutError):
        return DeadlineExceeded(part=service)
    return UpstreamUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS, part=service)
