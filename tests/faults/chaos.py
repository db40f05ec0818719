"""Orders of every fate while every service is killed, the broker and the provider are away and replies come late; then
all is well again. What P8, P9 and P11 look at, in one run.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.checkers.lives import Life, stuck, unpaired
from tests.faults.fates import Chancer, Crowd, Market
from tests.faults.lifetimes import asked_of_provider, connected, lives_of, odd_counters
from tests.faults.promise import Form, Stage
from tests.faults.topics import Lying, Place, consumers, ends, lying_since, meant_for, taken_by
from tests.faults.trouble import Troublemaker
from tests.rig.people import World, new_sku, opened
from tests.rig.proxy import Mode
from tests.rig.suite import Suite

from svc_contracts.suite import SERVICES
from svc_local.layout import SANDBOX
from svc_local.reconcile.__main__ import Report, settled

PROVIDER_EDGE = f"order-svc>{SANDBOX}"
HEAL_SECONDS = 120.0
TAKEN_WITHIN_SECONDS = 20.0
SHOWN_MAX = 10
LATE = ("inventory-svc", "marketing-svc")
# Time runs out for orders that nobody has decided about: the answers are still to come.
UNDECIDED = """
WITH o AS (SELECT id FROM orders WHERE shop = $1 AND status = 'placed' ORDER BY id FOR NO KEY UPDATE)
UPDATE deadline d SET due_at = clock_timestamp(), next_at = clock_timestamp() FROM o
WHERE d.aggregate_id = o.id AND d.kind = 'undecided' RETURNING d.aggregate_id
"""
# … and for orders whose payment nobody knows of: past the time for which an expiry waits for it.
UNPAID = """
WITH o AS (UPDATE orders SET expires_at = clock_timestamp() - interval '11 minutes'
  WHERE id IN (SELECT id FROM orders WHERE shop = $1 AND status = 'awaiting_payment' AND open_attempt IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE) RETURNING id)
UPDATE deadline d SET due_at = clock_timestamp(), next_at = clock_timestamp() FROM o
WHERE d.aggregate_id = o.id AND d.kind = 'unpaid' RETURNING d.aggregate_id
"""

PARKED = "SELECT consumer, key, topic, reason, left(error, 400) AS error FROM parked_event ORDER BY consumer, key, n"


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds; `rounds`: how often each service is killed at least."""

    orders: int
    chancers: int
    unpaid_seconds: int
    rounds: int
    kill_every: float
    victims: tuple[str, ...]
    broker_away: float
    provider_away: float
    late: float


def plan_of(form: Form) -> Plan:
    everybody = tuple(SERVICES)
    return form.pick(
        test=Plan(12, 6, 2, 1, 1.0, ("marketing-svc", "gateway"), 0.0, 0.0, 0.0),
        short=Plan(200, 20, 8, 3, 2.2, everybody, 20.0, 24.0, 8.0),
        soak=Plan(1_000, 20, 15, 10, 4.0, everybody, 20.0, 30.0, 8.0),
    )


@dataclass(slots=True)
class Seen:
    """How it ended."""

    kills: dict[str, int] = field(default_factory=dict)
    fates: dict[str, int] = field(default_factory=dict)
    refusals: Mapping[tuple[int, str], int] = field(default_factory=dict)
    late_decisions: int = 0
    late_payments: int = 0
    lives: list[Life] = field(default_factory=list)
    healed_after: float = 0.0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    counters: list[str] = field(default_factory=list)
    report: Report | None = None
    records: list[Lying] = field(default_factory=list)
    # (consumer, topic and key) → what it took: seq and when.
    taken: dict[str, list[tuple[str, int, datetime]]] = field(default_factory=dict)
    untaken: int = 0


_seen: dict[tuple[int, str, int], Seen] = {}


async def chaos(stage: Stage) -> Seen:
    """The run of this stage: whoever asks later, for another promise, gets what the first one saw."""
    name = (id(stage.on), stage.form.value, stage.seed)
    if name not in _seen:
        _seen[name] = await run(stage)
    return _seen[name]


async def run(stage: Stage) -> Seen:
    plan, seen = plan_of(stage.form), Seen()
    begin = await ends(stage.suite.bootstrap)
    with opened(stage.suite.for_tests()) as world:
        crowd = Crowd(world, await stocked(stage, world, plan), world.staff())
        breaker = Breaker(stage, plan, crowd, seen)
        chancers = [Chancer(crowd, breaker.trouble.own_chance()) for _ in range(plan.chancers)]
        try:
            async with asyncio.TaskGroup() as group:
                breaking = group.create_task(breaker.all())
                for chancer in chancers:
                    group.create_task(chancer.live(lambda: breaking.done() and len(crowd.placed) >= plan.orders))
        finally:
            await asyncio.to_thread(heal, stage.suite)
        seen.refusals = crowd.refusals
        seen.kills, seen.fates = breaker.trouble.kills, dict(crowd.fates)
        stage.say(f"{len(crowd.placed)} orders, killed {seen.kills}, all is well again")
        await until_rest(stage, crowd.market.shop, seen, since=breaker.over_at)
        await world.close()
    await look_back(stage, begin, seen)
    return seen


async def stocked(stage: Stage, world: World, plan: Plan) -> Market:
    shop = world.open_shop(f"{world.name}-fates", unpaid_expiry_seconds=plan.unpaid_seconds)
    scarce, common, part, bundle = (new_sku() for _ in range(4))
    coupon = f"C{new_sku()}".upper()
    world.offer({sku: {} for sku in (scarce, common, part)}, shop=shop)
    world.offer({bundle: {common: 2, part: 1}}, shop=shop)
    world.receive({scarce: plan.orders // 8, common: 100_000, part: 100_000})
    await world.quotable(bundle, shop=shop)
    await world.coupon(coupon, shop=shop, total=max(3, plan.orders // 8), amount_minor=1_000, planned_minor=10_000_000)
    return Market(shop, scarce, common, bundle, coupon)


class Breaker:
    def __init__(self, stage: Stage, plan: Plan, crowd: Crowd, seen: Seen) -> None:
        self.stage = stage
        self.suite = stage.suite
        self.plan = plan
        self.market = crowd.market
        self.seen = seen
        self.trouble = Troublemaker(stage.suite, stage.chance)
        self.spared: set[str] = set()
        self.over_at = time.monotonic()

    async def all(self) -> None:
        """The kills go on beside everything else, which comes one after the other."""
        async with self.trouble.going_on(self.kill_all_round):
            for fault in (self.broker_away, self.provider_away, self.late_replies):
                await fault()
            while any(self.trouble.kills.get(name, 0) < self.plan.rounds for name in self.plan.victims):
                await asyncio.sleep(0.2)
        self.over_at = time.monotonic()

    async def kill_all_round(self) -> None:
        chance: random.Random = self.trouble.own_chance()
        while True:
            for name in chance.sample(self.plan.victims, len(self.plan.victims)):
                await asyncio.sleep(chance.uniform(0.5, 1.5) * self.plan.kill_every)
                if name not in self.spared:
                    await self.trouble.kill(name)

    async def broker_away(self) -> None:
        if not self.plan.broker_away:
            return
        await asyncio.sleep(3.0)
        self.stage.say(f"the broker is away for {self.plan.broker_away:g} s")
        await asyncio.to_thread(self.suite.kill_kafka)
        await asyncio.sleep(self.plan.broker_away)
        await asyncio.to_thread(self.suite.start_kafka)

    async def provider_away(self) -> None:
        """First it is silent, and what was asked of it reaches it late; then it cannot be reached."""
        if not self.plan.provider_away:
            return
        await asyncio.sleep(4.0)
        self.stage.say(f"the provider is away for {self.plan.provider_away:g} s")
        await asyncio.to_thread(self.suite.edges.set, PROVIDER_EDGE, Mode.HOLD)
        await asyncio.sleep(self.plan.provider_away / 2)
        self.seen.late_payments += await self.run_out(UNPAID)
        await asyncio.to_thread(self.suite.edges.set, PROVIDER_EDGE, Mode.REFUSE)
        await asyncio.sleep(self.plan.provider_away / 2)
        await asyncio.to_thread(self.suite.edges.set, PROVIDER_EDGE, Mode.PASS)

    async def late_replies(self) -> None:
        """Those who decide are frozen, and the time for their decision runs out."""
        if not self.plan.late:
            return
        self.stage.say(f"{' and '.join(LATE)} are frozen for {self.plan.late:g} s")
        self.spared |= set(LATE)
        for name in LATE:
            await asyncio.to_thread(self.suite.pause, name)
        await asyncio.sleep(self.plan.late * 0.75)
        self.seen.late_decisions += await self.run_out(UNDECIDED)
        await asyncio.sleep(self.plan.late * 0.25)
        for name in LATE:
            await asyncio.to_thread(self.suite.resume, name)
        self.spared.clear()

    async def run_out(self, sql: str) -> int:
        async with connected(self.suite.databases["orders"]) as con:
            return len(await con.fetch(sql, self.market.shop))


def heal(suite: Suite) -> None:
    """Nothing is broken any more."""
    for name in LATE:
        suite.resume(name)
    suite.edges.set(PROVIDER_EDGE, Mode.PASS)
    if suite.kafka is None or suite.kafka.poll() is not None:
        suite.start_kafka()
    suite.until_ready()


async def until_rest(stage: Stage, shop: str, seen: Seen, *, since: float) -> None:
    """Looks until nobody is stuck and everything has its order, at the latest when the time is up. `since`: the last
    fault; people went on buying for a while after it.
    """
    url = stage.suite.ports.url_of(SANDBOX)
    while True:
        provider = await asked_of_provider(stage.suite.databases, shop, url)
        seen.lives = await lives_of(stage.suite.databases, shop, provider)
        seen.at = datetime.now(UTC)
        odd = [*stuck(seen.lives, seen.at), *unpaired(seen.lives)]
        seen.healed_after = time.monotonic() - since
        if not odd or seen.healed_after > HEAL_SECONDS:
            break
        await asyncio.sleep(1.0)
    for one in odd[:SHOWN_MAX]:
        stage.say(f"{one}")
    seen.counters = await odd_counters(stage.suite.databases)
    seen.report = await settled(stage.suite.databases)
    for drift in seen.report.drift[:SHOWN_MAX]:
        stage.say(f"{drift}")
    for database in seen.report.parked:
        async with connected(stage.suite.databases[database]) as con:
            for row in await con.fetch(PARKED):
                stage.say(f"parked in {database}: {dict(row)}")


async def look_back(stage: Stage, begin: dict[Place, int], seen: Seen) -> None:
    seen.records = await lying_since(stage.suite.bootstrap, begin)
    for database, consumer in consumers():
        meant = meant_for(consumer, seen.records)
        taken = await taken_by(stage.suite.databases, database, consumer)
        # Some were said only after everything had come to rest (a deadline of somebody else's order).
        until = time.monotonic() + TAKEN_WITHIN_SECONDS
        while time.monotonic() < until and any(one.event_id not in taken for one in meant):
            await asyncio.sleep(0.5)
            taken = await taken_by(stage.suite.databases, database, consumer)
        for one in meant:
            if one.event_id not in taken:
                stage.say(f"{consumer.group} never took {one.topic} {one.key} {one.seq}")
        seen.untaken += sum(one.event_id not in taken for one in meant)
        seen.taken[consumer.group] = [
            (f"{one.topic} {one.key}", one.seq, taken[one.event_id]) for one in meant if one.event_id in taken
        ]
