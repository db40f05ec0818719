"""Fetches the parts of a page side by side, as a visitor: everybody sees the same one."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import structlog

from gateway.composition.rules import UNAVAILABLE, Part, first_sku, product_page
from gateway.front.identity import Identity
from gateway.front.upstreams import Fetched, Upstreams
from svc_kit.refusals import NotFound, Refusal, UpstreamUnavailable

log = structlog.get_logger()
CATALOG, MARKETING, ORDERS = "catalog-svc", "marketing-svc", "order-svc"


class Pages:
    """`headers`: what every part is asked with."""

    def __init__(
        self, upstreams: Upstreams, identity: Identity, headers: Mapping[str, str], *, page_ms: int, part_ms: int
    ) -> None:
        self._upstreams = upstreams
        self._identity = identity
        self._headers = headers
        self._page_ms = page_ms
        self._part_ms = part_ms

    async def product(self, shop: str, slug: str, *, sku: str | None, region: str | None) -> dict[str, Any]:
        """Raises NotFound, UpstreamUnavailable, DeadlineExceeded for the catalogue's part, never for the others."""
        base = f"/v1/store/{quote(shop, safe='')}"
        product = f"{base}/products/{quote(slug, safe='')}"
        promotions = asyncio.create_task(self._part(MARKETING, f"{product}/promotions"))
        # A chosen sku is asked about at once; else the product has to say first which there are.
        delivery = asyncio.create_task(self._delivery(base, sku, region)) if sku else None
        try:
            required = await self._required(CATALOG, product)
            chosen = first_sku(required)
            if delivery is None:
                delivery = asyncio.create_task(self._delivery(base, chosen, region))
            return product_page(required, await promotions, await delivery)
        finally:
            await ended(promotions, delivery)

    async def _delivery(self, base: str, sku: str | None, region: str | None) -> Part:
        if sku is None:
            return Part()
        query = urlencode({"sku": sku} | ({"region": region} if region else {}))
        return await self._part(ORDERS, f"{base}/delivery-promise?{query}")

    async def _required(self, service: str, target: str) -> Any:
        got = await self._fetched(service, target, self._page_ms)
        if got.status == 404:
            raise NotFound()
        if got.status != 200:
            raise UpstreamUnavailable(retry_after_seconds=1, part=service)
        return orjson.loads(got.body)

    async def _part(self, service: str, target: str) -> Part:
        """404 means that there is nothing, which is an answer."""
        try:
            got = await self._fetched(service, target, self._part_ms)
        except Refusal as trouble:
            log.warning("part of a page is away", part=service, reason=trouble.slug)
            return UNAVAILABLE
        if got.status == 404:
            return Part()
        if got.status != 200:
            log.warning("part of a page refused", part=service, status=got.status)
            return UNAVAILABLE
        return Part(orjson.loads(got.body))

    def _fetched(self, service: str, target: str, time_box_ms: int) -> Awaitable[Fetched]:
        bearer = self._identity.bearer(self._identity.visitor, service)
        headers = {**self._headers, "Authorization": bearer}
        return self._upstreams.fetch(service, target, headers, time_box_ms=time_box_ms)


async def ended(*tasks: "asyncio.Task[Part] | None") -> None:
    """Where the required part failed nobody waits for the others."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
