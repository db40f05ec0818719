"""What is measured: each scenario is what a user does, through the gateway."""

import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import orjson

from bench.load import Measured, closed_loop, one_by_one
from bench.shop import ADDRESS, CONTACT, PRICE_MINOR, REGION, Shop, money

Post = Callable[[str, object, dict[str, str]], Awaitable[tuple[int, object]]]
SECONDS = 8.0
WARM_SECONDS = 2.0
ALONE_TIMES = 150
CREATED = 201


@dataclass(frozen=True, slots=True)
class Figure:
    """`measured.outcomes["ok"]` is what counts; every other outcome is named beside it."""

    scenario: str
    clients: int
    figure: str
    measured: Measured


@dataclass(slots=True)
class Bench:
    """One HTTP session for all clients."""

    http: aiohttp.ClientSession
    gateway_url: str
    shop: Shop
    chance: random.Random

    async def post(self, path: str, body: object, headers: dict[str, str]) -> tuple[int, object]:
        data = orjson.dumps(body)
        whole = {"Content-Type": "application/json", **headers}
        async with self.http.post(self.gateway_url + path, data=data, headers=whole) as answer:
            return answer.status, orjson.loads(await answer.read())

    def visitor(self) -> dict[str, str]:
        """Somebody new each time: a buyer may have only so many unpaid orders."""
        return {"X-Visitor-Id": secrets.token_urlsafe(24), "Idempotency-Key": secrets.token_hex(12)}

    def two_lines(self) -> list[dict[str, object]]:
        return [{"sku": sku, "quantity": 1} for sku in self.chance.sample(self.shop.skus, 2)]

    async def buy_now(self, client: int) -> str:
        """One call, two lines of a thousand skus; counted when decided."""
        body = {
            "lines": self.two_lines(),
            "region": REGION,
            "delivery_method": "standard",
            "expected_total": money(2 * PRICE_MINOR),
            "contact": CONTACT,
            "address": ADDRESS,
            "payment_method": "sandbox",
        }
        status, _ = await self.post(f"/v1/store/{self.shop.slug}/checkout", body, self.visitor())
        return "ok" if status == CREATED else str(status)


async def buy_now(bench: Bench) -> list[Figure]:
    found = [Figure("buy_now", 1, "orders_per_second", await one_by_one(bench.buy_now, times=ALONE_TIMES))]
    for clients in (16, 64):
        measured = await closed_loop(bench.buy_now, clients=clients, seconds=SECONDS, warm_seconds=WARM_SECONDS)
        found.append(Figure("buy_now", clients, "orders_per_second", measured))
    return found


SCENARIOS: dict[str, Callable[[Bench], Awaitable[list[Figure]]]] = {"buy_now": buy_now}
