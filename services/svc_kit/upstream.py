"""Signed calls to another service, in a time box. Never inside a transaction."""

import asyncio
from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport

from svc_contracts.scopes import SERVICE_CALLS
from svc_kit import context
from svc_kit.access import InternalTokens
from svc_kit.clock import Clock
from svc_kit.refusals import NotFound, Refusal, UpstreamUnavailable

TIME_BOX_MS = 2_000
# Half of a token's life: a call that starts with a cached token never arrives with an expired one.
TOKEN_KEPT_SECONDS = 30.0
# Below the three seconds' notice of a service that stops: a connection that it is about to close is never taken.
KEEP_ALIVE_SECONDS = 2.0
CONNECTIONS_MAX = 100
RETRY_AFTER_SECONDS = 1.0


class UpstreamRefused(Refusal):
    """The other service refused; its problem is passed on as a fact."""

    slug, status = "upstream-refused", 502
    title = {"en": "Another part refused", "zh": "内部服务拒绝了请求"}


class Upstream:
    """One other service, called as this one. Raises UpstreamUnavailable where it is away or too slow."""

    def __init__(
        self, name: str, *, base_url: str, client: httpx.AsyncClient, tokens: InternalTokens, clock: Clock
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.client = client
        self.tokens = tokens
        self.clock = clock
        self._token: tuple[float, str] | None = None

    async def get(self, path: str, *, time_box_ms: int = TIME_BOX_MS, params: dict[str, str] | None = None) -> Any:
        return await self._call("GET", path, time_box_ms, params=params)

    async def post(self, path: str, body: Any, *, time_box_ms: int = TIME_BOX_MS) -> Any:
        return await self._call("POST", path, time_box_ms, json=body)

    async def _call(self, method: str, path: str, time_box_ms: int, **arguments: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._current_token()}"}
        if identifier := context.request_id.get():
            headers["X-Request-Id"] = identifier
        if correlation := context.correlation_id.get():
            headers["X-Correlation-Id"] = correlation
        try:
            async with asyncio.timeout(time_box_ms / 1000):
                answer = await self.client.request(method, self.base_url + path, headers=headers, **arguments)
        except (TimeoutError, httpx.HTTPError, OSError) as fault:
            raise UpstreamUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS, part=self.name) from fault
        if answer.status_code == 404:
            raise NotFound()
        if answer.status_code >= 500:
            raise UpstreamUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS, part=self.name)
        if answer.status_code >= 400:
            raise UpstreamRefused(part=self.name, upstream_status=answer.status_code)
        return answer.json()

    def _current_token(self) -> str:
        now = self.clock.monotonic()
        if self._token is None or self._token[0] <= now:
            scopes = SERVICE_CALLS.get(self.tokens.service, {}).get(self.name, ())
            token = self.tokens.mint(self.name, kind="svc", id=self.tokens.service, scopes=scopes)
            self._token = (now + TOKEN_KEPT_SECONDS, token)
        return self._token[1]


def new_client() -> httpx.AsyncClient:
    """httpx's own pool is dead after cancelled requests (docs/decisions): its transport is aiohttp's."""
    limits = httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=KEEP_ALIVE_SECONDS)
    return httpx.AsyncClient(transport=AiohttpTransport(limits=limits), timeout=10.0)
