"""P19: events that a consumer refuses, on a few keys among many: they wait, the others do not.

First all of it is there when two consumers wake up side by side, of which one refuses nothing; then a live flow in
which keys are poisoned, mended and redriven; at last so much poison that it can only be a bug.
"""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

import orjson
from tests.checkers.effects import verdict
from tests.checkers.parking import Race, astray, isolation, pace_kept
from tests.faults.backbone import Backbone, backbone
from tests.faults.promise import Finding, Form, Promise, Stage, at_least, at_most, exactly, none, told
from tests.rig import workers
from tests.rig.nursery import kill
from tests.rig.topic import Topic
from tests.rig.watched import Watched

from svc_contracts.events.base import Event
from svc_contracts.events.stock import StockReleased
from svc_contracts.topics import STOCK
from svc_contracts.topics import Topic as TopicName
from svc_kit import announcing
from svc_kit.consumer_rules import SYSTEMATIC_KEYS, SYSTEMATIC_KEYS_OF_A_TYPE
from svc_kit.redrive import Redriven, parked_keys, redrive
from svc_local.testing import eventually

POISONED = 4
KEPT = 0.9
CHUNK = 250
SECONDS = 60.0
LIVE_KEYS = 20
# Name, keys, how many of these fail.
BUGS = (("type", 8, 8), ("many", 300, 30))
DONE = "SELECT key, seq, extract(epoch FROM at)::float8 AS at FROM rig_effect WHERE consumer = $1 ORDER BY n"
PARKED = """
SELECT DISTINCT ON (k.key) k.key, extract(epoch FROM k.parked_at)::float8 AS at, e.headers
FROM parked_key k JOIN parked_event e USING (consumer, key) WHERE consumer = $1 ORDER BY k.key, e.n
"""


class Teleported(Event):
    """What a newer producer says; no consumer has heard of it."""

    topic: ClassVar[TopicName] = STOCK
    type: ClassVar[str] = "stock.teleported"
    key_field: ClassVar[str] = "order_id"

    order_id: str


@dataclass(slots=True)
class Flow:
    """Events of one consumer, and what became of them. Its keys start with the consumer's marker."""

    on: Backbone
    watched: Watched
    last: Counter[str] = field(default_factory=Counter)
    sent: list[tuple[str, int]] = field(default_factory=list)

    @classmethod
    async def begin(cls, on: Backbone, name: str) -> "Flow":
        """From where the topic ends now."""
        marker = f"{on.marker}{name}-"
        here = replace(on, topic=await Topic.begin(on.ground.bootstrap, STOCK.name, marker))
        await here.begin_here(marker)
        ground = on.ground
        return cls(
            here, Watched(marker, marker, on.urls.app, ground.bootstrap, ground.cluster, on.log(f"consumer-{name}"))
        )

    def keys(self, count: int) -> list[str]:
        return [f"{self.watched.marker}{n}" for n in range(count)]

    def twin(self) -> "Flow":
        """Another consumer of the same events, who refuses nothing."""
        watched = replace(self.watched, group=f"{self.watched.group}twin", log=self.on.log("twin"), heeds_poison=False)
        return Flow(self.on, watched)

    async def say(self, plan: Sequence[str], *, unknown: int = 0) -> None:
        """An event per key named, in this order; `unknown` of a newer type in between."""
        for begin in range(0, len(plan), CHUNK):
            async with self.on.db.transaction() as tx:
                for key in plan[begin : begin + CHUNK]:
                    self.last[key] += 1
                    self.sent.append((key, self.last[key]))
                    tx.emit(StockReleased(order_id=key), seq=self.last[key])
                    if unknown > 0:
                        unknown -= 1
                        tx.emit(Teleported(order_id=key), seq=0)

    async def done(self) -> list[Any]:
        async with self.on.db.read() as con:
            return list(await con.fetch(DONE, self.watched.group))

    async def until_done(self, count: int) -> None:
        async def reached() -> bool:
            async with self.on.db.read() as con:
                query = "SELECT count(*) FROM rig_effect WHERE consumer = $1"
                return bool(await con.fetchval(query, self.watched.group) >= count)

        await eventually(reached, within_seconds=SECONDS, because=f"{self.watched.group} takes {count} notes")

    async def until_ready(self) -> None:
        async def is_ready() -> bool:
            return (await self.watched.ask())[0]

        await eventually(is_ready, within_seconds=SECONDS, because=f"{self.watched.group} has joined")

    async def poison(self, keys: Sequence[str]) -> None:
        async with self.on.db.read() as con:
            await con.execute("INSERT INTO rig_poison SELECT unnest($1::text[])", list(keys))

    async def mend(self) -> None:
        """The bug is found: what was refused is accepted."""
        async with self.on.db.read() as con:
            await con.execute("DELETE FROM rig_poison WHERE starts_with(key, $1)", self.watched.marker)

    async def parked(self) -> list[Any]:
        async with self.on.db.read() as con:
            return list(await con.fetch(PARKED, self.watched.group))

    async def until_parked(self, count: int) -> list[Any]:
        async def reached() -> list[Any]:
            found = await self.parked()
            return found if len(found) >= count else []

        return list(await eventually(reached, within_seconds=SECONDS, because=f"{count} keys are parked"))

    async def redrive_all(self) -> list[Redriven]:
        consumer = workers.note_taker(self.watched.group, self.watched.marker)
        async with self.on.db.read() as con:
            keys = await parked_keys(con, self.watched.group)
        return list(await asyncio.gather(*(redrive(self.on.db, consumer, one.key) for one in keys)))


async def run(stage: Stage) -> Sequence[Finding]:
    async with backbone(stage, "P19") as on:
        relay = on.relay(0)
        flow = await Flow.begin(on, "flow")
        try:
            findings = [*await at_full_speed(stage, flow), *await live(stage, flow)]
            await asyncio.to_thread(flow.watched.kill)
            kinds = stage.form.pick(test=BUGS[1:], short=BUGS, soak=BUGS)
            for name, of_keys, poisoned in kinds:
                findings += await too_much(stage, await Flow.begin(on, name), of_keys, poisoned)
        finally:
            await asyncio.to_thread(flow.watched.kill)
            await asyncio.to_thread(kill, relay)
    return findings


async def at_full_speed(stage: Stage, flow: Flow) -> list[Finding]:
    """All of it lies in the topic when two consumers wake up side by side; one of them refuses nothing.
    Several times; each time the keys are mended and redriven before the next.
    """
    plan = Plan.of(stage, flow)
    twin = flow.twin()
    await twin.on.begin_here(twin.watched.group)
    races: list[Race] = []
    try:
        for one in (flow, twin):
            one.watched.start()
        for n in range(stage.form.pick(test=1, short=12, soak=24)):
            if n:
                await flow.mend()
                await flow.redrive_all()
            # Who wakes first is now this one, now that.
            races.append(await plan.raced(flow, twin, first=(flow, twin)[n % 2]))
            quick, poisoned = races[-1].seconds
            stage.say(
                f"{len(plan.events)} events: in {quick:.2f} s; with poison on {POISONED} keys in {poisoned:.2f} s"
            )
    finally:
        await asyncio.to_thread(twin.watched.kill)
    kept = pace_kept(races)
    parked = {row["key"] for row in await flow.parked()}
    async with flow.on.db.read() as con:
        waiting = await con.fetchval("SELECT count(*) FROM parked_event WHERE consumer = $1", flow.watched.group)
    counted = await flow.watched.metric("consumer_unknown_total")
    return [
        exactly("events on poisoned keys, all of them waiting", waiting, plan.of_poison),
        none("keys parked for nothing, or not parked", astray(set(plan.poisoned), parked)),
        # So few events are one or two polls, and no measure.
        told("pace of healthy keys kept", kept)
        if stage.form is Form.TEST
        else at_least("pace of healthy keys kept", kept, KEPT),
        exactly("events of an unknown type, skipped and counted", counted, len(races) * plan.unknown),
    ]


@dataclass(slots=True)
class Plan:
    """One event per key named in `events`; `unknown` more of a newer type."""

    events: list[str]
    poisoned: list[str]
    of_poison: int
    keys: int
    unknown: int

    @classmethod
    def of(cls, stage: Stage, flow: Flow) -> "Plan":
        events = stage.form.pick(test=1_000, short=10_000, soak=10_000)
        of_poison = stage.form.pick(test=20, short=200, soak=200)
        keys = flow.keys(stage.form.pick(test=100, short=500, soak=500))
        poisoned = stage.chance.sample(keys, POISONED)
        healthy = [key for key in keys if key not in poisoned]
        plan = [*fairly(healthy, events - of_poison), *fairly(poisoned, of_poison)]
        stage.chance.shuffle(plan)
        return cls(plan, poisoned, of_poison, len(keys), events // 100)

    async def raced(self, flow: Flow, twin: Flow, *, first: Flow) -> Race:
        both = (flow, twin)
        for one in both:
            await one.until_done(len(flow.sent))
            await one.until_ready()
        await flow.on.drained(within_seconds=SECONDS)
        before = [len(await one.done()) for one in both]
        await flow.poison(self.poisoned)
        for one in both:
            one.watched.send(signal.SIGSTOP)
        await flow.say(self.events, unknown=self.unknown)
        await flow.on.drained(within_seconds=SECONDS)
        for one in sorted(both, key=lambda one: one is not first):
            one.watched.send(signal.SIGCONT)
        await twin.until_done(len(flow.sent))
        await flow.until_done(len(flow.sent) - self.of_poison)
        times = [
            [row["at"] for row in (await one.done())[n:] if row["key"] not in self.poisoned]
            for one, n in zip(both, before, strict=True)
        ]
        return Race(without=times[1], with_poison=times[0])


def fairly(keys: Sequence[str], count: int) -> list[str]:
    return [keys[n % len(keys)] for n in range(count)]


async def live(stage: Stage, flow: Flow) -> list[Finding]:
    """Twice: what is parked is mended and redriven while events go on arriving, of those keys too."""
    keys = list(flow.last)
    bad = [row["key"] for row in await flow.parked()]
    redriven: list[Redriven] = []
    waits: list[tuple[float, float]] = []
    over = asyncio.Event()
    talking = asyncio.create_task(talk(flow, random.Random(stage.chance.random()), keys, bad, over))
    # As a service does whose relay is another process.
    announcing_ = asyncio.create_task(announcing.announce(flow.on.db, over, others=lambda: True))
    for again in (False, True):
        if again:
            await flow.poison(bad)
            rows = await flow.until_parked(len(bad))
            waits.append(isolation({row["key"]: said_at(row) for row in rows}, {row["key"]: row["at"] for row in rows}))
            await asyncio.sleep(stage.form.pick(test=0.3, short=2.0, soak=10.0))
        await flow.mend()
        redriven += await flow.redrive_all()
        stage.say(f"redriven while live: {redriven[-1].processed} events of one key, {redriven[-1].left} left")
        await asyncio.sleep(stage.form.pick(test=0.3, short=2.0, soak=10.0))
    over.set()
    await asyncio.gather(talking, announcing_)
    await flow.until_done(len(flow.sent))
    found = verdict(flow.sent, [(row["key"], row["seq"]) for row in await flow.done()])
    return [
        at_least("events", len(flow.sent), stage.form.pick(test=1_000, short=10_000, soak=10_000)),
        at_least("events redriven while live", sum(one.processed for one in redriven), len(bad)),
        none("redrives that failed", sum(one.error is not None for one in redriven)),
        none("keys still parked", len(await flow.parked())),
        none("lost", found.lost),
        none("doubled", found.doubled),
        none("out of order per key", found.inversions),
        told("mean time to isolate a poisoned key, ms", waits[0][0] * 1_000),
        told("longest, ms", waits[0][1] * 1_000),
    ]


def said_at(row: Any) -> float:
    return datetime.fromisoformat(orjson.loads(row["headers"])["ce_time"]).timestamp()


async def talk(flow: Flow, chance: random.Random, keys: Sequence[str], bad: Sequence[str], over: asyncio.Event) -> None:
    while not over.is_set():
        plan = [*chance.sample(keys, LIVE_KEYS), *bad]
        chance.shuffle(plan)
        await flow.say(plan)
        await asyncio.sleep(0.05)


async def too_much(stage: Stage, flow: Flow, of_keys: int, poisoned: int) -> list[Finding]:
    """It stops and says so; once the bug is mended, the same process started again goes on where it stood."""
    keys = flow.keys(of_keys)
    bad = stage.chance.sample(keys, poisoned)
    plan = 2 * keys
    stage.chance.shuffle(plan)
    await flow.poison(bad)
    await flow.say(plan)
    await flow.on.drained(within_seconds=SECONDS)
    name = f"{poisoned} of {of_keys} keys fail"
    try:
        flow.watched.start()
        stopped = await until_stopped(flow)
        await asyncio.sleep(1.0)
        still = await flow.watched.ask() == stopped
        parked = len(await flow.parked())
        stage.say(f"{name}: {stopped[1]}, {parked} keys parked")
        await flow.mend()
        await asyncio.to_thread(flow.watched.kill)
        flow.watched.start()
        redriven = await flow.redrive_all()
        await flow.until_done(len(flow.sent))
    finally:
        await asyncio.to_thread(flow.watched.kill)
    found = verdict(flow.sent, [(row["key"], row["seq"]) for row in await flow.done()])
    bound = SYSTEMATIC_KEYS if poisoned > SYSTEMATIC_KEYS else SYSTEMATIC_KEYS_OF_A_TYPE - 1
    return [
        exactly(f"{name}: the consumer has stopped, and is red", int(still and not stopped[0]), 1),
        at_most(f"{name}: keys parked before it stopped", parked, bound),
        none(f"{name}: redrives that failed", sum(one.error is not None for one in redriven)),
        none(f"{name}: lost, doubled or out of order in the end", found.lost + found.doubled + found.inversions),
    ]


async def until_stopped(flow: Flow) -> tuple[bool, dict[str, Any]]:
    async def reached() -> tuple[bool, dict[str, Any]]:
        ready, status = await flow.watched.ask()
        assert status.get("state") == "stopped", status
        return ready, status

    return await eventually(reached, within_seconds=SECONDS, because="the consumer stops")


PROMISE = Promise(
    number="P19",
    words="Poison makes its own key wait and nobody else; redriven, it is as if nothing had been; too much of it stops",
    needs="ground",
    run=run,
)
