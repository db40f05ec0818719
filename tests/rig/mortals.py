"""Processes that change something and say so, in production's transaction, and die between any two of its statements.

A writer changes the rows of its keys; a replier answers each event with a change and an event of its own. Each change
is a row of `rig_change` with a token that no other attempt has, and the event carries the token as its correlation.
"""

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import asyncpg
import uvloop
from tests.rig import nursery
from tests.rig.workers import SOURCE

from svc_contracts.events.stock import StockReleased
from svc_contracts.ids import Ids
from svc_kit import context, failpoints
from svc_kit.clock import SystemClock
from svc_kit.consumer import Consumer, Received
from svc_kit.consuming import ConsumerRunner
from svc_kit.settings import KitSettings
from svc_kit.telemetry import Metrics
from svc_kit.transaction import Database, Tx

TABLES = """
CREATE TABLE rig_key (key text PRIMARY KEY, event_seq bigint NOT NULL DEFAULT 0);
CREATE TABLE rig_change (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, seq bigint NOT NULL, token text NOT NULL)
"""
RAISE = "UPDATE rig_key SET event_seq = event_seq + 1 WHERE key = $1 RETURNING event_seq"
CHANGE = "INSERT INTO rig_change (key, seq, token) VALUES ($1, $2, $3)"
# Where a statement has just ended and the next has not begun; the kit's own places are its failpoints.
WRITER_PLACES = (
    "begun",
    "key raised",
    "row written",
    "event emitted",
    "transaction.before_commit",
    "transaction.after_commit",
)
REPLIER_PLACES = (
    "key raised",
    "row written",
    "event emitted",
    "consumer.before_commit",
    "transaction.before_commit",
    "transaction.after_commit",
    "consumer.after_commit",
)
ROLLED_BACK = 0.15
TASKS = 4


async def make_tables(owner_url: str, keys: Sequence[str]) -> None:
    con = await asyncpg.connect(owner_url, timeout=10)
    try:
        await con.execute(TABLES)
        await con.execute("INSERT INTO rig_key (key) SELECT unnest($1::text[])", list(keys))
    finally:
        await con.close()


class ChangedItsMind(Exception):
    """After the event was emitted: neither the change nor the event may be there."""


@dataclass(slots=True)
class Death:
    """At this place, the n-th time somebody comes by, with this probability."""

    place: str
    chance: random.Random
    probability: float

    def pass_by(self, place: str) -> None:
        if place == self.place and self.chance.random() < self.probability:
            os.kill(os.getpid(), signal.SIGKILL)

    def configure(self) -> None:
        text = f"{self.place}=kill:{self.probability}" if self.place in failpoints.PLACES else ""
        failpoints.configure(text, chance=self.chance.random)


@dataclass(frozen=True, slots=True)
class Life:
    """What a process is born with. `place`: where it dies; empty: it lives until somebody else ends it."""

    url: str
    place: str
    seed: int
    probability: float
    log: Path


def writer(name: str, life: Life, *, keys: Sequence[str]) -> BaseProcess:
    environment = {**os.environ, "YUNYING_ENV": "test", "DATABASE_URL": life.url}
    return nursery.born(name, _write, life, list(keys), log=life.log, environment=environment)


def _write(life: Life, keys: Sequence[str]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_write_until_killed(life, keys))


async def _write_until_killed(life: Life, keys: Sequence[str]) -> None:
    death = death_of(life)
    clock = SystemClock()
    async with Database.open(life.url, source=SOURCE, clock=clock, ids=Ids(now=clock.now)) as db:
        await asyncio.gather(*(write_for_ever(db, keys, death, random.Random(life.seed + n)) for n in range(TASKS)))


def death_of(life: Life) -> Death:
    death = Death(life.place, random.Random(life.seed), life.probability)
    death.configure()
    return death


async def write_for_ever(db: Database, keys: Sequence[str], death: Death, chance: random.Random) -> None:
    while True:
        token = str(db.ids.uuid7())
        context.correlation_id.set(token)
        try:
            async with db.transaction() as tx:
                death.pass_by("begun")
                await change(tx, chance.choice(keys), token, death)
                if chance.random() < ROLLED_BACK:
                    raise ChangedItsMind
        except ChangedItsMind:
            continue
        await asyncio.sleep(0.01)


async def change(tx: Tx, key: str, token: str, death: Death, cause: Received | None = None) -> None:
    """The row, and the event of it."""
    seq = await tx.con.fetchval(RAISE, key)
    death.pass_by("key raised")
    await tx.con.execute(CHANGE, key, seq, token)
    death.pass_by("row written")
    tx.emit(StockReleased(order_id=key), seq=seq, cause=cause)
    death.pass_by("event emitted")


def replier(
    name: str, life: Life, *, bootstrap: str, cluster: str, group: str, slot: int, asked: str, answered: str
) -> BaseProcess:
    """Keys that start with `asked` are answered under the same key, with `answered` in its place."""
    told = {
        "YUNYING_ENV": "test", "DATABASE_URL": life.url, "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "KAFKA_CLUSTER": cluster, "SLOT": str(slot), "PORT": "1",
    }  # fmt: skip
    return nursery.born(name, _reply, life, group, asked, answered, log=life.log, environment={**os.environ, **told})


def _reply(life: Life, group: str, asked: str, answered: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_reply_until_killed(life, group, asked, answered))


async def _reply_until_killed(life: Life, group: str, asked: str, answered: str) -> None:
    death = death_of(life)
    clock = SystemClock()
    async with Database.open(life.url, source=SOURCE, clock=clock, ids=Ids(now=clock.now)) as db:
        consumer = answering(group, asked, answered, death)
        await ConsumerRunner(consumer, db, KitSettings(), Metrics()).run(asyncio.Event())


def answering(group: str, asked: str, answered: str, death: Death) -> Consumer:
    async def handle(tx: Tx, events: Sequence[Received]) -> None:
        # All rows first, in the order of their keys, as every handler of a batch.
        mine = [one for one in events if one.key.startswith(asked)]
        keys = sorted({answered + one.key.removeprefix(asked) for one in mine})
        await tx.con.execute("SELECT FROM rig_key WHERE key = ANY($1::text[]) ORDER BY key FOR NO KEY UPDATE", keys)
        for one in mine:
            await change(tx, answered + one.key.removeprefix(asked), one.correlation_id, death, one)

    return Consumer(group=group, deciding=True, handles=(StockReleased,), handle=handle)
