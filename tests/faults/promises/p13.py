"""P13: transactions that hold an early place in the outbox stay open while thousands of others commit.

Rows are inserted and rolled back (gaps), the sequence jumps ahead, many commits dawdle between insert and commit. One
transaction stays open for longest: whoever reads by a cursor passes it by.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
from tests.checkers.effects import exactly_once, inversions
from tests.checkers.outbox import Passage, longest_wait, passed_by, waited_for
from tests.faults.backbone import Backbone, backbone
from tests.faults.promise import Finding, Promise, Stage, at_least, at_most, none, told
from tests.rig import mortals
from tests.rig.nursery import kill
from tests.rig.topic import Seen

from svc_contracts.events.stock import StockReleased
from svc_kit import outbox
from svc_kit.transaction import Tx

WRITERS = 12
KEYS = 96
ROLLED_BACK, DAWDLING = 0.1, 0.1
DAWDLED_SECONDS_MAX = 0.5
PAUSE_SECONDS = (0.01, 0.05)
JUMPED_MAX = 5_000
DRAINED_WITHIN_SECONDS = 30.0
JUMP = "SELECT setval(pg_get_serial_sequence('outbox', 'id'), nextval(pg_get_serial_sequence('outbox', 'id')) + $1)"

# The rows of one pass of the relay left together.
LEFT = """
SELECT min(published_at) OVER (PARTITION BY xmin::text) AS moment, id FROM outbox_archive ORDER BY moment, id
"""
WAITED_SECONDS_MAX = 5.0


async def run(stage: Stage) -> Sequence[Finding]:
    seconds = stage.form.pick(test=3.0, short=20.0, soak=20.0)
    rounds = stage.form.pick(test=1, short=1, soak=6)
    async with backbone(stage, "P13", connections=WRITERS + 6) as on:
        writing = Writing(on, [f"{on.marker}{n}" for n in range(KEYS)], [f"{on.marker}held-{n}" for n in range(rounds)])
        await mortals.make_tables(on.urls.owner, [*writing.keys, *writing.held_keys])
        relay = await asyncio.to_thread(on.relay, 0)
        try:
            await on.all_lanes_owned(within_seconds=10)
            others = asyncio.gather(writing.jump(random.Random(stage.chance.random())), writing.write(stage.chance))
            for key in writing.held_keys:
                await writing.hold(key, seconds)
                stage.say(f"{len(writing.committed)} committed while one was held for {seconds:.0f} s")
            writing.over.set()
            await others
            unsent = await on.left(within_seconds=DRAINED_WITHIN_SECONDS)
        finally:
            writing.over.set()
            await asyncio.to_thread(kill, relay)
        async with on.db.read() as con:
            left = await con.fetch(LEFT)
        seen = await on.topic.read()
    findings = judged(stage, writing, seen, seconds, passed_by(left))
    return [none("events left in the outbox in the end", unsent), *findings]


@dataclass(slots=True)
class Writing:
    """`committed`: (key, seq) → when. `held_until`: when each held transaction was about to commit."""

    on: Backbone
    keys: Sequence[str]
    held_keys: Sequence[str]
    committed: dict[tuple[str, int], float] = field(default_factory=dict)
    held_until: list[float] = field(default_factory=list)
    open_seconds: list[float] = field(default_factory=list)
    rolled_back: int = 0
    dawdled: int = 0
    jumps: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        return self.on.db.clock.now().timestamp()

    async def write(self, chance: random.Random) -> None:
        await asyncio.gather(*(self.go_on(random.Random(chance.random())) for _ in range(WRITERS)))

    async def go_on(self, chance: random.Random) -> None:
        while not self.over.is_set():
            fate = chance.random()
            dawdles = chance.uniform(0.05, DAWDLED_SECONDS_MAX) if fate > 1 - DAWDLING else 0.0
            await self.say(chance.choice(self.keys), dawdles=dawdles, rolls_back=fate < ROLLED_BACK)
            await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))

    async def say(self, key: str, *, dawdles: float = 0.0, rolls_back: bool = False) -> None:
        try:
            async with self.on.db.transaction() as tx:
                await tx.con.execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
                seq = await tx.con.fetchval(mortals.RAISE, key)
                await take_a_place(tx, key, seq)
                if dawdles:
                    await asyncio.sleep(dawdles)
                if rolls_back:
                    raise mortals.ChangedItsMind
        except mortals.ChangedItsMind:
            self.rolled_back += 1
            return
        self.dawdled += bool(dawdles)
        self.committed[key, seq] = self.now()

    async def hold(self, key: str, seconds: float) -> None:
        """Open for so long with an early place in the outbox; who has more to say of this key waits for it."""
        loop = asyncio.get_running_loop()
        async with self.on.db.transaction() as tx:
            seq = await tx.con.fetchval(mortals.RAISE, key)
            await take_a_place(tx, key, seq)
            began = loop.time()
            behind = asyncio.create_task(self.say(key))
            while loop.time() - began < seconds:
                # Never idle, or the server would end it.
                await tx.con.execute("SELECT pg_sleep(0.5)")
            assert not behind.done(), "another wrote to the held key"
            self.held_until.append(self.now())
        self.open_seconds.append(loop.time() - began)
        self.committed[key, seq] = self.now()
        await behind

    async def jump(self, chance: random.Random) -> None:
        con = await asyncpg.connect(self.on.urls.owner, timeout=10)
        try:
            while not self.over.is_set():
                await con.execute(JUMP, chance.randint(1, JUMPED_MAX))
                self.jumps += 1
                await asyncio.sleep(chance.uniform(0.1, 0.9))
        finally:
            await con.close()


async def take_a_place(tx: Tx, key: str, seq: int) -> None:
    """The event's row at once, not just before the commit: its place is then lower than of all that commit sooner."""
    tx.emit(StockReleased(order_id=key), seq=seq)
    await outbox.insert(tx.con, tx.pending, tx, timeline=1)  # type: ignore[arg-type]
    tx.pending.clear()


def judged(stage: Stage, writing: Writing, seen: Sequence[Seen], seconds: float, late: int) -> list[Finding]:
    numbers = [(one.key, one.seq) for one in seen]
    lost, invented, _ = exactly_once(writing.committed, numbers)
    sent: dict[tuple[str, int], float] = {}
    for one in seen:
        sent.setdefault((one.key, one.seq), one.at)
    passages = [Passage(key, at, sent[key, seq]) for (key, seq), at in writing.committed.items() if (key, seq) in sent]
    held = writing.held_keys
    waited = sum(waited_for(passages, until=at, patience=seconds / 2, but=held) for at in writing.held_until)
    return [
        at_least("committed meanwhile", len(writing.committed), stage.form.pick(test=100, short=2_000, soak=12_000)),
        at_least("longest transaction held open, s", min(writing.open_seconds), seconds),
        at_least("rolled back after they had a place", writing.rolled_back, 10),
        at_least("jumps of the sequence", writing.jumps, 3),
        at_least("events that were there only after later ones had left", late, 10),
        none("lost", lost),
        none("never committed", invented),
        none("out of order per key at first sight", inversions(numbers)),
        none("events of other keys that waited for the held one", waited),
        at_most("longest wait of another key's event, s", longest_wait(passages, but=held), WAITED_SECONDS_MAX),
        told("commits that dawdled", writing.dawdled),
    ]


PROMISE = Promise(
    number="P13",
    words="No event is passed by, however late its transaction ends, and none waits for another key's",
    needs="ground",
    run=run,
    waits=True,
)
