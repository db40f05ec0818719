"""P12: writers, relays and a consumer that answers die between any two statements, and at any moment.

Every committed change must have exactly one event, in the outbox, in the archive or on the topic; every event its
change. In the end all of it has arrived on the topic.
"""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import orjson
from tests.checkers.effects import gaps, inversions
from tests.checkers.outbox import Change, Told, paired
from tests.faults.backbone import Backbone, backbone, came_true
from tests.faults.promise import Finding, Form, Promise, Stage, at_least, exactly, none, told
from tests.faults.trouble import going_on
from tests.rig import mortals
from tests.rig.nursery import kill
from tests.rig.topic import Seen

from svc_local.processes import tail

KEYS = 24
ANYWHERE = ""  # no place: SIGKILL from outside, whatever it does
# 255: two threads looked at once, and the other one took the code.
SIGKILLED = (-signal.SIGKILL, 255)
RELAY_PLACES = ("relay.before_send", "relay.after_send", "relay.before_delete")
STEADY = 9  # the number of a relay that lives, or the leases of the dead would hold up all the others
PATIENCE_SECONDS = 6.0
OVERTIME_SECONDS = 60.0
SETTLED_WITHIN_SECONDS = 60.0
TOLD = "SELECT event_id::text, headers FROM outbox UNION ALL SELECT event_id::text, headers FROM outbox_archive"
UNANSWERED = """
SELECT count(*) FILTER (WHERE starts_with(key, $1)) - count(*) FILTER (WHERE starts_with(key, $2)) FROM rig_change
"""


async def run(stage: Stage) -> Sequence[Finding]:
    kills = stage.form.pick(test=10, short=100, soak=1_000)
    seconds = stage.form.pick(test=2.0, short=25.0, soak=240.0)
    deaths: Counter[tuple[str, str]] = Counter()
    async with backbone(stage, "P12") as on:
        cast = await Cast.made(on)
        mortal = mortals_of(stage, cast, deaths)
        steady = await asyncio.to_thread(cast.relay, STEADY, ANYWHERE, 0)
        try:
            await all_die(stage, mortal, deaths, seconds=seconds, kills=kills)
            stage.say(f"{deaths.total()} kills; what is left settles")
            for one in mortal:
                await one.live_on()
            await settled(on, cast)
            left = await on.waiting()
        finally:
            for one in mortal:
                await one.end()
            await asyncio.to_thread(kill, steady)
        seen = await on.topic.read()
        changes, events = await changes_of(on), await told_of(on)
    return [
        at_least("processes killed", deaths.total(), kills),
        *where(stage, deaths, mortal),
        none("processes that ended by themselves", sum(one.fell for one in mortal)),
        none("events left in the outbox in the end", left),
        *judged(changes, events, seen),
    ]


@dataclass(frozen=True, slots=True)
class Cast:
    """Births of each kind."""

    on: Backbone
    asked: str
    answered: str

    @classmethod
    async def made(cls, on: Backbone) -> "Cast":
        cast = cls(on, f"{on.marker}asked-", f"{on.marker}answered-")
        keys = [f"{prefix}{n}" for prefix in (cast.asked, cast.answered) for n in range(KEYS)]
        await mortals.make_tables(on.urls.owner, keys)
        await on.begin_here(cast.group)
        return cast

    @property
    def group(self) -> str:
        return f"{self.on.marker}replier"

    def writer(self, slot: int, place: str, seed: int) -> BaseProcess:
        life = mortals.Life(self.on.urls.app, place, seed, probability=0.02, log=self.on.log(f"writer-{slot}"))
        return mortals.writer(f"writer-{slot}", life, keys=[f"{self.asked}{n}" for n in range(KEYS)])

    def replier(self, slot: int, place: str, seed: int) -> BaseProcess:
        life = mortals.Life(self.on.urls.app, place, seed, probability=0.1, log=self.on.log(f"replier-{slot}"))
        servers = self.on.ground
        return mortals.replier(
            f"replier-{slot}", life, bootstrap=servers.bootstrap, cluster=servers.cluster, group=self.group, slot=slot,
            asked=self.asked, answered=self.answered,
        )  # fmt: skip

    def relay(self, slot: int, place: str, seed: int) -> BaseProcess:
        return self.on.relay(slot, failpoints=f"{place}=kill" if place else "")


@dataclass(slots=True)
class Mortal:
    """One process after the other, each born to die at the next place. `deaths`: of kind and place."""

    kind: str
    birth: Callable[[str, int], BaseProcess]
    places: Sequence[str]
    lasts: tuple[float, float]
    deaths: "Counter[tuple[str, str]]"
    chance: random.Random
    say: Callable[[str], None]
    log: Path
    lives: int = 0
    fell: int = 0
    born: "asyncio.Future[BaseProcess] | None" = None

    async def die_over_and_over(self) -> None:
        """Until cancelled; who does not come by his place in time is killed where he is."""
        while True:
            place = self.places[self.lives % len(self.places)]
            process = await self.begin(place)
            loop = asyncio.get_running_loop()
            until = loop.time() + (PATIENCE_SECONDS if place else self.chance.uniform(*self.lasts))
            while process.is_alive() and loop.time() < until:
                await asyncio.sleep(0.02)
            await self.note(process, place)

    async def begin(self, place: str) -> BaseProcess:
        self.lives += 1
        born = asyncio.to_thread(self.birth, place, self.chance.randrange(1_000_000))
        self.born = asyncio.ensure_future(born)
        return await asyncio.shield(self.born)

    async def note(self, process: BaseProcess, place: str) -> None:
        if await asyncio.to_thread(kill, process):
            self.deaths[self.kind, ANYWHERE] += 1
        elif process.exitcode in SIGKILLED:
            self.deaths[self.kind, place] += 1
        else:
            self.fell += 1
            self.say(f"{process.name} ended with {process.exitcode}: {tail(self.log)}")

    async def live_on(self) -> None:
        """A last life, that nothing ends. Whoever writes is not needed any more."""
        await self.end()
        if self.kind != "writer":
            await self.begin(ANYWHERE)

    async def end(self) -> None:
        if self.born is not None:
            # Also one that was just being born when this was cancelled.
            await asyncio.to_thread(kill, await self.born)


def mortals_of(stage: Stage, cast: Cast, deaths: "Counter[tuple[str, str]]") -> list[Mortal]:
    several = stage.form.pick(test=1, short=2, soak=2)
    kinds = (
        ("writer", cast.writer, mortals.WRITER_PLACES, (0.5, 1.5), 3),
        ("replier", cast.replier, mortals.REPLIER_PLACES, (1.0, 3.0), several),
        ("relay", cast.relay, RELAY_PLACES, (2.0, 6.0), several),
    )
    made = []
    for kind, birth, places, lasts, count in kinds:
        for slot in range(count):
            mine = [*places, ANYWHERE]
            stage.chance.shuffle(mine)
            own = random.Random(stage.chance.random())
            made.append(
                Mortal(kind, partial(birth, slot), mine, lasts, deaths, own, stage.say, cast.on.log(f"{kind}-{slot}"))
            )
    return made


async def all_die(
    stage: Stage, mortal: Sequence[Mortal], deaths: "Counter[tuple[str, str]]", *, seconds: float, kills: int
) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    async with going_on(*(one.die_over_and_over for one in mortal)):
        while loop.time() < until or deaths.total() < kills or missed(stage, deaths, mortal):
            if loop.time() > until + OVERTIME_SECONDS:
                return
            await asyncio.sleep(0.1)


def missed(stage: Stage, deaths: "Counter[tuple[str, str]]", mortal: Sequence[Mortal]) -> int:
    """Places where nobody has died yet; a short test does not come to all."""
    wanted = {(one.kind, place) for one in mortal for place in one.places}
    return 0 if stage.form is Form.TEST else len(wanted - deaths.keys())


def where(stage: Stage, deaths: "Counter[tuple[str, str]]", mortal: Sequence[Mortal]) -> list[Finding]:
    return [
        none("places between two statements where nobody died", missed(stage, deaths, mortal)),
        told("places where somebody died", len(deaths)),
        told("of the kills, at any moment", sum(count for (_, place), count in deaths.items() if place == ANYWHERE)),
    ]


async def settled(on: Backbone, cast: Cast) -> None:
    """Every question is answered, and every event on its way has gone; or the time is over."""

    async def is_settled() -> bool:
        async with on.db.read() as con:
            unanswered = await con.fetchval(UNANSWERED, cast.asked, cast.answered)
        return unanswered == 0 and await on.waiting() == 0

    await came_true(is_settled, within_seconds=SETTLED_WITHIN_SECONDS)


async def changes_of(on: Backbone) -> list[Change]:
    async with on.db.read() as con:
        rows = await con.fetch("SELECT key, seq, token FROM rig_change ORDER BY n")
    return [Change(row["key"], row["seq"], row["token"]) for row in rows]


async def told_of(on: Backbone) -> list[Told]:
    async with on.db.read() as con:
        rows = await con.fetch(TOLD)
    found = []
    for row in rows:
        headers = orjson.loads(row["headers"])
        change = Change(headers["ce_subject"], int(headers["ce_seq"]), headers["ce_correlationid"])
        found.append(Told(row["event_id"], change))
    return found


def judged(changes: Sequence[Change], events: Sequence[Told], seen: Sequence[Seen]) -> list[Finding]:
    arrived = [Told(one.event_id, Change(one.key, one.seq, one.correlation)) for one in seen]
    kept, there = paired(changes, [*events, *arrived]), paired(changes, arrived)
    numbers: dict[str, list[int]] = {}
    for one in changes:
        numbers.setdefault(one.key, []).append(one.seq)
    twice = len(changes) - len({(one.key, one.seq) for one in changes})
    answers = Counter(one.token for one in changes)
    return [
        at_least("committed changes", len(changes), 100),
        none("committed without an event", kept.silent),
        none("events without a commit", kept.invented),
        none("changes with two events", kept.doubled),
        none("committed and not on the topic in the end", there.silent),
        none("numbers of a key missing or given twice", len(gaps(numbers)) + twice),
        none("out of order per key at first sight", inversions((one.key, one.seq) for one in seen)),
        exactly("changes per question and its answer", max(answers.values(), default=0), 2),
        none("questions without an answer", sum(count == 1 for count in answers.values())),
        told("records sent again", len(seen) - len({one.event_id for one in seen})),
    ]


PROMISE = Promise(
    number="P12",
    words="No event without its change and no change without its event, wherever a process dies",
    needs="ground",
    run=run,
)
