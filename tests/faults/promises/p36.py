"""P36: every process of every service is replaced under traffic, by SIGTERM, as a deploy does; nobody notices.

Two processes of every service on one listening socket, with the notice that is production's default; then one of each.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from tests.checkers.rolling import failed, least_share, lost_or_undecided, quantile
from tests.faults.promise import Finding, Promise, Stage, at_least, at_most, none, told
from tests.faults.strollers import Asked, strolling
from tests.rig.people import World, opened

from svc_contracts.suite import SERVICES
from svc_local.processes import tail
from svc_local.reconcile.__main__ import settled
from svc_local.testing import eventually

NOTICE_SECONDS = 3
UNPAID_SECONDS = 3
PEOPLE, PER_SECOND = 40, 100
ADDED_MS = 250
# A deploy goes from process to process; two at once keep the run short.
AT_ONCE = 2
SHARE_LEAST = 0.25
RELAYING = ("catalog-svc", "order-svc", "inventory-svc", "marketing-svc")
ORDERS = "SELECT id, status, remark FROM orders WHERE shop = $1"
EXPIRED = """
SELECT count(*) AS times FROM (SELECT key, headers FROM outbox_archive UNION ALL SELECT key, headers FROM outbox) e
WHERE convert_from(headers, 'UTF8')::jsonb ->> 'ce_type' = 'order.expired' GROUP BY key
"""
LANES = "SELECT count(*) AS lanes FROM outbox_lane WHERE owner IS NOT NULL GROUP BY owner"


@dataclass(slots=True)
class Rolled:
    """`baseline`, `during`, `alone`: what was asked before, while two of each were replaced, and one of each. `pages`:
    what every replica said of itself; `lanes`: of each service, the least share.
    """

    everything: list[Asked] = field(default_factory=list)
    baseline: list[Asked] = field(default_factory=list)
    during: list[Asked] = field(default_factory=list)
    alone: list[Asked] = field(default_factory=list)
    ends: list[int | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    pages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lanes: list[float] = field(default_factory=list)


async def run(stage: Stage) -> Sequence[Finding]:
    rolled = Rolled()
    rounds = stage.form.pick(test=1, short=1, soak=3)
    quiet_seconds = stage.form.pick(test=5.0, short=12.0, soak=30.0)
    with opened(stage.suite.for_tests()) as world:
        shop = world.open_shop(f"{world.name}-hasty", unpaid_expiry_seconds=UNPAID_SECONDS)
        skus = [await world.goods(1_000_000, price_minor=10_000, shop=shop) for _ in range(6)]
        await everybody_has_a_share(stage)
        async with walking(stage, world, shop, skus) as asked:
            await asyncio.sleep(quiet_seconds)
            rolled.baseline = asked[:]
            await look_at_shares(stage, rolled)
            begun = len(asked)
            for _ in range(rounds):
                for slot in (0, 1):
                    await roll(stage, rolled, slot)
        rolled.during = asked[begun:]
        rolled.everything += asked
        await one_of_each(stage, rolled)
        async with walking(stage, world, shop, skus) as rolled.alone:
            await asyncio.sleep(1.0)
            await roll(stage, rolled, 0)
            await asyncio.sleep(1.0)
        rolled.everything += rolled.alone
        report = await settled(stage.suite.databases)
        orders, expired = await in_the_end(stage, shop)
        await world.close()
    for one in report.drift:
        stage.say(f"in the end: {one}")
    return [
        *traffic(stage, rolled, rounds),
        *noticed(stage, rolled),
        *consequences(rolled, orders, expired),
        *shares(rolled),
        none("drift between the services", len(report.drift)),
        none("events or orders still on their way", not report.at_rest),
        none("parked keys", len(report.parked)),
    ]


def walking(stage: Stage, world: World, shop: str, skus: Sequence[str]) -> Any:
    return strolling(world, shop, skus, stage.chance, people=PEOPLE, per_second=PER_SECOND)


async def roll(stage: Stage, rolled: Rolled, slot: int) -> None:
    """The processes of this slot, in an order of the seed's, so many at once; each until it is ready again."""
    names = [name if slot == 0 else f"{name}-{slot}" for name in SERVICES]
    stage.chance.shuffle(names)
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> None:
        async with turn:
            began = time.monotonic()
            ended = await asyncio.to_thread(stage.suite.stop_gently, name)
            rolled.ends.append(ended)
            if ended != 0:
                stage.say(f"{name} ended with {ended}: {tail(stage.suite.log_of(name), 30)}")
            await asyncio.to_thread(stage.suite.replica, name)
            rolled.seconds.append(time.monotonic() - began)
            stage.say(f"{name} replaced in {rolled.seconds[-1]:.1f} s")

    await asyncio.gather(*(one(name) for name in names))


async def everybody_has_a_share(stage: Stage) -> None:
    """Both processes of each service consume and relay."""

    def all_have() -> bool:
        pages = [stage.suite.replica(name) for name, one in stage.suite.members.items() if one.service in SERVICES]
        parts = [told["partitions"] for page in pages for told in page.values() if is_consumer(told)]
        lanes = [page["relay"]["lanes"] for page in pages if "relay" in page]
        return all(parts) and set(lanes) == {32}

    await eventually(lambda: asyncio.to_thread(all_have), within_seconds=60, because="work is shared")


def is_consumer(told: Any) -> bool:
    return isinstance(told, dict) and "partitions" in told


async def look_at_shares(stage: Stage, rolled: Rolled) -> None:
    for service in SERVICES:
        names = [name for name, member in stage.suite.members.items() if member.service == service]
        rolled.pages[service] = [await asyncio.to_thread(stage.suite.replica, name) for name in names]
    for service in RELAYING:
        con = await asyncpg.connect(stage.suite.databases[SERVICES[service].database], timeout=10)
        try:
            rolled.lanes.append(least_share([row["lanes"] for row in await con.fetch(LANES)]))
        finally:
            await con.close()


async def one_of_each(stage: Stage, rolled: Rolled) -> None:
    """The second ones go, in good order, and what they had is taken over."""
    seconds = [name for name in stage.suite.members if name.endswith("-1")]
    for name in seconds:
        stage.suite.members[name].kept = False
    await asyncio.gather(*(asyncio.to_thread(stage.suite.stop_gently, name) for name in seconds))
    for name in seconds:
        await asyncio.to_thread(stage.suite.remove, name)
    whole = {group: sum(parts) for group, parts in told_of(rolled.pages, "partitions").items()}

    def alone() -> bool:
        pages = {name: [stage.suite.replica(name)] for name in SERVICES}
        held = {group: sum(parts) for group, parts in told_of(pages, "partitions").items()}
        return held == whole and all(page["relay"]["lanes"] == 64 for [page] in pages.values() if "relay" in page)

    await eventually(lambda: asyncio.to_thread(alone), within_seconds=60, because="the first ones have everything")


def told_of(pages: Mapping[str, Sequence[Mapping[str, Any]]], what: str) -> dict[str, list[int]]:
    """What each consumer group's members say."""
    found: dict[str, list[int]] = {}
    for of_service in pages.values():
        for page in of_service:
            for group, said in page.items():
                if is_consumer(said):
                    found.setdefault(group, []).append(said[what])
    return found


async def in_the_end(stage: Stage, shop: str) -> tuple[list[Any], list[int]]:
    con = await asyncpg.connect(stage.suite.databases["orders"], timeout=10)
    try:
        return list(await con.fetch(ORDERS, shop)), [row["times"] for row in await con.fetch(EXPIRED)]
    finally:
        await con.close()


def traffic(stage: Stage, rolled: Rolled, rounds: int) -> list[Finding]:
    wanted = len(SERVICES) * (2 * rounds + 1)
    during = rolled.during
    seconds = during[-1].at - during[0].at
    return [
        at_least("processes replaced", len(rolled.ends), wanted),
        none("processes that had to be forced, or fell", sum(one != 0 for one in rolled.ends)),
        at_least(
            "requests meanwhile", len(during) + len(rolled.alone), stage.form.pick(test=500, short=2_000, soak=9_000)
        ),
        at_least("requests a second", len(during) / seconds, 0.8 * PER_SECOND),
        at_least("kinds of requests", len({one.kind for one in during}), 5),
        told("slowest replacement, s", max(rolled.seconds)),
    ]


def noticed(stage: Stage, rolled: Rolled) -> list[Finding]:
    for one in rolled.everything:
        if failed([(one.kind, one.status)]):
            stage.say(f"failed: {one}")
    before, during, alone = (p99_ms(asked) for asked in (rolled.baseline, rolled.during, rolled.alone))
    for kind in sorted({one.kind for one in rolled.during}):
        spent = [one.seconds for one in rolled.during if one.kind == kind]
        stage.say(f"{kind}: p50 {quantile(spent, 0.5) * 1000:.0f} ms, p99 {quantile(spent, 0.99) * 1000:.0f} ms")
    return [
        none("client requests that failed, two of each", failures(rolled.during)),
        none("client requests that failed, one of each", failures(rolled.alone)),
        told("p99 before, ms", before),
        at_most("p99 added, two of each, ms", during - before, ADDED_MS),
        told("p99 added, one of each, ms", alone - before),
        told("parts of pages that were missing", sum(one.unavailable_parts for one in rolled.during)),
    ]


def failures(asked: Sequence[Asked]) -> int:
    return failed((one.kind, one.status) for one in asked)


def p99_ms(asked: Sequence[Asked]) -> float:
    return quantile([one.seconds for one in asked], 0.99) * 1000


def consequences(rolled: Rolled, orders: Sequence[Any], expired: Sequence[int]) -> list[Finding]:
    accepted = [one.made for one in rolled.everything if one.kind == "checkout" and one.made is not None]
    statuses = {row["id"]: row["status"] for row in orders}
    counts = Counter(row["remark"] for row in orders)
    return [
        at_least("orders accepted", len(accepted), 50),
        none("accepted orders that are not there or not decided", lost_or_undecided(accepted, statuses)),
        none("orders placed twice", sum(count - 1 for count in counts.values())),
        none("orders that nobody was told of", len(counts) - len(set(accepted))),
        at_least("orders that expired", len(expired), 20),
        none("orders that expired twice", sum(times > 1 for times in expired)),
    ]


def shares(rolled: Rolled) -> list[Finding]:
    """Of the work of a service, what the process that did less of it did."""
    partitions = told_of(rolled.pages, "partitions")
    busy = ("order-svc", "inventory-svc")
    published = [least_share([page["relay"]["published"] for page in rolled.pages[name]]) for name in busy]
    fired = [page["timers"]["fired"] for page in rolled.pages["order-svc"]]
    return [
        at_least("least share of lanes", min(rolled.lanes), 0.5),
        at_least("least share of partitions", min(least_share(parts) for parts in partitions.values()), SHARE_LEAST),
        at_least("least share of events relayed", min(published), SHARE_LEAST),
        told("least share of deadlines fired", least_share(fired)),
    ]


PROMISE = Promise(
    number="P36",
    words="A deploy loses nothing: every process is replaced under traffic and no request fails",
    needs="suite of its own",
    run=run,
    replicas=tuple((name, 2) for name in SERVICES),
    settings=(("STOP_NOTICE_SECONDS", str(NOTICE_SECONDS)),),
    in_tests=False,
)
