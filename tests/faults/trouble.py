"""Faults that go on beside a run, and clients that live through them."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx
from tests.rig.proxy import Mode
from tests.rig.suite import Suite


@dataclass(slots=True)
class Troublemaker:
    """Every fault is counted. Each of its loops draws from a chance of its own, so that one does not shift another."""

    suite: Suite
    chance: random.Random
    kills: dict[str, int] = field(default_factory=dict)
    cuts: int = 0

    def own_chance(self) -> random.Random:
        return random.Random(self.chance.random())

    async def kill(self, name: str) -> None:
        if await asyncio.to_thread(self.suite.kill, name):
            self.kills[name] = self.kills.get(name, 0) + 1

    async def kill_one_every(self, seconds: float, victims: Sequence[str], *, times: int | None = None) -> None:
        chance = self.own_chance()
        for _ in count() if times is None else range(times):
            await asyncio.sleep(seconds)
            await self.kill(chance.choice(victims))

    async def cut(self, edges: Sequence[str], mode: Mode, *, lasts: tuple[float, float], rests: float) -> None:
        """Now this edge, now that, is broken for a while; the first at once."""
        chance = self.own_chance()
        while True:
            edge = chance.choice(edges)
            try:
                # Not in a thread: one that is left behind by a cancellation would break the edge for good.
                self.suite.edges.set(edge, mode)
                self.cuts += 1
                await asyncio.sleep(chance.uniform(*lasts))
            finally:
                self.suite.edges.set(edge, Mode.PASS)
            await asyncio.sleep(chance.uniform(0.2, 1.8) * rests)

    @asynccontextmanager
    async def going_on(self, *loops: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        async with going_on(*loops):
            yield


@asynccontextmanager
async def going_on(*loops: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """All of them until the end of the block; a loop that fails ends the run."""
    tasks = [asyncio.ensure_future(loop()) for loop in loops]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def answer_of(asking: Awaitable[httpx.Response], *, within_seconds: float = 10.0) -> httpx.Response | None:
    """None: it never came, and nobody knows whether it was done."""
    try:
        async with asyncio.timeout(within_seconds):
            return await asking
    except (httpx.HTTPError, OSError, TimeoutError):
        return None
