"""P16: the broker loses its disk while orders come in. Every service tells again what its archive has; nobody does
anything twice.

As a person would: services down, a new broker, the archives back into the outboxes, services up with the new name of
the broker.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from tests.checkers.effects import exactly_once, inversions
from tests.faults.chaos import plan_of, stocked
from tests.faults.dumps import Row, differences, dump, names_beside
from tests.faults.fates import Chancer, Crowd
from tests.faults.lifetimes import connected
from tests.faults.promise import Finding, Promise, Stage, at_least, at_most, exactly, none, told
from tests.faults.steady import AT_ONCE, PRICE_MINOR
from tests.faults.topics import Lying, lying_since
from tests.rig.people import World, opened
from tests.rig.suite import Suite

from svc_contracts.ids import Ids
from svc_contracts.suite import SERVICES
from svc_kit.clock import SystemClock
from svc_kit.republish import RelaysLive, republish
from svc_kit.transaction import Database
from svc_local.reconcile.__main__ import Report, settled
from svc_local.testing import eventually

TELLING = ("catalog", "orders", "inventory", "marketing")
UNPAID_SECONDS = 2
SECONDS = 60.0
AT_WORK = "SELECT count(*) FROM deadline WHERE next_at < clock_timestamp() + interval '3 minutes' AND NOT parked"
ARCHIVED = "SELECT DISTINCT event_id FROM outbox_archive"
STATUSES = "SELECT id, status FROM orders WHERE id = ANY($1::text[])"


@dataclass(slots=True)
class Loss:
    """`refused`: services whose relays lived when the archive was asked for; `archived`: what had been sent before."""

    old_cluster: str
    refused: int = 0
    archived: set[Any] = field(default_factory=set)
    again: int = 0
    seconds: float = 0.0
    fresh: list[str] = field(default_factory=list)


async def run(stage: Stage) -> Sequence[Finding]:
    suite = stage.suite
    loss = Loss(suite.cluster)
    with opened(suite.for_tests()) as world:
        crowd = await everyday(stage, world)
        sku = await world.goods(1_000)
        await rest(suite)
        before = await dump(suite.databases)
        await asyncio.to_thread(suite.wipe_kafka)
        loss.fresh += await placed(world, sku, stage.form.pick(test=3, short=10, soak=100))
        await repaired(stage, loss)
        report = await rest(suite)
        after = await dump(suite.databases)
        gone, come = differences(before, after, [*loss.fresh, *names_beside(after, [*loss.fresh, sku])])
        show(stage, gone, come)
        waited = await new_orders(stage, world, sku, loss)
        statuses = await decided(suite, loss.fresh)
        report = await settled(suite.databases, within_seconds=SECONDS)
        await world.close()
    return [
        at_least("orders before", len(crowd.placed), stage.form.pick(test=8, short=60, soak=1_000)),
        exactly("another broker", int(suite.cluster != loss.old_cluster), 1),
        exactly("archives that wait for their relays to end", loss.refused, len(TELLING)),
        at_least("events told again", loss.again, 4 * len(crowd.placed)),
        *retold(loss, await lying_since(suite.bootstrap, {})),
        at_least("rows of facts compared", before.total(), 10 * len(crowd.placed)),
        none("facts that are gone or changed", len(gone)),
        none("facts that came of events told twice", len(come)),
        told("seconds from the loss until all services were ready", loss.seconds),
        at_least("orders taken while there was no broker, and new ones", len(loss.fresh), 2),
        none("of these not decided for their buyers", sum(one != "awaiting_payment" for one in statuses.values())),
        at_most("seconds until a new order was decided", waited, 10),
        none("drift between the services", len(report.drift)),
        none("parked keys", len(report.parked)),
    ]


async def everyday(stage: Stage, world: World) -> Crowd:
    """Orders of every fate: paid, cancelled, expired, shipped, held, refused."""
    orders = stage.form.pick(test=8, short=60, soak=1_000)
    plan = replace(plan_of(stage.form), orders=orders, unpaid_seconds=UNPAID_SECONDS)
    crowd = Crowd(world, await stocked(stage, world, plan), world.staff())
    chancers = [Chancer(crowd, type(stage.chance)(stage.chance.random())) for _ in range(12)]
    await asyncio.gather(*(one.live(lambda: len(crowd.placed) >= orders) for one in chancers))
    stage.say(f"{len(crowd.placed)} orders: {dict(crowd.fates)}")
    return crowd


async def rest(suite: Suite) -> Report:
    """Nothing is on its way, and nothing falls due within the next minutes."""

    async def is_quiet() -> bool:
        async with connected(suite.databases["orders"]) as con:
            return bool(await con.fetchval(AT_WORK) == 0)

    await eventually(is_quiet, within_seconds=SECONDS, because="no timer is at work")
    report = await settled(suite.databases, within_seconds=SECONDS)
    # Projections come last.
    await asyncio.sleep(1.5)
    return report


async def placed(world: World, sku: str, count: int) -> list[str]:
    found = []
    for _ in range(count):
        answer = await world.passer_by().buy_now((sku, 1), total_minor=PRICE_MINOR, headers=AT_ONCE)
        assert answer.status_code in (201, 202), answer.text
        found.append(str(answer.json()["id"]))
    return found


async def repaired(stage: Stage, loss: Loss) -> None:
    suite = stage.suite
    began = time.monotonic()
    loss.refused = sum([await told_again(suite, one) is None for one in TELLING])
    for name in SERVICES:
        await asyncio.to_thread(suite.leave_down, name)
    await asyncio.to_thread(suite.start_kafka)
    for database in TELLING:
        async with connected(suite.databases[database]) as con:
            loss.archived |= {row["event_id"] for row in await con.fetch(ARCHIVED)}

        loss.again += await once_dead(suite, database)
    for name in SERVICES:
        suite.bring_back(name)
    await asyncio.to_thread(suite.until_ready)
    loss.seconds = time.monotonic() - began
    stage.say(f"{loss.again} events told again; ready {loss.seconds:.1f} s after the loss")


async def once_dead(suite: Suite, database: str) -> int:
    """Its relay was killed: the lease has to run out."""

    async def again() -> list[int]:
        count = await told_again(suite, database)
        return [] if count is None else [count]

    [count] = await eventually(again, within_seconds=SECONDS, because="the dead relay's lease ends")
    return int(count)


async def told_again(suite: Suite, database: str) -> int | None:
    """Everything of the archive's days; None while its relay lives."""
    clock = SystemClock()
    async with Database.open(suite.databases[database], source="rig", clock=clock, ids=Ids(now=clock.now)) as db:
        try:
            async with db.transaction() as tx:
                return await republish(tx, since=tx.now - timedelta(days=7))
        except RelaysLive:
            return None


def retold(loss: Loss, lying: Sequence[Lying]) -> list[Finding]:
    """What the new broker has: the archive, and what waited in the outboxes behind it."""
    lost, _, again = exactly_once(loss.archived, [one.event_id for one in lying])
    by_topic: dict[str, list[tuple[str, int]]] = {}
    for one in lying:
        by_topic.setdefault(one.topic, []).append((one.key, one.seq))
    return [
        at_least("events of the archives", len(loss.archived), 1),
        none("of these not on the new broker", lost),
        told("events on it twice", again),
        none("events on it out of order per key", sum(inversions(seen) for seen in by_topic.values())),
    ]


def show(stage: Stage, gone: Sequence[Row], come: Sequence[Row]) -> None:
    for name, found in (("gone", gone), ("come", come)):
        for (database, table), count in Counter((row.database, row.table) for row in found).items():
            example = next(row.text for row in found if (row.database, row.table) == (database, table))
            stage.say(f"{name}: {count} of {database}.{table}, as {example[:300]}")


async def new_orders(stage: Stage, world: World, sku: str, loss: Loss) -> float:
    """The longest that one waited for its decision."""
    waited = 0.0
    for _ in range(stage.form.pick(test=2, short=10, soak=50)):
        began = time.monotonic()
        answer = await world.passer_by().buy_now((sku, 1), total_minor=PRICE_MINOR)
        assert answer.status_code in (201, 202), answer.text
        loss.fresh.append(str(answer.json()["id"]))
        await decided(stage.suite, loss.fresh[-1:])
        waited = max(waited, time.monotonic() - began)
    return waited


async def decided(suite: Suite, orders: Sequence[str]) -> dict[str, str]:
    async with connected(suite.databases["orders"]) as con:

        async def statuses() -> dict[str, str]:
            found = {row["id"]: row["status"] for row in await con.fetch(STATUSES, orders)}
            assert len(found) == len(orders)
            assert "placed" not in found.values()
            return found

        return await eventually(statuses, within_seconds=SECONDS, because="the orders are decided")


PROMISE = Promise(
    number="P16",
    words="A broker that lost everything is filled again from the archives: nothing is missing, nothing happens twice",
    needs="suite of its own",
    run=run,
    in_tests=False,
)
