"""Writers, relays and consumers as processes of their own: production's code, and a handler that only takes notes.

The notes are rows of `rig_effect`, written in the consumer's own transaction: what is there is what was committed.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import asyncpg
import uvloop
from tests.rig import nursery

from svc_contracts.events.stock import StockReleased
from svc_contracts.ids import Ids
from svc_kit import failpoints
from svc_kit.clock import SystemClock
from svc_kit.consumer import Consumer, Poison, Received
from svc_kit.consuming import ConsumerRunner
from svc_kit.settings import KitSettings
from svc_kit.telemetry import Metrics
from svc_kit.transaction import Database, Tx

PACKAGE, SOURCE = "inventory_svc", "inventory-svc"
EFFECTS = """
CREATE TABLE rig_effect (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, consumer text NOT NULL, event_id uuid NOT NULL,
    key text NOT NULL, seq bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE rig_poison (key text PRIMARY KEY)
"""


async def make_tables(owner_url: str) -> None:
    con = await asyncpg.connect(owner_url, timeout=10)
    try:
        await con.execute(EFFECTS)
    finally:
        await con.close()


def relay(name: str, *, url: str, bootstrap: str, log: Path, slot: int = 0, failpoints: str = "") -> BaseProcess:
    """`python -m inventory_svc --roles relay`. Its readiness page is on a port of the system's choosing."""
    told = {
        "YUNYING_ENV": "test", "DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": bootstrap, "SLOT": str(slot),
        "FAILPOINTS": failpoints,
    }  # fmt: skip
    with nursery.free_socket() as own:
        return nursery.born(name, nursery.serve, PACKAGE, own, ("relay",), log=log, environment={**os.environ, **told})


def consumer(
    name: str,
    *,
    url: str,
    bootstrap: str,
    cluster: str,
    group: str,
    marker: str,
    log: Path,
    slot: int = 0,
    failpoints: str = "",
) -> BaseProcess:
    """Takes a note of every event whose key starts with `marker`; keys in the table rig_poison are refused."""
    told = {
        "YUNYING_ENV": "test", "DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": bootstrap, "KAFKA_CLUSTER": cluster,
        "SLOT": str(slot), "PORT": "1", "FAILPOINTS": failpoints,
    }  # fmt: skip
    return nursery.born(name, _consume, group, marker, log=log, environment={**os.environ, **told})


def _consume(group: str, marker: str) -> None:
    settings = KitSettings()
    failpoints.configure(settings.failpoints)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_consume_until_killed(settings, group, marker))


async def _consume_until_killed(settings: KitSettings, group: str, marker: str) -> None:
    clock = SystemClock()
    async with Database.open(settings.database_url, source=SOURCE, clock=clock, ids=Ids(now=clock.now)) as db:
        await ConsumerRunner(note_taker(group, marker), db, settings, Metrics()).run(asyncio.Event())


def note_taker(group: str, marker: str, *, heeds_poison: bool = True) -> Consumer:
    async def handle(tx: Tx, events: Sequence[Received]) -> None:
        mine = [one for one in events if one.key.startswith(marker)]
        if not mine:
            return
        rows = await tx.con.fetch(
            "SELECT key FROM rig_poison WHERE key = ANY($1::text[])", sorted({one.key for one in mine})
        )
        refused = {row["key"] for row in rows}
        if refused and heeds_poison:
            first = {one.key: one.event_id for one in reversed(mine) if one.key in refused}
            raise Poison("the rig says so", event_ids=first.values())
        await tx.con.executemany(
            "INSERT INTO rig_effect (consumer, event_id, key, seq) VALUES ($1, $2, $3, $4)",
            [(group, one.event_id, one.key, one.seq) for one in mine],
        )

    return Consumer(group=group, deciding=True, handles=(StockReleased,), handle=handle)


async def say(db: Database, sequences: Mapping[str, int]) -> None:
    """One event per key, with this number, in one transaction. Nothing locks a key: it has one writer, the caller."""
    async with db.transaction() as tx:
        for key, seq in sequences.items():
            tx.emit(StockReleased(order_id=key), seq=seq)
