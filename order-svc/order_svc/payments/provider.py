"""The sandbox provider as we call it. Every answer is one of three; an exception means that nobody knows."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from order_svc.payments.rules import Told

Path = Literal["charges", "refunds"]


class NoProvider(RuntimeError):
    """PAYMENT_SANDBOX_URL is not set: the method should not have been offered."""


@dataclass(frozen=True, slots=True)
class Provider:
    """`time_box_ms`: after it the outcome is unknown, whatever the provider did meanwhile."""

    client: httpx.AsyncClient
    url: str
    time_box_ms: int

    async def ask(self, path: Path, body: Mapping[str, Any]) -> Told:
        """Moves money, at most once per key. A refusal of the provider's is a `failed`; raises for all else."""
        answer = await self._call("POST", f"/{path}", json=dict(body))
        if 400 <= answer.status_code < 500 and answer.status_code not in (408, 425, 429):
            reason = f"provider_{answer.status_code}"
            return Told("failed", int(body["amount_minor"]), str(body["currency"]), str(body["key"]), reason)
        return told_by(answer.raise_for_status().json())

    async def look(self, path: Path, key: str) -> Told | None:
        """What became of a key; None where the provider was never asked."""
        answer = await self._call("GET", f"/{path}/{key}")
        if answer.status_code == 404:
            return None
        return told_by(answer.raise_for_status().json())

    async def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        if not self.url:
            raise NoProvider
        async with asyncio.timeout(self.time_box_ms / 1000):
            return await self.client.request(method, self.url.rstrip("/") + path, **arguments)


def told_by(view: Mapping[str, Any]) -> Told:
    """Raises KeyError or ValueError for an answer that is none: the outcome stays unknown."""
    state = view["state"]
    if state not in ("pending", "succeeded", "failed"):
        raise ValueError(f"unknown state {state!r}")
    return Told(state, int(view["amount_minor"]), str(view["currency"]), str(view["provider_ref"]))
