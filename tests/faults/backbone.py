"""What promises about outbox, relay and consumers share: a database on the ground's servers, speakers, ends."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import asyncpg
from tests.faults.promise import Stage
from tests.rig import workers
from tests.rig.servers import KAFKA, Ground
from tests.rig.topic import Topic

from svc_contracts.ids import Ids
from svc_contracts.topics import STOCK
from svc_kit import topics
from svc_kit.clock import SystemClock
from svc_kit.outbox import LANES
from svc_kit.relay_rules import LEASE_SECONDS
from svc_kit.transaction import POOL_SIZE, Database
from svc_local.databases import DatabaseUrls
from svc_local.testing import eventually

BEAT_LATELY_SECONDS = 2.0
OWNED = """
SELECT count(*) FROM outbox_lane l JOIN relay r ON r.owner = l.owner
WHERE r.until > clock_timestamp() + make_interval(secs => $1)
"""
BEGIN_HERE = """
INSERT INTO consumer_offset (consumer, cluster, topic, "partition", next_offset)
SELECT $1, $2, $3, p, o FROM unnest($4::int[], $5::bigint[]) AS n(p, o)
"""


@dataclass(slots=True)
class Backbone:
    """A database of one promise, and the topic from where it ended then. Its keys start with `marker`."""

    ground: Ground
    marker: str
    urls: DatabaseUrls
    db: Database
    topic: Topic
    resets: int = 0

    def log(self, name: str) -> Path:
        return self.ground.folder / "logs" / f"{self.marker}{name}.log"

    def relay(self, number: int, *, failpoints: str = "") -> BaseProcess:
        name = f"relay-{number}"
        return workers.relay(
            name, url=self.urls.app, bootstrap=self.ground.bootstrap, log=self.log(name), failpoints=failpoints
        )

    async def begin_here(self, group: str) -> None:
        """A consumer of this name need not read what others left in the topic."""
        begins = sorted((tp.partition, offset) for tp, offset in self.topic.begins.items())
        async with self.db.read() as con:
            await con.execute(
                BEGIN_HERE,
                group,
                self.ground.cluster,
                STOCK.name,
                [partition for partition, _ in begins],
                [offset for _, offset in begins],
            )

    async def waiting(self) -> int:
        async with self.db.read() as con:
            return int(await con.fetchval("SELECT count(*) FROM outbox"))

    async def left(self, *, within_seconds: float) -> int:
        """What still waits in the outbox after so long; 0 as soon as nothing does."""

        async def is_empty() -> bool:
            return await self.waiting() == 0

        await came_true(is_empty, within_seconds=within_seconds)
        return await self.waiting()

    async def drained(self, *, within_seconds: float) -> None:
        """Nothing waits in the outbox any more. Raises AssertionError where it does."""
        left = await self.left(within_seconds=within_seconds)
        assert left == 0, f"{left} events still wait in the outbox after {within_seconds:.0f} s"

    async def lanes_of_the_living(self) -> int:
        """Of relays whose heart beat within the last seconds: a lease alone may be of the dead."""
        async with self.db.read() as con:
            return int(await con.fetchval(OWNED, LEASE_SECONDS - BEAT_LATELY_SECONDS))

    async def all_lanes_owned(self, *, within_seconds: float) -> float:
        """Seconds from now, when the last was killed, until every lane belonged to somebody alive."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(BEAT_LATELY_SECONDS)
        while await self.lanes_of_the_living() < LANES and loop.time() - began < 2 * within_seconds:
            await asyncio.sleep(0.05)
        return loop.time() - began

    async def reset_the_broker(self, chance: random.Random, *, every: tuple[float, float]) -> None:
        """Every connection to the broker breaks, over and over, until cancelled."""
        while True:
            await asyncio.sleep(chance.uniform(*every))
            await asyncio.to_thread(self.ground.edges.reset, KAFKA)
            self.resets += 1


async def came_true(check: Callable[[], Awaitable[bool]], *, within_seconds: float) -> bool:
    """Whether it did in time. What is missing where it did not is counted by the figures."""
    try:
        await eventually(check, within_seconds=within_seconds, because="")
    except AssertionError:
        return False
    return True


@asynccontextmanager
async def backbone(stage: Stage, number: str, *, connections: int = POOL_SIZE) -> AsyncIterator[Backbone]:
    ground = stage.ground
    urls = await asyncio.to_thread(ground.database, workers.PACKAGE)
    await workers.make_tables(urls.owner)
    await topics.ensure(ground.bootstrap)
    marker = f"{number.lower()}-{stage.seed}-"
    clock = SystemClock()
    ids = Ids(now=clock.now)
    async with Database.open(urls.app, source=workers.SOURCE, clock=clock, ids=ids, size=connections) as db:
        yield Backbone(ground, marker, urls, db, await Topic.begin(ground.bootstrap, STOCK.name, marker))


@dataclass(slots=True)
class Speakers:
    """Writers that nobody kills: every key has one, so that its numbers follow its commits. `sent`: (key, seq)."""

    db: Database
    keys: Sequence[str]
    sent: list[tuple[str, int]] = field(default_factory=list)

    async def speak(self, chance: random.Random, over: asyncio.Event, *, writers: int, pause: float) -> None:
        """Until it is over. Each transaction tells of one to eight keys."""
        own = [self.keys[n::writers] for n in range(writers)]
        await asyncio.gather(*(self._speak(random.Random(chance.random()), keys, over, pause) for keys in own))

    async def _speak(self, chance: random.Random, keys: Sequence[str], over: asyncio.Event, pause: float) -> None:
        last = dict.fromkeys(keys, 0)
        while not over.is_set():
            told = {key: last[key] + 1 for key in chance.sample(keys, chance.randint(1, min(8, len(keys))))}
            await workers.say(self.db, told)
            self.sent += told.items()
            last |= told
            await asyncio.sleep(chance.uniform(0.2, 1.8) * pause)


async def fetch(url: str, sql: str, *given: Any) -> "list[asyncpg.Record]":
    con = await asyncpg.connect(url, timeout=10)
    try:
        return list(await con.fetch(sql, *given))
    finally:
        await con.close()
