"""P37: SIGKILL at a random moment of traffic; how long until it serves again, and what it leaves behind."""

import asyncio
from collections.abc import Sequence

import asyncpg
from tests.faults.promise import Finding, Promise, Stage, at_most, none, told
from tests.rig.people import World, opened

from svc_contracts.suite import SERVICES
from svc_local.reconcile.__main__ import settled

READY_SECONDS = 5.0
LEASE_SECONDS = 5.0
RELAYING = ("catalog-svc", "order-svc", "inventory-svc", "marketing-svc")
ABANDONED = """
SELECT count(*) FROM outbox_lane l
WHERE owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM relay r WHERE r.owner = l.owner AND until > clock_timestamp())
"""


async def run(stage: Stage) -> Sequence[Finding]:
    kills = stage.form.pick(test=3, short=20, soak=100)
    victims = [*SERVICES]
    times: list[float] = []
    abandoned = 0
    with opened(stage.suite.for_tests()) as world:
        sku = await world.goods(100_000)
        over = asyncio.Event()
        buying = asyncio.create_task(buy_until(over, world, sku))
        for n in range(kills):
            await asyncio.sleep(stage.chance.uniform(0.05, 0.8))
            victim = stage.chance.choice(victims) if n >= len(victims) else victims[n]
            await asyncio.to_thread(stage.suite.kill, victim)
            times.append(await asyncio.to_thread(stage.suite.until_ready, victim))
            stage.say(f"killed {victim}: ready after {times[-1]:.2f} s")
        over.set()
        orders = await buying
        await asyncio.sleep(LEASE_SECONDS + 1.5)
        for service in RELAYING:
            abandoned += await lanes_of_the_dead(stage.suite.databases[SERVICES[service].database])
        report = await settled(stage.suite.databases)
        for client in world.clients:
            await client.aclose()
    return [
        told("processes killed", kills),
        told("orders meanwhile", orders),
        at_most("slowest start until ready, s", max(times), READY_SECONDS),
        none("lanes still owned by the dead after a lease", abandoned),
        none("drift between the services", len(report.drift)),
        none("parked keys", len(report.parked)),
    ]


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
