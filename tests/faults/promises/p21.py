"""P21: what administrators do to the topic of two consumers, under load. One of them lives through all of it; the other
is dead while the broker forgets its group, and while records are deleted that it has not read.

It stops then, and says so. What is missing is told again from the archive, by a person's word.
"""

import asyncio
import itertools
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiokafka.errors import KafkaError
from tests.checkers.effects import verdict
from tests.checkers.positions import gone_back, moved
from tests.faults.backbone import Backbone, Speakers, backbone
from tests.faults.promise import Finding, Promise, Stage, at_least, exactly, none, told
from tests.faults.trouble import going_on
from tests.rig.administration import Administration, administration
from tests.rig.nursery import send
from tests.rig.watched import Watched

from svc_contracts.topics import PARTITIONS, STOCK
from svc_kit.relay import partition_of
from svc_kit.republish import republish
from svc_local.testing import eventually

KEYS = 64
GROWN = PARTITIONS + 4
SECONDS = 60.0
SAMPLE_SECONDS = 0.1
EFFECTS = "SELECT key, seq FROM rig_effect WHERE consumer = $1 ORDER BY n"
COUNT = "SELECT count(*) FROM rig_effect WHERE consumer = $1"
STANDS = 'SELECT "partition", next_offset FROM consumer_offset WHERE consumer = $1'
NEW_READ = f'{STANDS} AND "partition" >= {PARTITIONS} AND next_offset > 0'
BEGIN_AT = """
UPDATE consumer_offset c SET next_offset = n.o FROM unnest($2::int[], $3::bigint[]) AS n(p, o)
WHERE consumer = $1 AND c."partition" = n.p
"""


@dataclass(slots=True)
class Looking:
    """Where the consumers stood, over and over. A person's word puts the second elsewhere: `excused` until then."""

    on: Backbone
    watched: Sequence[Watched]
    samples: list[list[dict[Any, int]]] = field(default_factory=list)

    async def look(self) -> None:
        self.samples = [[] for _ in self.watched]
        while True:
            for one, taken in zip(self.watched, self.samples, strict=True):
                taken.append(await self.stands(one))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def stands(self, one: Watched) -> dict[Any, int]:
        async with self.on.db.read() as con:
            return {row["partition"]: row["next_offset"] for row in await con.fetch(STANDS, one.group)}


async def run(stage: Stage) -> Sequence[Finding]:
    whole = stage.form.pick(test=False, short=True, soak=True)
    over = asyncio.Event()
    async with backbone(stage, "P21") as on, administration(on.ground.bootstrap) as admin:
        scene = Scene(stage, on, admin, Speakers(on.db, keys_everywhere(on.marker)))
        async with scene.playing():
            speaking = asyncio.create_task(
                scene.speakers.speak(random.Random(stage.chance.random()), over, writers=4, pause=0.1)
            )
            findings: list[Finding] = []
            async with going_on(scene.looking.look):
                await scene.until_busy()
                if whole:
                    grown = asyncio.create_task(scene.grow())
                    findings += await scene.forget_the_group()
                findings += await scene.truncate_what_was_read()
                findings += await scene.truncate_what_was_not()
                if whole:
                    findings += await grown
            over.set()
            await speaking
            await scene.until_all_done()
            findings += await scene.in_the_end()
    return findings


def keys_everywhere(marker: str) -> list[str]:
    """So many keys, and more until each partition that there will be has one."""
    keys = [f"{marker}{n}" for n in range(KEYS)]
    without = set(range(GROWN)) - {partition_of(key, GROWN) for key in keys}
    more = itertools.count(KEYS)
    while without:
        key = f"{marker}{next(more)}"
        if (place := partition_of(key, GROWN)) in without:
            keys.append(key)
            without.remove(place)
    return keys


@dataclass(slots=True)
class Scene:
    """`lives`: the consumer that is never dead; `dies`: the other."""

    stage: Stage
    on: Backbone
    admin: Administration
    speakers: Speakers
    lives: Watched = field(init=False)
    dies: Watched = field(init=False)
    looking: Looking = field(init=False)
    relay: Any = None
    relays: int = 0

    def __post_init__(self) -> None:
        self.lives, self.dies = (self.watched(name) for name in ("lives", "dies"))
        self.looking = Looking(self.on, (self.lives, self.dies))

    def watched(self, name: str) -> Watched:
        ground, group = self.on.ground, f"{self.on.marker}{name}"
        return Watched(group, self.on.marker, self.on.urls.app, ground.bootstrap, ground.cluster, self.on.log(name))

    @asynccontextmanager
    async def playing(self) -> AsyncIterator[None]:
        try:
            await self.begin_relay()
            for one in (self.lives, self.dies):
                await self.on.begin_here(one.group)
                one.start()
            yield
        finally:
            for one in (self.lives, self.dies):
                await asyncio.to_thread(one.kill)
            await self.end_relay()

    async def begin_relay(self) -> None:
        self.relay = await asyncio.to_thread(self.on.relay, self.relays)
        self.relays += 1

    async def end_relay(self) -> None:
        """In good order: its lease ends with it."""
        send(self.relay, signal.SIGTERM)
        await asyncio.to_thread(self.relay.join, 20)

    async def count(self, one: Watched) -> int:
        async with self.on.db.read() as con:
            return int(await con.fetchval(COUNT, one.group))

    async def goes_on(self, one: Watched, *, by: int = 30) -> None:
        """So many effects more."""
        before = await self.count(one)

        async def reached() -> bool:
            return await self.count(one) >= before + by

        await eventually(reached, within_seconds=SECONDS, because=f"{one.group} goes on")

    async def until_busy(self) -> None:
        for one in (self.lives, self.dies):
            await self.goes_on(one)

    async def grow(self) -> list[Finding]:
        """The relay is started again, so that it knows; the consumer has to find out."""
        await self.admin.grow(STOCK.name, GROWN)
        await self.end_relay()
        await self.begin_relay()
        began = time.monotonic()

        async def are_read() -> bool:
            async with self.on.db.read() as con:
                return len(await con.fetch(NEW_READ, self.lives.group)) == GROWN - PARTITIONS

        await eventually(are_read, within_seconds=SECONDS, because="the new partitions are read")
        self.stage.say(f"{GROWN - PARTITIONS} new partitions, read after {time.monotonic() - began:.1f} s")
        return [
            exactly("partitions that were added under load and are read", GROWN - PARTITIONS, 4),
            told("seconds until they were", time.monotonic() - began),
        ]

    async def forget_the_group(self) -> list[Finding]:
        group = self.dies.group

        async def are_known() -> int:
            return await self.admin.offsets_of(group)

        known = await eventually(are_known, within_seconds=SECONDS, because="the broker knows the group's offsets")
        await asyncio.to_thread(self.dies.kill)

        async def forgotten() -> bool:
            try:
                await self.admin.forget(group)
            except KafkaError:
                return False  # until the dead member's session is over
            return True

        await eventually(forgotten, within_seconds=SECONDS, because="the broker forgets the group")
        left = await self.admin.offsets_of(group)
        self.stage.say(f"the broker has forgotten {known} offsets of the group")
        self.dies.start()
        await self.goes_on(self.dies)
        return [
            at_least("offsets of the group that the broker had", known, 1),
            none("the same afterwards", left),
        ]

    async def truncate_what_was_read(self) -> list[Finding]:
        """Up to where both stand, while they go on; then the second is started again."""
        stands = [await self.looking.stands(one) for one in (self.lives, self.dies)]
        before = {number: min(one.get(number, 0) for one in stands) for number in stands[0]}
        await self.admin.truncate(STOCK.name, before)
        await asyncio.to_thread(self.dies.kill)
        self.dies.start()
        await self.until_busy()
        return [at_least("records deleted that were read", sum(before.values()), KEYS)]

    async def truncate_what_was_not(self) -> list[Finding]:
        await asyncio.to_thread(self.dies.kill)
        # What it had sent to the database may still be done.
        await asyncio.sleep(0.5)
        stood = await self.looking.stands(self.dies)
        await self.goes_on(self.lives, by=2 * KEYS)
        before = await self.looking.stands(self.lives)
        await self.admin.truncate(STOCK.name, before)
        # Of partitions that lost nothing it may go on reading until it meets one that did.
        cut = {number: offset for number, offset in stood.items() if offset < before.get(number, 0)}
        missing = sum(before[number] - offset for number, offset in cut.items())
        self.dies.start()

        async def has_stopped() -> bool:
            ready, status = await self.dies.ask()
            return status.get("state") == "stopped" and not ready

        await eventually(has_stopped, within_seconds=SECONDS, because="the consumer stops and is red")
        await asyncio.sleep(1.0)
        now = await self.looking.stands(self.dies)
        shifted = moved(cut, {number: now[number] for number in cut})
        still, effects = await has_stopped(), await self.count(self.dies)
        self.stage.say(f"{missing} records deleted unread: stopped, and red; {shifted} positions moved")
        again = await self.tell_again()
        self.stage.say(f"{again} events told again from the archive")
        await self.goes_on(self.dies)
        return [
            at_least("records deleted that were not read", missing, KEYS),
            exactly("the consumer has stopped, and is red", int(still), 1),
            none("positions that moved nevertheless", shifted),
            told("effects it had then", effects),
            told("events told again from the archive", again),
        ]

    async def tell_again(self) -> int:
        """What a person does: relays stopped, all of the archive sent again, the consumer put where that begins."""
        await asyncio.to_thread(self.dies.kill)
        await self.end_relay()
        begins = await self.on.topic.ends()
        async with self.on.db.transaction() as tx:
            again = await republish(tx, since=tx.now - timedelta(days=1))
            await tx.con.execute(BEGIN_AT, self.dies.group, list(begins), list(begins.values()))
        await self.begin_relay()
        self.dies.start()
        return again

    async def until_all_done(self) -> None:
        await self.on.drained(within_seconds=SECONDS)
        wanted = len(self.speakers.sent)

        async def done() -> bool:
            return min(await self.count(self.lives), await self.count(self.dies)) >= wanted

        await eventually(done, within_seconds=SECONDS, because="both consumers have done everything")

    async def in_the_end(self) -> list[Finding]:
        found = []
        for one in (self.lives, self.dies):
            async with self.on.db.read() as con:
                rows = await con.fetch(EFFECTS, one.group)
            found.append(verdict(self.speakers.sent, [(row["key"], row["seq"]) for row in rows]))
        return [
            at_least("events", len(self.speakers.sent), 4 * KEYS),
            none("events missed", sum(one.lost for one in found)),
            none("events done twice", sum(one.doubled for one in found)),
            # A key moves to another partition when there are more of them.
            told("out of order per key", sum(one.inversions for one in found)),
            none("silent resets", sum(gone_back(samples) for samples in self.looking.samples)),
            at_least("looks at positions", len(self.looking.samples[0]), 20),
        ]


PROMISE = Promise(
    number="P21",
    words="Positions are never reset in silence: what the broker forgets, adds or deletes costs no event unnoticed",
    needs="ground of its own",
    run=run,
)
