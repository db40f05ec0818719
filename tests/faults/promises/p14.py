"""P14: three relay replicas are killed and frozen beyond their lease, and connections to the broker break.

What is frozen is replaced at once, so that it wakes as a zombie beside its successor, with old rows in its hands. The
topic itself is read afterwards.
"""

import asyncio
import random
from collections.abc import Sequence
from functools import partial
from multiprocessing.process import BaseProcess

from tests.checkers.effects import exactly_once, inversions, renamed, stale
from tests.faults.backbone import Backbone, Speakers, backbone
from tests.faults.promise import Finding, Form, Promise, Stage, at_least, at_most, exactly, none, told
from tests.faults.trouble import going_on
from tests.rig import workers
from tests.rig.replicas import Replicas
from tests.rig.servers import KAFKA
from tests.rig.topic import Seen

from svc_kit import announcing
from svc_kit.outbox import LANES
from svc_kit.relay_rules import LEASE_SECONDS
from svc_local.testing import eventually

REPLICAS = 3
KEYS = 128
WRITERS = 8
KILLED_AT_ONCE_MAX = 3
FREEZERS = 3
WARMED_UP, HANDED_OVER = 20, 60
DAWDLE = ("relay.before_delete=sleep:0.1", "relay.before_send=sleep:0.1", "")
PATIENCE_SECONDS = 15.0
OWNED_WITHIN_SECONDS = 10.0
DRAINED_WITHIN_SECONDS = 30.0


async def run(stage: Stage) -> Sequence[Finding]:
    seconds = stage.form.pick(test=2.0, short=30.0, soak=180.0)
    kills = stage.form.pick(test=6, short=60, soak=400)
    stops = stage.form.pick(test=1, short=10, soak=60)
    over = asyncio.Event()
    async with backbone(stage, "P14") as on:
        relays = Replicas(REPLICAS, partial(relay, on), replaces_frozen=True)
        speakers = Speakers(on.db, [f"{on.marker}{n}" for n in range(KEYS)])
        try:
            await relays.fill()
            speaking = asyncio.create_task(speakers.speak(stage.chance, over, writers=WRITERS, pause=0.1))
            await asyncio.to_thread(on.ground.edges.delay, KAFKA, 0.005)
            await break_all(stage, on, relays, seconds, kills=kills, stops=stops)
            await asyncio.to_thread(on.ground.edges.delay, KAFKA, 0.0)
            owned = await on.all_lanes_owned(within_seconds=OWNED_WITHIN_SECONDS)
            over.set()
            await speaking
            stage.say(f"{relays.kills} kills, {relays.woken} woken, {len(speakers.sent)} events; draining")
            left = await on.left(within_seconds=DRAINED_WITHIN_SECONDS)
            lanes = await on.lanes_of_the_living()
            waits = [] if stage.form is Form.TEST else await hand_over(on, relays, speakers, HANDED_OVER)
        finally:
            over.set()
            on.ground.edges.delay(KAFKA, 0.0)
            await relays.end()
        seen = await on.topic.read()
    return [
        at_least("relays killed", relays.kills, kills),
        at_least("relays frozen beyond their lease and woken", relays.woken, stops),
        at_least("times all connections to the broker broke", on.resets, stage.form.pick(test=1, short=8, soak=50)),
        none("relays that ended by themselves", relays.fell),
        none("events left in the outbox in the end", left),
        *arrived(speakers.sent, seen),
        at_most("seconds until every lane had a living owner", owned, OWNED_WITHIN_SECONDS),
        exactly("lanes owned by the living in the end", lanes, LANES),
        *latency(waits),
    ]


def relay(on: Backbone, number: int) -> BaseProcess:
    """Two of three dawdle: frozen with rows to send they wake behind others, and between acknowledgement and deletion
    their death makes duplicates.
    """
    return on.relay(number, failpoints=DAWDLE[number % len(DAWDLE)])


async def break_all(stage: Stage, on: Backbone, relays: Replicas, seconds: float, *, kills: int, stops: int) -> None:
    """For so long, or longer where there were not enough faults yet."""
    killer, breaker, *freezers = (random.Random(stage.chance.random()) for _ in range(2 + min(stops, FREEZERS)))
    pause = 0.75 * seconds / kills * (1 + KILLED_AT_ONCE_MAX) / 2
    longer = stage.form.pick(test=(0.3, 0.4), short=(0.3, 1.5), soak=(0.3, 10.0))
    async with going_on(
        partial(killing, relays, killer, pause, kills),
        partial(on.reset_the_broker, breaker, every=(0.5, 3.5)),
        *(partial(freezing, relays, chance, longer) for chance in freezers),
    ):
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until or relays.kills < kills or relays.woken < stops:
            if loop.time() > until + PATIENCE_SECONDS:
                return
            await asyncio.sleep(0.1)


async def killing(relays: Replicas, chance: random.Random, pause: float, kills: int) -> None:
    while relays.kills < kills:
        await asyncio.sleep(chance.uniform(0.2, 1.8) * pause)
        await relays.kill_some(chance, at_once=chance.randint(1, KILLED_AT_ONCE_MAX))


async def freezing(relays: Replicas, chance: random.Random, longer: tuple[float, float]) -> None:
    """`longer`: than the lease."""
    while True:
        await asyncio.sleep(chance.uniform(0.2, 1.2))
        await relays.freeze_one(chance, seconds=LEASE_SECONDS + chance.uniform(*longer))


def arrived(sent: Sequence[tuple[str, int]], seen: Sequence[Seen]) -> list[Finding]:
    numbers = [(one.key, one.seq) for one in seen]
    lost, invented, again = exactly_once(sent, numbers)
    return [
        at_least("events", len(sent), KEYS),
        none("lost", lost),
        none("never said", invented),
        none("out of order per key at first sight", inversions(numbers)),
        none("sent under another id", renamed(((one.key, one.seq), one.event_id) for one in seen)),
        told("sent again under the same id", again),
        told("of these, behind newer events of their key", stale(numbers)),
    ]


async def hand_over(on: Backbone, relays: Replicas, speakers: Speakers, count: int) -> list[float]:
    """Milliseconds from a commit in this process, which has no relay, until the event is read from the topic."""
    relays.birth = on.relay
    await relays.renew()
    await on.all_lanes_owned(within_seconds=OWNED_WITHIN_SECONDS)
    stop, following = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    said: dict[str, float] = {}
    heard: dict[str, float] = {}

    def hear(seen: Seen) -> None:
        heard.setdefault(seen.key, loop.time())

    async with going_on(
        partial(on.topic.follow, hear, following),
        partial(announcing.announce, on.db, stop, others=lambda: True),
    ):
        await asyncio.wait_for(following.wait(), 20)
        for n in range(WARMED_UP + count):
            key = f"{on.marker}low-{n}"
            await workers.say(on.db, {key: 1})
            said[key] = loop.time()
            speakers.sent.append((key, 1))
            await asyncio.sleep(0.05)
        await eventually(lambda: len(heard) == len(said), within_seconds=20, because="all arrive")
    # The first ones found relays that had no connection to the broker yet.
    return sorted((heard[key] - said[key]) * 1_000 for key in list(said)[WARMED_UP:])


def latency(waits: Sequence[float]) -> list[Finding]:
    if not waits:
        return []
    words = "commit to topic by a relay of another process at low load, "
    return [
        told(f"{words}{name} ms", waits[int(part * (len(waits) - 1))]) for name, part in (("median", 0.5), ("p90", 0.9))
    ]


PROMISE = Promise(
    number="P14",
    words="Events keep their order per key, and none is lost, while relays are killed, frozen and cut off",
    needs="ground",
    run=run,
)
