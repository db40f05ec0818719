"""How fast facts travel: from a commit to the effect in the next service; and in bulk through relay and consumer."""

import asyncio
import time
from multiprocessing.process import BaseProcess

import asyncpg
from tests.rig import nursery, workers
from tests.rig.servers import Ground, ground

from bench.load import one_by_one, percentile
from bench.scenarios.buying import CREATED, base, keyed, two, whole_order
from bench.stand import REPEATS, Figure, Stand
from svc_contracts.ids import Ids
from svc_kit import topics
from svc_kit.clock import SystemClock
from svc_kit.transaction import Database

ORDERS = 200
EVENTS, PER_TRANSACTION = 30_000, 500
LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 60.0
PLACED = """
SELECT key, extract(epoch FROM created_at)::float8 AS at FROM outbox_archive
WHERE topic = 'order.events' AND convert_from(headers, 'UTF8')::json ->> 'ce_type' = 'order.placed'
ORDER BY id DESC LIMIT $1
"""
RESERVED = """
SELECT key, extract(epoch FROM created_at)::float8 AS at FROM outbox_archive
WHERE key = ANY($1::text[]) AND convert_from(headers, 'UTF8')::json ->> 'ce_type' = 'stock.reserved'
"""


async def latency(stand: Stand) -> list[Figure]:
    """order.placed recorded in order-svc → the reservation recorded in inventory-svc; one order at a time."""

    async def buy(n: int) -> str:
        status, _ = await stand.post(n, f"{base(stand)}/checkout", whole_order(stand, two(stand)), keyed(stand))
        return "ok" if status == CREATED else str(status)

    await one_by_one(buy, times=ORDERS)
    await asyncio.sleep(1.0)
    placed = await times_of(stand.database("orders"), PLACED, ORDERS)
    reserved = await times_of(stand.database("inventory"), RESERVED, list(placed))
    taken = [reserved[key] - at for key, at in placed.items() if key in reserved]
    return [
        Figure(
            "latency", f"commit_to_effect_p{share}_ms", percentile(taken, share / 100) * 1000,
            aim="≤ 10" if share == 50 else "", outcomes={"ok": len(taken)},
        )
        for share in (50, 90, 99)
    ]  # fmt: skip


async def times_of(url: str, sql: str, given: object) -> dict[str, float]:
    con = await asyncpg.connect(url)
    try:
        return {row["key"]: row["at"] for row in await con.fetch(sql, given)}
    finally:
        await con.close()


async def relay(stand: Stand) -> list[Figure]:
    """One relay, then one consumer with a row per event, on servers of their own."""
    del stand
    with ground() as own:
        await topics.ensure(own.bootstrap)
        sent, taken = [], []
        for n in range(REPEATS):
            urls = own.database(workers.PACKAGE)
            await workers.make_tables(urls.owner)
            await fill(urls.app, n)
            process = workers.relay("relay", url=urls.app, bootstrap=own.bootstrap, log=own.folder / "relay.log")
            sent.append(await drained(urls.app, "SELECT count(*) FROM outbox_archive", process))
            consumer = consuming(own, urls.app, n)
            taken.append(await drained(urls.app, "SELECT count(*) FROM rig_effect", consumer))
    return [
        Figure("relay", "events_sent_per_second", sorted(sent)[1], repeats=tuple(sent)),
        Figure("relay", "events_consumed_per_second", sorted(taken)[1], repeats=tuple(taken)),
    ]


def consuming(own: Ground, url: str, n: int) -> BaseProcess:
    return workers.consumer(
        "consumer", url=url, bootstrap=own.bootstrap, cluster=own.cluster, group=f"bench-{n}", marker=f"b{n}_",
        log=own.folder / "consumer.log",
    )  # fmt: skip


async def fill(url: str, n: int) -> None:
    clock = SystemClock()
    async with Database.open(url, source=workers.SOURCE, clock=clock, ids=Ids(now=clock.now)) as db:
        for first in range(0, EVENTS, PER_TRANSACTION):
            await workers.say(db, {f"b{n}_{m}": 1 for m in range(first, first + PER_TRANSACTION)})


async def drained(url: str, sql: str, process: BaseProcess) -> float:
    """Events per second between the first that was seen and the last. Ends the process."""
    con = await asyncpg.connect(url)
    began = time.perf_counter()
    first, first_at, seen = 0, 0.0, 0
    try:
        while seen < EVENTS:
            await asyncio.sleep(LOOK_SECONDS)
            seen = int(await con.fetchval(sql))
            now = time.perf_counter()
            if seen and not first:
                first, first_at = seen, now
            if now - began > PATIENCE_SECONDS:
                raise TimeoutError(f"{seen} of {EVENTS} events after {PATIENCE_SECONDS:.0f} s")
        return (EVENTS - first) / (now - first_at)
    finally:
        await con.close()
        await asyncio.to_thread(nursery.kill, process)
