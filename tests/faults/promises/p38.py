"""P38: clients that leave at any byte, are slow or talk nonsense, for two minutes; what the suite holds afterwards."""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import psutil
from tests.checkers.growth import growth, most_growth
from tests.faults.promise import Finding, Form, Promise, Stage, at_least, at_most, none, told
from tests.faults.rude import MANNERS, ROUTES, Rude, Tally
from tests.rig.people import World, opened
from tests.rig.suite import Suite

from svc_contracts.suite import SERVICES
from svc_local.reconcile.__main__ import settled

PEOPLE = 80
PER_SECOND = 200.0
WARM_AT_SECONDS = 30.0
GROWTH_MAX = 0.05
MIB = 1 << 20
# The pool, and those that relays speak and listen over.
POOL_MAX, BESIDES = 8, 3
# Gateway and kit keep idle connections for two seconds; the server notices a closed client within one.
# Pools forget an idle connection after 2 s, and look for such ones now and then.
REST_SECONDS = 8.0
ACTIVITY = """
SELECT datname, count(*) AS connections,
       count(*) FILTER (WHERE state LIKE 'idle in transaction%'
         AND clock_timestamp() - state_change > interval '10 seconds') AS stuck,
       count(*) FILTER (WHERE clock_timestamp() - xact_start > interval '1 second') AS open
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname IS NOT NULL
GROUP BY datname
"""
ORDINARY = 50


@dataclass(slots=True)
class Seen:
    """Every second: (seconds, bytes) of each service; the most connections of each database, the stuck ones."""

    held: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    connections: dict[str, int] = field(default_factory=dict)
    stuck: int = 0
    looks: int = 0


@dataclass(slots=True)
class Left:
    """When all have gone: at each service, in PostgreSQL."""

    client_connections: int = 0
    half_closed: int = 0
    open_transactions: int = 0
    in_flight: int = 0
    pool_busy: int = 0


async def run(stage: Stage) -> Sequence[Finding]:
    seconds = stage.form.pick(test=3.0, short=120.0, soak=3_600.0)
    per_second = stage.form.pick(test=100.0, short=PER_SECOND, soak=PER_SECOND)
    tally = Tally()
    with opened(stage.suite.for_tests()) as world:
        skus = [await world.goods(1_000_000) for _ in range(stage.form.pick(test=1, short=4, soak=4))]
        async with watching(stage.suite) as seen:
            await crowd(stage, world, skus, tally, seconds=seconds, per_second=per_second)
        served = {name: await served_of_fifty(world, asked) for name, asked in ordinary(world, skus[0]).items()}
        await world.close()
    report = await settled(stage.suite.databases)
    await asyncio.sleep(REST_SECONDS)
    left = await left_behind(stage.suite)
    stage.say(f"manners: {dict(tally.manners)}; answers: {dict(sorted(tally.statuses.items()))}")
    return [
        *traffic(stage, tally),
        *memory(stage, seen),
        *connections(seen, left),
        at_least("afterwards: of 50 at once, served by the poorest service", min(served.values()), ORDINARY),
        none("drift between the services", len(report.drift)),
        none("parked keys", len(report.parked)),
    ]


async def crowd(
    stage: Stage, world: World, skus: Sequence[str], tally: Tally, *, seconds: float, per_second: float
) -> None:
    over = asyncio.Event()
    people = [Rude(world, skus, random.Random(stage.chance.random()), tally) for _ in range(PEOPLE)]
    tasks = [asyncio.create_task(one.go_on(over, PEOPLE / per_second)) for one in people]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await asyncio.sleep(min(30.0, max(0.0, until - time.monotonic())))
        stage.say(f"{tally.requests} requests")
        for task in tasks:
            if task.done():
                task.result()
    over.set()
    await asyncio.gather(*tasks)


@asynccontextmanager
async def watching(suite: Suite) -> AsyncIterator[Seen]:
    seen = Seen()
    task = asyncio.create_task(watch(suite, seen))
    try:
        yield seen
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def watch(suite: Suite, seen: Seen) -> None:
    began = time.monotonic()
    con = await asyncpg.connect(suite.url, timeout=10)
    try:
        while True:
            for name in SERVICES:
                pid = suite.members[name].pid
                if pid is not None:
                    held = float(psutil.Process(pid).memory_info().rss)
                    seen.held.setdefault(name, []).append((time.monotonic() - began, held))
            for row in await con.fetch(ACTIVITY):
                name = row["datname"]
                seen.connections[name] = max(seen.connections.get(name, 0), row["connections"])
                seen.stuck += row["stuck"]
            seen.looks += 1
            await asyncio.sleep(1.0)
    finally:
        await con.close()


async def left_behind(suite: Suite) -> Left:
    left = Left()
    for name in SERVICES:
        pid, port = suite.members[name].pid, suite.ports.of(name)
        assert pid is not None, f"{name} fell"
        for one in psutil.Process(pid).net_connections("tcp"):
            left.half_closed += one.status == psutil.CONN_CLOSE_WAIT
            left.client_connections += one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port
        if name != "gateway":
            figures = await figures_of(suite.ports.url_of(name))
            left.in_flight += int(figures["http_requests_in_flight"]) - 1  # the one that asks
            left.pool_busy += int(figures["open"] - figures["idle"])
    con = await asyncpg.connect(suite.url, timeout=10)
    try:
        left.open_transactions = sum(row["open"] for row in await con.fetch(ACTIVITY))
    finally:
        await con.close()
    return left


async def figures_of(url: str) -> dict[str, float]:
    """The gauges. A pool whose connection is just at work is looked at again."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        for _ in range(50):
            text = (await http.get(f"{url}/metrics")).text
            found = {
                name: float(value)
                for name, value in re.findall(
                    r'^(?:database_pool_connections\{state=")?(http_requests_in_flight|open|idle)(?:"\})? (\S+)$',
                    text,
                    re.M,
                )
            }
            if found["open"] == found["idle"]:
                break
            await asyncio.sleep(0.05)
    return found


def ordinary(world: World, sku: str) -> dict[str, dict[str, Any]]:
    """What everybody asks, of each service; not one of them from a cache."""
    base, owner = f"/v1/store/{world.shop}", {"Authorization": world.owner.authorization}
    visitor = {"X-Visitor-Id": "ordinary-people-say-who-they-are"}
    cart = {"lines": [{"sku": sku, "quantity": 1}]}
    kpis = {"keys": "orders", "from": "2026-01-01", "to": "2026-01-31", "grain": "day"}
    return {
        "gateway": {"method": "GET", "url": "/v1/admin/staff", "headers": owner},
        "catalog-svc": {"method": "GET", "url": "/v1/admin/products", "headers": owner},
        "inventory-svc": {"method": "GET", "url": "/v1/admin/stock-levels", "params": {"sku": sku}, "headers": owner},
        "marketing-svc": {"method": "GET", "url": "/v1/admin/promotions", "headers": owner},
        "metrics-svc": {"method": "GET", "url": "/v1/admin/kpis", "params": kpis, "headers": owner},
        "order-svc": {"method": "POST", "url": f"{base}/carts", "json": cart, "headers": visitor},
    }


async def served_of_fifty(world: World, asked: dict[str, Any]) -> int:
    """How many of fifty at once were answered as they should."""
    http = world.client()
    answers = await asyncio.gather(*(http.request(**asked) for _ in range(ORDINARY)), return_exceptions=True)
    return sum(isinstance(one, httpx.Response) and one.is_success for one in answers)


def traffic(stage: Stage, tally: Tally) -> list[Finding]:
    left = sum(count for name, count in tally.manners.items() if name.startswith("leaves"))
    listening = [name for name in MANNERS if name in ("listens", "speaks slowly", "hears slowly")]
    heard = sum(tally.manners[name] for name in listening)
    return [
        at_least("requests", tally.requests, stage.form.pick(test=200, short=20_000, soak=600_000)),
        at_least("clients that left before their answer", left, stage.form.pick(test=50, short=6_000, soak=180_000)),
        at_least("kinds of routes", len(tally.routes), stage.form.pick(test=8, short=len(ROUTES), soak=len(ROUTES))),
        at_least(
            "kinds of manners", len(tally.manners), stage.form.pick(test=6, short=len(MANNERS), soak=len(MANNERS))
        ),
        none("answers that whoever listened did not get", tally.unheard),
        told("answers heard", heard),
        none("answers of a bug (500)", tally.statuses[500]),
        told("answers of too much (503, 504)", tally.statuses[503] + tally.statuses[504]),
    ]


def memory(stage: Stage, seen: Seen) -> list[Finding]:
    if stage.form is Form.TEST:
        return [told("looks at memory and connections", seen.looks)]
    for name, samples in seen.held.items():
        held = samples[-1][1] / MIB
        stage.say(f"{name}: {held:.0f} MiB, {growth(samples, warm_at=WARM_AT_SECONDS):+.1%} since it was warm")
    name, most = most_growth(seen.held, warm_at=WARM_AT_SECONDS)
    stage.say(f"{name} grew most")
    return [
        at_least("looks at memory and connections", seen.looks, 90),
        at_most("most growth of memory since the warm-up (0.05 is 5 %)", most, GROWTH_MAX),
        told("memory of all services, MiB", sum(samples[-1][1] for samples in seen.held.values()) / MIB),
    ]


def connections(seen: Seen, left: Left) -> list[Finding]:
    return [
        none("transactions idle for more than 10 s", seen.stuck),
        at_most("most connections of one service to PostgreSQL", max(seen.connections.values()), POOL_MAX + BESIDES),
        none("afterwards: transactions left open", left.open_transactions),
        none("afterwards: connections of a pool not given back", left.pool_busy),
        none("afterwards: requests still in flight", left.in_flight),
        none("afterwards: connections of clients that left", left.client_connections),
        none("afterwards: connections half closed", left.half_closed),
    ]


PROMISE = Promise(
    number="P38",
    words="Clients that leave, dawdle or talk nonsense cost nothing that stays: memory, connections, transactions",
    needs="suite",
    run=run,
)
