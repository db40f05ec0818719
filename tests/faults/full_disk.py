"""PostgreSQL's disk is full: writes are refused in words, reads go on, and with room again so does everything."""

import asyncio
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from tests.faults.outages import Outages
from tests.faults.promise import Finding, Stage, at_least, told
from tests.faults.strollers import Asked
from tests.rig.disk import may_mount
from tests.rig.people import opened
from tests.rig.suite import SuiteOnSmallDisk, suite_on_small_disk

DISK_BYTES = 448 << 20
FULL_SECONDS = 6.0
REFUSED_LEAST = 20


@dataclass(slots=True)
class Full:
    """When it was full (monotonic seconds), and when there was room again."""

    began: float = 0.0
    ended: float = 0.0

    def of(self, asked: Sequence[Asked]) -> list[Asked]:
        return [one for one in asked if self.began <= one.at and one.at + one.seconds <= self.ended]


async def full_disk(stage: Stage) -> list[Finding]:
    """On a suite of its own, whose data directory is small. Told where we may not mount one."""
    if not may_mount():
        stage.say("disk full: mounting a small disk takes root, which we are not")
        return [told("disk full: left out, for we are not root", 1)]
    own = suite_on_small_disk(DISK_BYTES)
    suite = await asyncio.to_thread(own.__enter__)
    try:
        return await _fill(stage, suite)
    finally:
        await asyncio.to_thread(own.__exit__, None, None, None)


async def _fill(stage: Stage, suite: SuiteOnSmallDisk) -> list[Finding]:
    tables, log = Full(), Full()
    with opened(suite.for_tests()) as world:
        skus = [await world.goods(1_000_000) for _ in range(2)]
        outages = Outages(stage, suite, world, world.shop, skus, per_second=60)
        async with outages.under("disk full") as first:
            tables.began = time.monotonic()
            await asyncio.to_thread(suite.disk.fill)
            await asyncio.sleep(FULL_SECONDS)
            tables.ended = time.monotonic()
            await asyncio.to_thread(suite.disk.clear)
        async with outages.under("no room for the log") as second:
            log.began = time.monotonic()
            await asyncio.to_thread(suite.disk.fill)
            stage.say(await no_room_for_the_log(suite))
            await asyncio.sleep(FULL_SECONDS / 2)
            log.ended = time.monotonic()
            await asyncio.to_thread(suite.disk.clear)
            await asyncio.to_thread(start_again, suite)
        findings = await outages.findings()
        await world.close()
    meanwhile = tables.of(first.asked)
    return [
        at_least("disk full: writes refused", refused(meanwhile), REFUSED_LEAST),
        at_least("disk full: told so (507)", sum(one.status == 507 for one in meanwhile), 1),
        at_least(
            "disk full: reads answered",
            sum(one.kind in ("page", "order") and one.status == 200 for one in meanwhile),
            20,
        ),
        told("disk full: writes that found room", sum(one.made is not None for one in meanwhile)),
        at_least("no room for the log: writes refused", refused(log.of(second.asked)), 1),
        *(Finding(f"disk: {one.figure}", one.value, one.target, one.holds) for one in findings),
    ]


def refused(asked: Sequence[Asked]) -> int:
    return sum(one.kind in ("checkout", "cart", "quote") and (one.status or 0) >= 500 for one in asked)


async def no_room_for_the_log(suite: SuiteOnSmallDisk) -> str:
    """Asks for new segments until there is no room for one: PostgreSQL gives itself up then."""
    try:
        con = await asyncpg.connect(suite.url, timeout=10)
        try:
            for _ in range(100):
                await con.execute("SELECT pg_logical_emit_message(false, 'rig', repeat('x', 8000))")
                await con.fetchval("SELECT pg_switch_wal()")
        finally:
            con.terminate()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as fault:
        return f"the log finds no room: {type(fault).__name__}"
    return "the log always found room"


def start_again(suite: SuiteOnSmallDisk) -> None:
    """As whoever runs it does, where it ended for want of room."""
    assert suite.postgres is not None
    try:
        suite.postgres.wait(3)
    except subprocess.TimeoutExpired:
        return
    suite.start_postgres()
