"""P22: the facts are told anew after orders of every fate, while metrics-svc and everybody else was killed.

Once in the midst of it, while the consumers go on; once at rest, and then the two schemas are compared from outside.
"""

import asyncio
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import asyncpg
from tests.faults.chaos import plan_of, stocked
from tests.faults.facts import TABLES, differing, rows
from tests.faults.fates import Chancer, Crowd
from tests.faults.promise import Finding, Promise, Stage, at_least, exactly, none, told
from tests.faults.trouble import Troublemaker, answer_of
from tests.rig.people import World, opened

from svc_contracts.ids import Ids
from svc_contracts.suite import SERVICES
from svc_kit.clock import SystemClock
from svc_local.reconcile.__main__ import settled

UNPAID_SECONDS = 3
REBUILD_SECONDS = 60.0
LIVE, BEFORE = "public", "metrics_before"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
WRONG = (
    "UPDATE fact_order SET total_minor = total_minor + 1 WHERE order_id = (SELECT min(order_id) FROM fact_order)",
    "DELETE FROM fact_order_line WHERE ctid = (SELECT min(ctid) FROM fact_order_line)",
    "UPDATE fact_traffic SET session_id = 'another' WHERE ctid = (SELECT min(ctid) FROM fact_traffic)",
)
# A changed row differs on both sides, one that is gone on one.
PLANTED = 5


async def run(stage: Stage) -> Sequence[Finding]:
    trouble = Troublemaker(stage.suite, stage.chance)
    with opened(stage.suite.for_tests()) as world:
        crowd, crashes, meanwhile = await chaos(stage, world, trouble)
        await asyncio.to_thread(stage.suite.until_ready)
        report = await settled(stage.suite.databases, within_seconds=60)
        await world.close()
    stage.say(f"{len(crowd.placed)} orders, killed {trouble.kills}; at rest: {report.at_rest}")
    afterwards = await rebuilt(stage, "--swap")
    con = await asyncpg.connect(stage.suite.urls["metrics"].owner, timeout=10)
    try:
        compared = await rows(con, LIVE)
        differ = await differing(con, LIVE, BEFORE)
        found = await planted(con)
    finally:
        await con.close()
    return [
        at_least("metrics-svc killed", trouble.kills.get("metrics-svc", 0), stage.form.pick(test=2, short=6, soak=40)),
        told("others killed", sum(trouble.kills.values()) - trouble.kills.get("metrics-svc", 0)),
        at_least("PostgreSQL killed", crashes, stage.form.pick(test=0, short=1, soak=1)),
        at_least("orders", len(crowd.placed), stage.form.pick(test=10, short=80, soak=1_000)),
        none("rebuilding beside the consumers found differences", meanwhile),
        none("rebuilding at rest found differences", afterwards),
        at_least("rows compared", compared, 4 * len(crowd.placed)),
        *(none(f"differing rows of {table}", differ[table]) for table in TABLES),
        exactly("rows planted wrong, found by the same comparison", found, PLANTED),
        none("drift between the services", len(report.drift)),
        none("parked keys", len(report.parked)),
    ]


async def chaos(stage: Stage, world: World, trouble: Troublemaker) -> tuple[Crowd, int, int]:
    """Until there are enough orders and kills. Returns how often PostgreSQL was killed, and how the rebuilding ended
    that went on meanwhile.
    """
    orders = stage.form.pick(test=10, short=80, soak=1_000)
    kills = stage.form.pick(test=2, short=6, soak=40)
    plan = replace(plan_of(stage.form), orders=orders, unpaid_seconds=UNPAID_SECONDS)
    crowd = Crowd(world, await stocked(stage, world, plan), world.staff())
    chancers = [Chancer(crowd, trouble.own_chance()) for _ in range(stage.form.pick(test=5, short=12, soak=20))]
    every = stage.form.pick(test=1.0, short=1.5, soak=3.0)
    over = asyncio.Event()

    def is_enough() -> bool:
        return over.is_set() and len(crowd.placed) >= orders and trouble.kills.get("metrics-svc", 0) >= kills

    async with (
        trouble.going_on(
            partial(trouble.kill_one_every, every, ("metrics-svc",)),
            partial(trouble.kill_one_every, 2 * every, [name for name in SERVICES if name != "metrics-svc"]),
            partial(look_around, world, crowd, trouble.own_chance()),
        ),
        asyncio.TaskGroup() as group,
    ):
        for chancer in chancers:
            group.create_task(chancer.live(is_enough))
        crashes = 0
        if stage.form is not stage.form.TEST:
            await asyncio.sleep(2.0)
            await asyncio.to_thread(stage.suite.kill_postgres)
            await asyncio.to_thread(stage.suite.start_postgres)
            crashes = 1
        meanwhile = await rebuilt(stage)
        over.set()
    return crowd, crashes, meanwhile


async def look_around(world: World, crowd: Crowd, chance: random.Random) -> None:
    """Visitors without end: some events are sent twice, some by bots."""
    ids = Ids(now=SystemClock().now)
    while True:
        visitor = world.passer_by(crowd.market.shop).http
        visitor.headers["User-Agent"] = BROWSER if chance.random() < 0.9 else "curl/8"
        events = [
            {
                "id": str(ids.uuid7()), "type": chance.choice(("page_view", "add_to_cart", "checkout_started")),
                "at": ids.now().isoformat(), "session_id": "s", "sku": crowd.market.common,
            }
            for _ in range(chance.randint(1, 5))
        ]  # fmt: skip
        for _ in range(chance.choice((1, 1, 2))):
            await answer_of(visitor.post("/v1/track", json={"shop": crowd.market.shop, "events": events}))
        await asyncio.sleep(0.05)


async def rebuilt(stage: Stage, *arguments: str) -> int:
    """`python -m metrics_svc rebuild`; its exit status, 0 where nothing differs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "metrics_svc", "rebuild", *arguments, env=stage.suite.environment_of("metrics-svc"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        said, log = await asyncio.wait_for(process.communicate(), REBUILD_SECONDS)
    except TimeoutError:
        process.kill()
        raise
    for line in (said or log[-1_000:]).decode().splitlines():
        stage.say(line)
    return int(process.returncode or 0)


async def planted(con: Any) -> int:
    """What the comparison finds of what is wrong on purpose, and taken back at once."""
    transaction = con.transaction()
    await transaction.start()
    try:
        for statement in WRONG:
            assert await con.execute(statement) in ("UPDATE 1", "DELETE 1"), statement
        return sum((await differing(con, LIVE, BEFORE)).values())
    finally:
        await transaction.rollback()


PROMISE = Promise(
    number="P22",
    words="The facts can be told anew from the topics, row for row, whoever was killed while they were told first",
    needs="suite",
    run=run,
)
