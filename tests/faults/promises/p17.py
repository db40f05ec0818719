"""P17: two members of a group are killed and frozen with a poll's records in their hands, others join and leave, and
relays send one event in twenty again, some much later.

In the end one member is frozen beyond the session: the other has done its records when it wakes and tries to commit.
"""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Sequence
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

from tests.checkers.effects import verdict
from tests.faults.backbone import Backbone, Speakers, backbone, came_true
from tests.faults.promise import Finding, Promise, Stage, at_least, exactly, none, told
from tests.faults.trouble import going_on
from tests.rig import workers
from tests.rig.nursery import send
from tests.rig.replicas import Replicas
from tests.rig.strangers import Strangers
from tests.rig.topic import Seen

from svc_contracts.topics import STOCK

MEMBERS = 2
RELAYS = 2
KEYS = 64
WRITERS = 4
FROZEN = 0.25
SHORTLY_SECONDS = (0.3, 2.0)
# A member's session ends after 10 s without a heartbeat.
BEYOND_THE_SESSION_SECONDS = 13.0
ZOMBIE_TRIES = 10
TROUBLE_SECONDS_MAX = 600.0
DONE_WITHIN_SECONDS = 60.0
SENT_AGAIN = 0.06
SENT_AGAIN_LATE_SECONDS = 10.0
REFUSED = "records refused"
# Long enough that most faults find a member between its handler and its commit.
DAWDLES = "consumer.before_commit=sleep:0.1"
HANDS_FULL = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
AND clock_timestamp() - state_change > interval '0.7 s'
"""
STANDS = 'SELECT "partition", next_offset FROM consumer_offset WHERE consumer = $1'
EFFECTS = "SELECT event_id::text, key, seq FROM rig_effect WHERE consumer = $1 ORDER BY n"
SENT = "SELECT DISTINCT event_id FROM outbox_archive ORDER BY event_id"
SEND_AGAIN = """
INSERT INTO outbox (id, lane, event_id, topic, key, headers, value, created_at) OVERRIDING SYSTEM VALUE
SELECT DISTINCT ON (event_id) id, lane, event_id, topic, key, headers, value, created_at FROM outbox_archive
WHERE event_id = ANY($1::uuid[]) ORDER BY event_id ON CONFLICT DO NOTHING
"""


async def run(stage: Stage) -> Sequence[Finding]:
    faults = stage.form.pick(test=5, short=30, soak=60)
    rebalances = stage.form.pick(test=2, short=10, soak=30)
    zombies = stage.form.pick(test=0, short=1, soak=6)
    over = asyncio.Event()
    async with backbone(stage, "P17") as on:
        group, repeater = Group(on, stage.chance), Repeater(on, stage.chance)
        speakers = Speakers(on.db, [f"{on.marker}{n}" for n in range(KEYS)])
        relays = Replicas(RELAYS, on.relay)
        try:
            await group.begin()
            await relays.fill()
            speaking = asyncio.create_task(speakers.speak(stage.chance, over, writers=WRITERS, pause=0.1))
            repeating = asyncio.create_task(repeater.repeat(over))
            await group.trouble(faults, rebalances)
            stage.say(f"{group.kills} killed, {group.frozen} frozen, {group.strangers.rebalances} rebalances")
            for n in range(zombies):
                await group.zombie(n % MEMBERS)
            over.set()
            await asyncio.gather(speaking, repeating)
            await group.all_done()
            effects = await fetched(on, EFFECTS, group.name)
        finally:
            over.set()
            await group.end()
            await relays.end()
        seen = await on.topic.read()
    return [
        at_least("consumers killed and frozen", group.kills + group.frozen, faults),
        told("of these killed", group.kills),
        at_least("rebalances", group.strangers.rebalances, rebalances),
        none("consumers that ended by themselves", sum(one.fell for one in group.members)),
        at_least("woken beyond their session with records in their hands", group.zombies, zombies),
        at_least("of these, refused at the commit", group.zombies_refused, zombies),
        told("times records that another had done were refused", sum(group.refused(slot) for slot in range(MEMBERS))),
        *judged(speakers.sent, effects, seen),
    ]


def judged(sent: Sequence[tuple[str, int]], effects: Sequence[Any], seen: Sequence[Seen]) -> list[Finding]:
    found = verdict(sent, [(row["key"], row["seq"]) for row in effects])
    counts = Counter(row["event_id"] for row in effects)
    share = 100 * (1 - len({one.event_id for one in seen}) / max(1, len(seen)))
    return [
        at_least("events", len(sent), 2 * KEYS),
        at_least("records on the topic that were sent before, %", share, 4),
        exactly("effects per event, at most", max(counts.values(), default=0), 1),
        exactly("effects per event, at least", 0 if found.lost else 1, 1),
        none("effects lost", found.lost),
        none("effects doubled", found.doubled),
        none("effects of what nobody said", found.invented),
        none("effects out of order per key", found.inversions),
    ]


async def fetched(on: Backbone, sql: str, *given: Any) -> list[Any]:
    async with on.db.read() as con:
        return list(await con.fetch(sql, *given))


class Group:
    """The consumers and what befalls them. `zombies`: woken beyond their session with full hands."""

    def __init__(self, on: Backbone, chance: random.Random) -> None:
        self.on = on
        self.chance = random.Random(chance.random())
        self.name = f"{on.marker}consumer"
        self.members = [Replicas(1, partial(self.member, slot)) for slot in range(MEMBERS)]
        self.strangers = Strangers(on.ground.bootstrap, STOCK.name, self.name)
        self.frozen = 0
        self.zombies = 0
        self.zombies_refused = 0

    def member(self, slot: int, number: int) -> BaseProcess:
        name = f"consumer-{slot}"
        ground = self.on.ground
        return workers.consumer(
            name, url=self.on.urls.app, bootstrap=ground.bootstrap, cluster=ground.cluster, group=self.name,
            marker=self.on.marker, log=self.on.log(name), slot=slot, failpoints=DAWDLES,
        )  # fmt: skip

    @property
    def kills(self) -> int:
        return sum(one.kills for one in self.members)

    async def begin(self) -> None:
        await self.on.begin_here(self.name)
        for one in self.members:
            await one.fill()

    async def end(self) -> None:
        for one in self.members:
            await one.end()

    async def trouble(self, faults: int, rebalances: int) -> None:
        """Until there was enough of both."""
        chance = random.Random(self.chance.random())
        async with going_on(
            partial(self.strangers.come_and_go, chance, stay=(0.2, 1.0), pause=0.5), self.kill_and_freeze
        ):
            loop = asyncio.get_running_loop()
            until = loop.time() + TROUBLE_SECONDS_MAX
            while self.kills + self.frozen < faults or self.strangers.rebalances < rebalances:
                if loop.time() > until:
                    return
                await asyncio.sleep(0.1)

    async def kill_and_freeze(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(0.2, 1.0))
            one = self.chance.choice(self.members)
            if self.chance.random() < FROZEN:
                await one.freeze_one(self.chance, seconds=self.chance.uniform(*SHORTLY_SECONDS))
                self.frozen += 1
            else:
                await one.kill_some(self.chance)

    async def zombie(self, slot: int) -> None:
        """Frozen between handler and commit, until the other one has taken over its share and done its records."""
        member = self.members[slot]
        [process] = member.awake
        for _ in range(ZOMBIE_TRIES):
            send(process, signal.SIGSTOP)
            await asyncio.sleep(1.0)
            [row] = await fetched(self.on, HANDS_FULL)
            if row["count"]:
                before = self.refused(slot)
                await member.freeze_one(self.chance, seconds=BEYOND_THE_SESSION_SECONDS)
                self.zombies += 1
                self.zombies_refused += await self.is_refused(slot, before)
                return
            send(process, signal.SIGCONT)
            await asyncio.sleep(self.chance.uniform(0.5, 1.5))

    async def is_refused(self, slot: int, before: int) -> bool:
        for _ in range(50):
            if self.refused(slot) > before:
                return True
            await asyncio.sleep(0.1)
        return False

    def refused(self, slot: int) -> int:
        return self.on.log(f"consumer-{slot}").read_text(errors="replace").count(REFUSED)

    async def all_done(self) -> None:
        """Everything has left, and the group has read to where the topic ended then; or the time is over."""
        await self.on.left(within_seconds=DONE_WITHIN_SECONDS)
        ends = await self.on.topic.ends()

        async def is_done() -> bool:
            return all(
                row["next_offset"] >= ends[row["partition"]] for row in await fetched(self.on, STANDS, self.name)
            )

        await came_true(is_done, within_seconds=DONE_WITHIN_SECONDS)


class Repeater:
    """Of what relays have sent some leaves again under the same id: at once, or after newer events of its key."""

    def __init__(self, on: Backbone, chance: random.Random) -> None:
        self.on = on
        self.chance = random.Random(chance.random())
        self.known: set[Any] = set()
        self.due: list[tuple[float, Any]] = []

    async def repeat(self, over: asyncio.Event) -> None:
        """Until it is over; then what is left of it leaves too."""
        loop = asyncio.get_running_loop()
        while True:
            is_last = over.is_set()
            for row in await fetched(self.on, SENT):
                if row["event_id"] not in self.known:
                    self.known.add(row["event_id"])
                    if self.chance.random() < SENT_AGAIN:
                        self.due.append(
                            (loop.time() + self.chance.uniform(0, SENT_AGAIN_LATE_SECONDS), row["event_id"])
                        )
            now = [event_id for at, event_id in self.due if is_last or at <= loop.time()]
            self.due = [one for one in self.due if one[1] not in now]
            async with self.on.db.transaction() as tx:
                await tx.con.execute(SEND_AGAIN, now)
            if is_last:
                return
            await asyncio.sleep(0.5)


PROMISE = Promise(
    number="P17",
    words="Each event has its effect once and in order, whoever dies, sleeps, joins or leaves, whatever is sent twice",
    needs="ground",
    run=run,
)
