"""P37: SIGKILL at a random moment of traffic; how long until it serves again, and what it leaves behind."""

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import datetime

import asyncpg
from tests.faults.promise import Finding, Form, Promise, Stage, at_least, at_most, none, told
from tests.rig.people import World, opened

from svc_contracts.suite import SERVICES
from svc_local.processes import HOST, free_ports
from svc_local.readiness import is_ready
from svc_local.reconcile.__main__ import settled

READY_SECONDS = 5.0
LEASE_SECONDS = 5.0
# PostgreSQL looks every second whether its client is still there (client_connection_check_interval).
NOTICED_SECONDS = 1.5
RELAYING = ("catalog-svc", "order-svc", "inventory-svc", "marketing-svc")
ABANDONED = """
SELECT count(*) FROM outbox_lane l
WHERE owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM relay r WHERE r.owner = l.owner AND until > clock_timestamp())
"""
# Sessions that were there before the process died, and the locks of each.
LEFT_BEHIND = """
SELECT a.pid, count(l.pid) AS locks FROM pg_stat_activity a LEFT JOIN pg_locks l ON l.pid = a.pid
WHERE a.datname = $1 AND a.backend_start < $2 AND a.usename <> 'postgres' GROUP BY a.pid
"""
COLD = ("gateway", "order-svc")


async def run(stage: Stage) -> Sequence[Finding]:
    kills = stage.form.pick(test=3, short=20, soak=100)
    victims = [*SERVICES]
    times: list[float] = []
    abandoned = 0
    dead = sessions = locks = 0
    with opened(stage.suite.for_tests()) as world:
        sku = await world.goods(100_000)
        over = asyncio.Event()
        buying = asyncio.create_task(buy_until(over, world, sku))
        beside: list[asyncio.Task[list[int]]] = []
        for n in range(kills):
            await asyncio.sleep(stage.chance.uniform(0.05, 0.8))
            victim = stage.chance.choice(victims) if n >= len(victims) else victims[n]
            died_at = await killed(stage, victim)
            dead += died_at is not None
            times.append(await asyncio.to_thread(stage.suite.until_ready, victim))
            stage.say(f"killed {victim}: ready after {times[-1]:.2f} s")
            if died_at is not None:
                beside.append(asyncio.create_task(left_behind(stage, victim, died_at)))
        for found in await asyncio.gather(*beside):
            sessions += len(found)
            locks += sum(found)
        over.set()
        orders = await buying
        services = () if stage.form is Form.TEST else COLD
        cold = [told(f"cold start of {name} until ready, s", await cold_start(stage, name)) for name in services]
        await asyncio.sleep(LEASE_SECONDS + 1.5)
        for service in RELAYING:
            abandoned += await lanes_of_the_dead(stage.suite.databases[SERVICES[service].database])
        report = await settled(stage.suite.databases)
        await world.close()
    return [
        at_least("processes killed", dead, kills),
        at_least("orders meanwhile", orders, kills),
        at_most("slowest start until ready, s", max(times), READY_SECONDS),
        *cold,
        none("sessions of the dead in PostgreSQL after a second and a half", sessions),
        none("locks of the dead", locks),
        none("lanes still owned by the dead after a lease", abandoned),
        none("drift between the services", len(report.drift)),
        none("parked keys", len(report.parked)),
    ]


async def killed(stage: Stage, victim: str) -> datetime | None:
    """When, by PostgreSQL's clock: what began later is its successor's. None where it was just dead."""
    con = await asyncpg.connect(stage.suite.url, timeout=10)
    try:
        at: datetime = await con.fetchval("SELECT clock_timestamp()")
        was_alive = await asyncio.to_thread(stage.suite.kill, victim)
    finally:
        await con.close()
    return at if was_alive else None


async def left_behind(stage: Stage, victim: str, died_at: datetime) -> list[int]:
    """Of each session that is still there: its locks."""
    await asyncio.sleep(NOTICED_SECONDS)
    con = await asyncpg.connect(stage.suite.url, timeout=10)
    try:
        return [row["locks"] for row in await con.fetch(LEFT_BEHIND, SERVICES[victim].database, died_at)]
    finally:
        await con.close()


async def cold_start(stage: Stage, service: str) -> float:
    """A process of its own that imports everything anew, beside the one that serves."""
    [port] = free_ports(1)
    told_ = stage.suite.environment_of(service) | {"PORT": str(port), "SLOT": "9"}
    command = (sys.executable, "-m", SERVICES[service].package, "--roles", "api")
    began = time.monotonic()
    with stage.suite.log_of(f"{service}-cold").open("ab") as log:
        process = await asyncio.create_subprocess_exec(*command, env=told_, stdout=log, stderr=log)
        try:
            while not await asyncio.to_thread(is_ready, f"http://{HOST}:{port}", timeout=1.0):
                assert process.returncode is None, f"{service} ended: {process.returncode}"
                await asyncio.sleep(0.05)
            return time.monotonic() - began
        finally:
            process.kill()
            await process.wait()


async def buy_until(over: asyncio.Event, world: World, sku: str) -> int:
    """Orders that were accepted; answers that never came are not this promise's business."""
    accepted = 0
    while not over.is_set():
        buyer = world.buyer()
        try:
            answer = await asyncio.wait_for(buyer.buy_now((sku, 1), total_minor=10_000), 10)
            accepted += answer.status_code in (201, 202)
        except Exception:  # noqa: BLE001 - the service may be dead just now
            await asyncio.sleep(0.05)
        await buyer.http.aclose()
    return accepted


async def lanes_of_the_dead(url: str) -> int:
    con = await asyncpg.connect(url, timeout=10)
    try:
        return int(await con.fetchval(ABANDONED))
    finally:
        await con.close()


PROMISE = Promise(
    number="P37",
    words="A killed process is back within 5 s, needs nobody, and leaves no lock or lease behind",
    needs="suite",
    run=run,
)
