"""So many processes of one kind, killed and frozen over and over. Every fault is counted."""

import asyncio
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess

from tests.rig.nursery import kill, send

STOPPED_WITHIN_SECONDS = 20


@dataclass(slots=True)
class Replicas:
    """What was killed is born again at once. `replaces_frozen`: what is frozen too, and wakes beside its successor.

    `birth` hears how many were born before. `fell`: those that ended although nobody had killed them.
    """

    count: int
    birth: Callable[[int], BaseProcess]
    replaces_frozen: bool = False
    awake: list[BaseProcess] = field(default_factory=list)
    frozen: list[BaseProcess] = field(default_factory=list)
    born: int = 0
    kills: int = 0
    woken: int = 0
    fell: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def fill(self) -> None:
        # Shielded: who is just being born must not be forgotten.
        await asyncio.shield(asyncio.ensure_future(self._fill()))

    async def _fill(self) -> None:
        async with self.turn:
            while len(self.awake) + len(self.frozen) * (not self.replaces_frozen) < self.count:
                self.born += 1
                self.awake.append(await asyncio.to_thread(self.birth, self.born - 1))

    async def kill_some(self, chance: random.Random, *, at_once: int = 1) -> None:
        victims = chance.sample(self.awake, min(at_once, len(self.awake)))
        self.awake = [one for one in self.awake if one not in victims]
        died = await asyncio.gather(*(asyncio.to_thread(kill, one) for one in victims))
        self.kills += sum(died)
        self.fell += len(died) - sum(died)
        await self.fill()

    async def freeze_one(self, chance: random.Random, *, seconds: float) -> BaseProcess | None:
        """Stopped in the middle of whatever it does, and awake again when this returns. None: nobody was awake.

        `woken` counts who slept to the end.
        """
        if not self.awake:
            return None
        one = self.awake.pop(chance.randrange(len(self.awake)))
        self.frozen.append(one)
        slept = False
        try:
            slept = send(one, signal.SIGSTOP)
            await self.fill()
            await asyncio.sleep(seconds)
        except BaseException:
            slept = False
            raise
        finally:
            self.frozen.remove(one)
            self.awake.append(one)
            self.woken += send(one, signal.SIGCONT) and slept
        return one

    async def renew(self) -> None:
        """Each is told to stop, as in a deployment, and replaced when it has ended."""
        for one in self.awake:
            send(one, signal.SIGTERM)
        for one in self.awake:
            await asyncio.to_thread(one.join, STOPPED_WITHIN_SECONDS)
            assert one.exitcode == 0, f"{one.name} did not stop: {one.exitcode}"
        self.awake.clear()
        await self.fill()

    async def end(self) -> None:
        async with self.turn:
            for one in (*self.awake, *self.frozen):
                await asyncio.to_thread(kill, one)
            self.awake.clear()
            self.frozen.clear()
            self.count = 0
