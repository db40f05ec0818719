"""People with one kept connection each, who look, reckon, fill carts, buy and look after their orders, at a steady
pace, and never ask twice.
"""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.rig.people import ADDRESS, CONTACT, REGION, World, key, money
from tests.rig.wire import Answer, Broken, Line

PRICE_MINOR = 10_000
KINDS = {"page": 30, "quote": 20, "cart": 20, "checkout": 15, "order": 15}
ANSWER_WITHIN_SECONDS = 30.0
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Asked:
    """`status`: None where no whole answer came. `made`: the order or cart that was promised; `problem`: the type of
    a problem.
    """

    kind: str
    at: float
    seconds: float
    status: int | None
    made: str | None = None
    problem: str | None = None
    said: str = ""
    unavailable_parts: int = 0


@dataclass(slots=True)
class Stroller:
    world: World
    shop: str
    sku: str
    chance: random.Random
    asked: list[Asked]
    line: Line = field(init=False)
    visitor: dict[str, str] = field(default_factory=dict)
    mine: tuple[str, dict[str, str]] | None = None

    def __post_init__(self) -> None:
        self.line = Line(self.world.gateway, {"X-Visitor-Id": secrets.token_urlsafe(24)})

    async def stroll(self, over: asyncio.Event, every_seconds: float) -> None:
        due = time.monotonic() + self.chance.uniform(0, every_seconds)
        while not over.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + every_seconds * self.chance.uniform(0.5, 1.5), time.monotonic() - every_seconds)
            [kind] = self.chance.choices(list(KINDS), weights=list(KINDS.values()))
            await self.do("cart" if kind == "order" and self.mine is None else kind)
        self.line.close()

    async def do(self, kind: str) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                answer = await self.line.ask(**self.request(kind))
        except (Broken, OSError, TimeoutError) as fault:
            self.line.close()
            self.asked.append(Asked(kind, began, time.monotonic() - began, None, said=repr(fault)))
            return
        self.asked.append(self.heard(kind, began, answer))

    def request(self, kind: str) -> dict[str, Any]:
        base = f"/v1/store/{self.shop}"
        lines = [{"sku": self.sku, "quantity": 1}]
        wanted = {"lines": lines, "region": REGION, "delivery_method": "standard"}
        if kind == "page":
            return {"method": "GET", "path": f"{base}/products/{self.sku.lower()}"}
        if kind == "quote":
            return {"method": "POST", "path": f"{base}/quotes", "body": wanted}
        if kind == "cart":
            return {"method": "POST", "path": f"{base}/carts", "body": {"lines": lines}}
        if kind == "order":
            assert self.mine is not None
            order_id, known = self.mine
            return {"method": "GET", "path": f"{base}/orders/{order_id}", "headers": known}
        # Every order is of somebody nobody has seen before: one who leaves many unpaid is refused.
        self.visitor = {"X-Visitor-Id": secrets.token_urlsafe(24)}
        named = key() | self.visitor
        body = {
            **wanted, "expected_total": money(PRICE_MINOR), "contact": CONTACT, "address": ADDRESS,
            "payment_method": "sandbox", "remark": named["Idempotency-Key"],
        }  # fmt: skip
        return {"method": "POST", "path": f"{base}/checkout", "headers": named, "body": body}

    def heard(self, kind: str, began: float, answer: Answer) -> Asked:
        made, missing, problem, said = None, 0, None, ""
        if answer.status >= 400:
            said = answer.body[:300].decode("utf-8", "replace")
            if answer.headers.get("content-type") == PROBLEM:
                problem = answer.json()["type"]
        elif kind in ("checkout", "cart"):
            made = answer.json()["id"]
        elif kind == "page":
            missing = len(answer.json()["unavailable_parts"])
        if made and kind == "checkout":
            self.mine = made, self.visitor | {"X-Order-Token": answer.json()["order_token"]}
        return Asked(kind, began, time.monotonic() - began, answer.status, made, problem, said, missing)


@asynccontextmanager
async def strolling(
    world: World, shop: str, skus: Sequence[str], chance: random.Random, *, people: int, per_second: float
) -> AsyncIterator[list[Asked]]:
    """Until the end of the block; then what is under way comes to its end."""
    asked: list[Asked] = []
    over = asyncio.Event()
    strollers = [
        Stroller(world, shop, chance.choice(skus), random.Random(chance.random()), asked) for _ in range(people)
    ]
    tasks = [asyncio.create_task(one.stroll(over, people / per_second)) for one in strollers]
    try:
        yield asked
        over.set()
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
