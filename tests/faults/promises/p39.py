"""P39: PostgreSQL stops at once, is killed, throws everybody out, has no room; commits are cut off; a clock jumps."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson
from tests.checkers.effects import inversions
from tests.checkers.sequences import holes
from tests.faults.full_disk import full_disk
from tests.faults.outages import THEIR_OWN, Outages, rows_of
from tests.faults.promise import Finding, Form, Promise, Stage, at_least, at_most, none, told
from tests.rig.people import Buyer, opened
from tests.rig.proxy import Mode

from svc_contracts.suite import SERVICES

HOUR = 3_600
# Until its clock jumps an hour ahead, an hour back, and is right again: seconds after the start of the process.
JUMPS = (3.0, 5.5, 8.0)
SKEWED = "order-svc"
EARLY_SECONDS = 60.0
UNPAID_SECONDS = {"hasty": 3, "usual": 1_800, "patient": 2 * HOUR}
THROW_OUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND usename <> 'postgres'
"""
# Strangers have no name.
SERVICES_OUT = THROW_OUT + "AND application_name <> ''"
EVENTS = """
SELECT key, convert_from(headers, 'UTF8') AS headers, created_at FROM (
  SELECT id, key, headers, created_at FROM outbox_archive UNION ALL SELECT id, key, headers, created_at FROM outbox) e
ORDER BY id
"""
DUE = "SELECT id, shop, expires_at FROM orders WHERE expires_at IS NOT NULL"


@dataclass(slots=True)
class Counts:
    thrown_out: int = 0
    commits_cut: int = 0
    squatters: int = 0
    at_once: list[int] = field(default_factory=list)


async def run(stage: Stage) -> Sequence[Finding]:
    counts = Counts()
    findings: list[Finding] = []
    with opened(stage.suite.for_tests()) as world:
        shops = {
            name: world.open_shop(f"{world.name}-{name}", unpaid_expiry_seconds=seconds)
            for name, seconds in UNPAID_SECONDS.items()
            if name == "hasty" or stage.form is not Form.TEST
        }
        skus = {name: await world.goods(1_000_000, shop=shop) for name, shop in shops.items()}
        outages = Outages(stage, stage.suite, world, shops["hasty"], [skus["hasty"]], per_second=60)
        for fault in faults(stage, outages, counts):
            await fault()
        if stage.form is not Form.TEST:
            others = {name: (world.passer_by(shops[name]), skus[name]) for name in ("usual", "patient")}
            findings += await clock_jumps(stage, outages, others, shops)
        findings += await outages.findings()
        await world.close()
    if stage.form is not Form.TEST:
        findings += await full_disk(stage)
    return [*faulted(stage, counts), *findings]


def faults(stage: Stage, outages: Outages, counts: Counts) -> list[Callable[[], Awaitable[None]]]:
    suite = stage.suite

    async def stopped_at_once() -> None:
        async with outages.under("stopped at once"):
            await asyncio.to_thread(suite.crash_postgres)
            await asyncio.sleep(1.0)
            await asyncio.to_thread(suite.start_postgres)

    async def killed() -> None:
        async with outages.under("killed"):
            await asyncio.to_thread(suite.kill_postgres)
            await asyncio.sleep(stage.chance.uniform(0.1, 1.0))
            await asyncio.to_thread(suite.start_postgres)

    async def thrown_out() -> None:
        async with outages.under("everybody thrown out"):
            counts.thrown_out = await throw_out(stage, seconds=stage.form.pick(test=0.0, short=4.0, soak=20.0))

    async def commits_cut() -> None:
        async with outages.under("commits cut"):
            counts.commits_cut = await cut_commits(stage, seconds=stage.form.pick(test=2.0, short=6.0, soak=30.0))

    async def no_connections() -> None:
        async with outages.under("connections used up"):
            await use_up_connections(stage, outages, counts)

    if stage.form is Form.TEST:
        return [killed, commits_cut]
    return [stopped_at_once, killed, thrown_out, commits_cut, no_connections]


async def throw_out(stage: Stage, *, seconds: float) -> int:
    """All backends, several times a second."""
    until = asyncio.get_running_loop().time() + seconds
    count = 0
    con = await asyncpg.connect(stage.suite.url, timeout=10)
    try:
        while asyncio.get_running_loop().time() < until:
            count += await con.fetchval(THROW_OUT)
            await asyncio.sleep(stage.chance.uniform(0.1, 0.4))
    finally:
        await con.close()
    return count


async def cut_commits(stage: Stage, *, seconds: float) -> int:
    """Of one service and then another, before they arrive or before they are answered."""
    edges = [f"{name}>postgres" for name in SERVICES]
    until = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until:
        edge = stage.chance.choice(["order-svc>postgres", *edges])
        mode = stage.chance.choice((Mode.LOSE_COMMITS, Mode.STOP_COMMITS))
        await asyncio.to_thread(stage.suite.edges.set, edge, mode)
        await asyncio.sleep(stage.chance.uniform(0.1, 0.4))
        await asyncio.to_thread(stage.suite.edges.set, edge, Mode.PASS)
        await asyncio.sleep(stage.chance.uniform(0.0, 0.2))
    return sum([await asyncio.to_thread(stage.suite.edges.commits_cut, edge) for edge in edges])


async def use_up_connections(stage: Stage, outages: Outages, counts: Counts) -> None:
    """Strangers take every connection there is, the services lose theirs, and two hundred people come at once."""
    squatters: list[Any] = []
    over = asyncio.Event()
    url = stage.suite.databases["orders"]

    async def squat() -> None:
        while not over.is_set():
            try:
                squatters.append(await asyncio.wait_for(asyncpg.connect(url, timeout=5), 5))
            except (asyncpg.PostgresError, OSError, TimeoutError):
                await asyncio.sleep(0.05)

    tasks = [asyncio.create_task(squat()) for _ in range(16)]
    try:
        await asyncio.sleep(2.0)
        con = await let_in(stage.suite.url)
        for _ in range(5):
            await con.fetchval(SERVICES_OUT)
            await asyncio.sleep(0.2)
        await con.close()
        buyers = [outages.world.passer_by(outages.shop) for _ in range(200)]
        answers = await asyncio.gather(*(look(buyer, outages.skus[0]) for buyer in buyers))
        counts.at_once = list(answers)
        await asyncio.sleep(1.0)
    finally:
        over.set()
        await asyncio.gather(*tasks)
        counts.squatters = len(squatters)
        for one in squatters:
            one.terminate()


async def let_in(url: str) -> Any:
    """The three places that are kept for the superuser may be taken by whoever looks at the suite just now."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(asyncpg.TooManyConnectionsError):
                return await asyncpg.connect(url, timeout=10)
            await asyncio.sleep(0.05)


async def look(buyer: Buyer, sku: str) -> int:
    body = {"lines": [{"sku": sku, "quantity": 1}]}
    answer = await buyer.http.post(f"{buyer.base}/carts", json=body)
    return answer.status_code


async def clock_jumps(
    stage: Stage, outages: Outages, others: dict[str, tuple[Buyer, str]], shops: dict[str, str]
) -> list[Finding]:
    """Its clock alone. Tokens are a minute old at most, so that it refuses everybody meanwhile: 401."""
    ahead, back, right = JUMPS
    stage.suite.extra[SKEWED] = {"CLOCK_JUMPS": f"{ahead}:{HOUR},{back}:{-HOUR},{right}:0"}
    async with outages.under("clock jumps", also=(*THEIR_OWN, 401)):
        for buyer, sku in others.values():
            for _ in range(4):
                await outages.world.passer_by(buyer.shop).buy_now((sku, 1), total_minor=10_000)
        await asyncio.to_thread(stage.suite.kill, SKEWED)
        await asyncio.to_thread(stage.suite.until_ready, SKEWED)
        del stage.suite.extra[SKEWED]
        await asyncio.sleep(right + 2.0)
    events = [
        (row["key"], orjson.loads(row["headers"]), row["created_at"])
        for row in await rows_of(stage.suite, "orders", EVENTS)
    ]
    due = {row["id"]: row for row in await rows_of(stage.suite, "orders", DUE)}
    expired = [(key, at) for key, headers, at in events if headers["ce_type"] == "order.expired"]
    early = [(due[key]["expires_at"] - at).total_seconds() for key, at in expired if key in due]
    times = Counter(key for key, _ in expired)
    of_shop = Counter(due[key]["shop"] for key, _ in expired if key in due)
    sequences = [(key, int(headers["ce_seq"])) for key, headers, _ in events]
    by_key: dict[str, list[int]] = {}
    for key, seq in sequences:
        by_key.setdefault(key, []).append(seq)
    refused = sum(one.status == 401 for one in outages.all[-1].asked)
    return [
        at_least("clock: requests that the process with the other clock refused", refused, 1),
        # Of whatever shop: those who share the suite have left orders that fall due before ours.
        at_least(
            "clock: orders that expired early, for its clock said so", sum(one > EARLY_SECONDS for one in early), 1
        ),
        none("clock: orders that expired although even its clock was before their time", of_shop[shops["patient"]]),
        at_most("clock: earliest expiry before its time, s", max(early), HOUR),
        none("clock: orders that expired twice", sum(count > 1 for count in times.values())),
        none("clock: events out of order", inversions(sequences)),
        none("clock: keys with numbers missing or twice", len(holes(by_key)) + len(sequences) - len(set(sequences))),
    ]


def faulted(stage: Stage, counts: Counts) -> list[Finding]:
    found = [
        at_least("commits cut", counts.commits_cut, stage.form.pick(test=3, short=20, soak=100)),
    ]
    if stage.form is not Form.TEST:
        clean = sum(status in (201, 503) for status in counts.at_once)
        found += [
            at_least("backends thrown out", counts.thrown_out, stage.form.pick(test=0, short=60, soak=300)),
            at_least("connections that strangers took", counts.squatters, 100),
            told("carts of two hundred at once that were made", counts.at_once.count(201)),
            none("answers to two hundred at once that were neither good nor clean", len(counts.at_once) - clean),
        ]
    return found


PROMISE = Promise(
    number="P39",
    words="A database that stops, dies, throws out or is full, and a clock that jumps, corrupt nothing",
    needs="suite",
    run=run,
)
