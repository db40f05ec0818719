"""What front ends report: batches of 100 events, to the broker and on to the facts."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from bench.load import Measured, closed_loop
from bench.stand import SECONDS, WARM_SECONDS, Figure, Stand
from bench.wire import request

CLIENTS = 16
BATCH = 100
ACCEPTED = 202
KINDS = ("page_view", "page_view", "page_view", "add_to_cart", "checkout_started")
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}
FACTS_SECONDS = 60.0


async def tracking(stand: Stand) -> list[Figure]:
    """Accepted events per second, and how fast they become facts."""
    before = await facts(stand)
    began = time.perf_counter()

    async def send(n: int) -> str:
        headers = BROWSER | stand.visitor()
        status, _ = await stand.wire(n).ask(request("POST", "/v1/track", headers, batch(stand)))
        return "ok" if status == ACCEPTED else str(status)

    async def once() -> Measured:
        measured = await closed_loop(send, clients=CLIENTS, seconds=SECONDS, warm_seconds=WARM_SECONDS)
        measured.units = BATCH
        return measured

    accepted = await stand.measure("tracking", "events_per_second", once, yardstick="bare_fastapi", aim="≥ 2")
    last, at = await until_still(stand)
    return [
        accepted,
        Figure("tracking", "facts_per_second", (last - before) / (at - began), aim="≥ 10,000"),
    ]


def batch(stand: Stand) -> dict[str, Any]:
    now, session = datetime.now(UTC).isoformat(), secrets.token_hex(8)
    skus: Sequence[str] = stand.shop.skus
    events = [
        {
            "id": f"{session}-{n}",
            "type": KINDS[n % len(KINDS)],
            "at": now,
            "session_id": session,
            "sku": skus[(n * 37) % len(skus)],
            "url": f"https://shop.example/goods/{n}",
        }
        for n in range(BATCH)
    ]
    return {"shop": stand.shop.slug, "events": events}


async def until_still(stand: Stand) -> tuple[int, float]:
    """How many facts there are when no more come, and when the last came (seconds of the performance counter)."""
    count, at = await facts(stand), time.perf_counter()
    began = at
    while time.perf_counter() - at < 2.0 and time.perf_counter() - began < FACTS_SECONDS:
        await asyncio.sleep(0.1)
        if (now := await facts(stand)) > count:
            count, at = now, time.perf_counter()
    return count, at


async def facts(stand: Stand) -> int:
    con = await asyncpg.connect(stand.database("metrics"))
    try:
        return int(await con.fetchval("SELECT count(*) FROM fact_traffic"))
    finally:
        await con.close()
