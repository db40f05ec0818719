"""Orders at a steady pace: each leaves when it is due, whatever became of those before, and waits for no decision."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx
from tests.rig.people import World

PRICE_MINOR = 10_000
ACCEPTED = (201, 202)
AT_ONCE = {"Prefer": "wait=0"}
# A pool of so many connections, opened before it counts.
FIRST = 8


@dataclass(frozen=True, slots=True)
class Taken:
    """`due`: when it should have left (monotonic seconds); `seconds`: from then to the answer; `status`: None where
    none came.
    """

    due: float
    seconds: float
    status: int | None
    order_id: str | None


@dataclass(slots=True)
class Orders:
    world: World
    sku: str
    per_second: float
    chance: random.Random
    taken: list[Taken] = field(default_factory=list)
    under_way: set["asyncio.Task[None]"] = field(default_factory=set)

    async def place(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*(self.one(time.monotonic()) for _ in range(FIRST)))
        begin = time.monotonic()
        for n in count():
            due = begin + (n + self.chance.uniform(-0.5, 0.5)) / self.per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self.one(due))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)

    async def one(self, due: float) -> None:
        buyer = self.world.passer_by()
        try:
            answer = await buyer.buy_now((self.sku, 1), total_minor=PRICE_MINOR, headers=AT_ONCE)
        except (httpx.HTTPError, OSError, TimeoutError):
            self.taken.append(Taken(due, time.monotonic() - due, None, None))
            return
        made = str(answer.json()["id"]) if answer.status_code in ACCEPTED else None
        self.taken.append(Taken(due, time.monotonic() - due, answer.status_code, made))

    def between(self, begin: float, end: float) -> list[Taken]:
        return [one for one in self.taken if begin <= one.due < end]


@asynccontextmanager
async def steady(world: World, sku: str, chance: random.Random, *, per_second: float) -> AsyncIterator[Orders]:
    """Until the end of the block; then what is under way comes to its end."""
    orders = Orders(world, sku, per_second, random.Random(chance.random()))
    placing = asyncio.create_task(orders.place())
    try:
        yield orders
        if placing.done():
            placing.result()
    finally:
        placing.cancel()
        await asyncio.gather(placing, *orders.under_way, return_exceptions=True)
