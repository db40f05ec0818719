"""P15: the broker is stopped, then killed, under a steady load of orders that wait for no decision."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import asyncpg
from tests.checkers.rolling import lost_or_undecided, quantile
from tests.faults.promise import Finding, Form, Promise, Stage, at_least, at_most, none, told
from tests.faults.steady import ACCEPTED, Orders, Taken, steady
from tests.rig.people import opened

from svc_local.reconcile.__main__ import settled
from svc_local.testing import eventually

P99_RATIO_MAX = 1.5
DECIDED_WITHIN_SECONDS = 90.0
AFTERWARDS_SECONDS = 2.0
WARM_SECONDS = 1.0
LATER = "SELECT coalesce(max(id), 0) AS last, count(*) AS waiting FROM outbox"
LEFT = "SELECT count(*) FROM outbox WHERE id <= $1"
STATUSES = "SELECT id, status FROM orders WHERE shop = $1"
UNDECIDED = "SELECT count(*) FROM orders WHERE shop = $1 AND status = 'placed' AND id <= $2"


@dataclass(slots=True)
class Outage:
    """`kept`: events that waited when it ended; `drained`, `decided`: seconds from then."""

    name: str
    began: float = 0.0
    ended: float = 0.0
    kept: int = 0
    drained: float = 0.0
    decided: float = 0.0
    taken: list[Taken] = field(default_factory=list)


async def run(stage: Stage) -> Sequence[Finding]:
    baseline = stage.form.pick(test=2.0, short=15.0, soak=60.0)
    stopped = stage.form.pick(test=3.0, short=60.0, soak=600.0)
    killed = stage.form.pick(test=0.0, short=10.0, soak=60.0)
    per_second = stage.form.pick(test=10.0, short=40.0, soak=100.0)
    suite = stage.suite
    with opened(suite.for_tests()) as world:
        sku = await world.goods(1_000_000)
        con = await asyncpg.connect(suite.databases["orders"], timeout=10)
        outages = [Outage("stopped")]
        try:
            async with steady(world, sku, stage.chance, per_second=per_second) as orders:
                await asyncio.sleep(WARM_SECONDS)
                warm = time.monotonic()
                await asyncio.sleep(baseline)
                calm = orders.between(warm, time.monotonic())
                await through(outages[0], con, world.shop, orders, stopped, suite.pause_kafka, suite.resume_kafka)
                stage.say(said(outages[0]))
                if killed:
                    outages.append(Outage("killed"))
                    await through(outages[1], con, world.shop, orders, killed, suite.kill_kafka, suite.start_kafka)
                    stage.say(said(outages[1]))
            report = await settled(suite.databases)
            statuses = {row["id"]: row["status"] for row in await con.fetch(STATUSES, world.shop)}
        finally:
            await con.close()
            await world.close()
    wrong = Counter(one.status for one in orders.taken if one.status not in ACCEPTED)
    stage.say(f"{len(orders.taken)} orders sent; not accepted: {dict(wrong)}")
    return [
        *(finding for outage in outages for finding in findings(stage, calm, outage, per_second)),
        none("write errors in all", sum(wrong.values())),
        none("orders rejected or expired", sum(one in ("rejected", "expired") for one in statuses.values())),
        none(
            "accepted orders lost or undecided",
            lost_or_undecided([one.order_id for one in orders.taken if one.order_id], statuses),
        ),
        none("drift between the services", len(report.drift)),
        none("parked keys", len(report.parked)),
    ]


async def through(
    outage: Outage,
    con: Any,
    shop: str,
    orders: Orders,
    seconds: float,
    begin: Callable[[], Any],
    end: Callable[[], Any],
) -> None:
    """The broker goes and comes back; the orders go on all the while."""
    outage.began = time.monotonic()
    await asyncio.to_thread(begin)
    try:
        await asyncio.sleep(seconds)
        outage.ended = time.monotonic()
        row = await con.fetchrow(LATER)
    finally:
        await asyncio.to_thread(end)
    back = time.monotonic()
    outage.kept = row["waiting"]
    outage.taken = orders.between(outage.began, outage.ended)
    last_order = max((one.order_id for one in outage.taken if one.order_id), default="")
    await until_none(con, LEFT, row["last"])
    outage.drained = time.monotonic() - back
    await until_none(con, UNDECIDED, shop, last_order)
    outage.decided = time.monotonic() - back
    await asyncio.sleep(AFTERWARDS_SECONDS)


async def until_none(con: Any, sql: str, *given: Any) -> None:
    async def is_none() -> bool:
        return bool(await con.fetchval(sql, *given) == 0)

    await eventually(is_none, within_seconds=DECIDED_WITHIN_SECONDS, because="the backlog is worked off")


def said(outage: Outage) -> str:
    return (
        f"{outage.name} {outage.ended - outage.began:.0f} s: {len(outage.taken)} orders, {outage.kept} events kept, "
        f"sent within {outage.drained:.1f} s, decided within {outage.decided:.1f} s of its return"
    )


def findings(stage: Stage, calm: Sequence[Taken], outage: Outage, per_second: float) -> list[Finding]:
    name, accepted = f"broker {outage.name}", sum(one.status in ACCEPTED for one in outage.taken)
    wanted = 0.9 * per_second * (outage.ended - outage.began)
    before, during = (quantile([one.seconds for one in taken], 0.99) * 1_000 for taken in (calm, outage.taken))
    is_measure = stage.form is not Form.TEST
    ratio = during / before
    return [
        at_least(f"{name}: orders accepted meanwhile", accepted, wanted),
        # Where events were sent meanwhile, it was not away. Under way at its last moment and at the end: a tenth of a
        # second's orders.
        at_least(f"{name}: events that waited for it", outage.kept, accepted - ceil(per_second * 0.1)),
        told(f"{name}: p99 of accepting before, ms", before),
        told(f"{name}: p99 of accepting meanwhile, ms", during),
        at_most(f"{name}: p99 ÷ p99 before", ratio, P99_RATIO_MAX) if is_measure else told(f"{name}: p99 ratio", ratio),
        told(f"{name}: all sent so many seconds after its return", outage.drained),
        told(f"{name}: events sent per second of these", outage.kept / max(0.05, outage.drained)),
        at_most(f"{name}: all decided, seconds after its return", outage.decided, DECIDED_WITHIN_SECONDS),
    ]


PROMISE = Promise(
    number="P15",
    words="While the broker is away everything is accepted, as fast as ever; when it is back, everything is decided",
    needs="suite",
    run=run,
)
