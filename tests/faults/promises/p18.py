"""P18: consumers hang on a broker that does not answer any more: a black hole on the edge of each, then a broker that
is killed under them.

Each consumer has an edge of its own, so that the relay goes on meanwhile, and they differ: one decides, one projects.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.checkers.effects import verdict
from tests.checkers.silence import Look, untrue
from tests.faults.backbone import Backbone, Speakers, backbone
from tests.faults.promise import Finding, Promise, Stage, at_least, at_most, exactly, none, told
from tests.rig.nursery import kill
from tests.rig.proxy import Mode
from tests.rig.watched import Watched

from svc_kit.progress import SILENT_SECONDS
from svc_local.testing import eventually

KEYS = 32
HEALED_SECONDS = 90.0
# Beyond what it may take to notice.
GRACE_SECONDS = SILENT_SECONDS + 2.0
LOOK_SECONDS = 0.5
SECONDS = 60.0
COUNT = "SELECT count(*) FROM rig_effect WHERE consumer = $1"
EFFECTS = "SELECT key, seq FROM rig_effect WHERE consumer = $1 ORDER BY n"
STANDS = 'SELECT "partition", next_offset FROM consumer_offset WHERE consumer = $1'


@dataclass(slots=True)
class Hanging:
    """A consumer and its edge. `lags`: records on the topic and not read at the end of each black hole; `meanwhile`:
    effects it had while cut off; `healed`: seconds until the first effect afterwards; `well`: until it said so.
    """

    on: Backbone
    door: str
    watched: Watched
    chance: random.Random
    looks: list[Look] = field(default_factory=list)
    lags: list[int] = field(default_factory=list)
    meanwhile: int = 0
    healed: list[float] = field(default_factory=list)
    well: list[float] = field(default_factory=list)

    async def black_hole(self, seconds: float) -> None:
        await asyncio.sleep(self.chance.uniform(0.0, 2.0))
        edges = self.on.ground.edges
        await asyncio.to_thread(edges.set, self.door, Mode.HOLD)
        try:
            # What was in its hands it may still do.
            await asyncio.sleep(1.0)
            before = await self.count()
            await self.look_on(seconds - 1.0, since=time.monotonic() - 1.0)
            self.lags.append(await self.lag())
            self.meanwhile += await self.count() - before
        finally:
            await asyncio.to_thread(edges.set, self.door, Mode.PASS)
        await self.heals()

    async def look_on(self, seconds: float, *, since: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            ready, status = await self.watched.ask()
            self.looks.append(Look(time.monotonic() - since, ready, status.get("state", "")))
            await asyncio.sleep(LOOK_SECONDS)

    async def heals(self) -> None:
        began = time.monotonic()
        before = await self.count()

        async def goes_on() -> bool:
            return await self.count() > before

        async def is_well() -> bool:
            ready, status = await self.watched.ask()
            return ready and status.get("state") == "running"

        # Twice the time: who takes too long is to be seen taking it.
        await eventually(goes_on, within_seconds=2 * HEALED_SECONDS, because="it goes on")
        self.healed.append(time.monotonic() - began)
        await eventually(is_well, within_seconds=HEALED_SECONDS, because="it says so")
        self.well.append(time.monotonic() - began)

    async def count(self) -> int:
        async with self.on.db.read() as con:
            return int(await con.fetchval(COUNT, self.watched.group))

    async def lag(self) -> int:
        ends = await self.on.topic.ends()
        async with self.on.db.read() as con:
            stands = {row["partition"]: row["next_offset"] for row in await con.fetch(STANDS, self.watched.group)}
        return sum(max(0, end - stands.get(number, 0)) for number, end in ends.items())

    def built_anew(self) -> int:
        return self.watched.log.read_text(errors="replace").count("consumer is built anew")


async def run(stage: Stage) -> Sequence[Finding]:
    seconds = stage.form.pick(test=8.0, short=90.0, soak=90.0)
    rounds = stage.form.pick(test=1, short=1, soak=5)
    kills = stage.form.pick(test=0, short=2, soak=10)
    over = asyncio.Event()
    async with backbone(stage, "P18") as on:
        relay = await asyncio.to_thread(on.relay, 0)
        hanging = [consumer(stage, on, n, door) for n, door in enumerate(on.ground.doors)]
        speakers = Speakers(on.db, [f"{on.marker}{n}" for n in range(KEYS)])
        try:
            for one in hanging:
                await on.begin_here(one.watched.group)
                one.watched.start()
            speaking = asyncio.create_task(speakers.speak(stage.chance, over, writers=2, pause=0.3))
            await each(hanging, Hanging.heals)
            for one in hanging:
                one.healed.clear()
            for _ in range(rounds):
                await each(hanging, partial(Hanging.black_hole, seconds=seconds))
                stage.say(f"cut off {seconds:.0f} s: {', '.join(said(one) for one in hanging)}")
            killed = await broker_killed(stage, on, hanging, kills)
            over.set()
            await speaking
            findings = await in_the_end(on, hanging, speakers)
        finally:
            over.set()
            for one in hanging:
                await asyncio.to_thread(one.watched.kill)
            await asyncio.to_thread(kill, relay)
    return [*findings_of(stage, hanging, 2 * rounds), *killed, *findings]


def consumer(stage: Stage, on: Backbone, n: int, door: str) -> Hanging:
    group = f"{on.marker}{'decides' if n == 0 else 'projects'}"
    ground = on.ground
    watched = Watched(group, on.marker, on.urls.app, ground.doors[door], ground.cluster, on.log(group), deciding=n == 0)
    return Hanging(on, door, watched, random.Random(stage.chance.random()))


async def each(hanging: Sequence[Hanging], act: Callable[[Hanging], Awaitable[None]]) -> None:
    await asyncio.gather(*(act(one) for one in hanging))


def said(one: Hanging) -> str:
    states = " ".join(dict.fromkeys(look.state for look in one.looks))
    return (
        f"{one.lags[-1]} behind, went on after {one.healed[-1]:.1f} s ({states}; built anew {one.built_anew()} times)"
    )


async def broker_killed(stage: Stage, on: Backbone, hanging: Sequence[Hanging], kills: int) -> list[Finding]:
    """All of them lose it, the relay too."""
    before = [len(one.healed) for one in hanging]
    for _ in range(kills):
        await asyncio.to_thread(on.ground.kill_kafka)
        await asyncio.sleep(stage.chance.uniform(3.0, 8.0))
        await asyncio.to_thread(on.ground.start_kafka)
        await each(hanging, Hanging.heals)
        stage.say(f"broker killed: they go on after {', '.join(f'{one.healed[-1]:.1f} s' for one in hanging)}")
        await asyncio.sleep(stage.chance.uniform(1.0, 3.0))
    healed = [one.healed[n:] for one, n in zip(hanging, before, strict=True)]
    for one, n in zip(hanging, before, strict=True):
        del one.healed[n:]
    if not kills:
        return []
    return [
        at_least("times the broker was killed and started again", min(map(len, healed)), kills),
        at_most("slowest to go on after that, s", max(max(times) for times in healed), HEALED_SECONDS),
    ]


def findings_of(stage: Stage, hanging: Sequence[Hanging], trials: int) -> list[Finding]:
    healed = [seconds for one in hanging for seconds in one.healed]
    looks = [look for one in hanging for look in one.looks]
    return [
        at_least("trials", len(healed), trials),
        at_least(
            "records that waited on the topic meanwhile, at the least", min(min(one.lags) for one in hanging), KEYS
        ),
        none("effects while cut off", sum(one.meanwhile for one in hanging)),
        at_most("slowest to go on after the black hole, s", max(healed), HEALED_SECONDS),
        exactly("trials in which it went on within 90 s", sum(one <= HEALED_SECONDS for one in healed), trials),
        at_least("looks at its page meanwhile", len(looks), stage.form.pick(test=10, short=200, soak=1_000)),
        none("said to be well though cut off", untrue(looks, grace=GRACE_SECONDS)),
        at_most("slowest to say that all is well again, s", max(max(one.well) for one in hanging), HEALED_SECONDS),
        told("times a client was thrown away and built anew", sum(one.built_anew() for one in hanging)),
    ]


async def in_the_end(on: Backbone, hanging: Sequence[Hanging], speakers: Speakers) -> list[Finding]:
    await on.drained(within_seconds=SECONDS)
    found = []
    for one in hanging:

        async def done(one: Hanging = one) -> bool:
            return await one.count() >= len(speakers.sent)

        await eventually(done, within_seconds=SECONDS, because="everything is done")
        async with on.db.read() as con:
            rows = await con.fetch(EFFECTS, one.watched.group)
        found.append(verdict(speakers.sent, [(row["key"], row["seq"]) for row in rows]))
    return [
        at_least("events", len(speakers.sent), KEYS),
        none("events lost, doubled or out of order", sum(one.lost + one.doubled + one.inversions for one in found)),
    ]


PROMISE = Promise(
    number="P18",
    words="A consumer that hangs says so and heals itself: it goes on within 90 s of the broker's being there again",
    needs="ground of its own",
    run=run,
    waits=True,
    in_tests=False,
)
