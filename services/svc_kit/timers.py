"""What falls due: a row per (aggregate, kind), fired once, in the same transaction as what it leads to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from svc_kit.telemetry import Metrics
from svc_kit.transaction import Database, Tx

log = structlog.get_logger()
BATCH_MAX = 100
PAUSE_SECONDS = 0.5
TRIES_MAX = 3
RETRY_AFTER = timedelta(seconds=5)


SCHEDULE = (
    "INSERT INTO deadline (aggregate_id, kind, due_at, next_at) "
    "SELECT a, k, d, d FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS t(a, k, d) "
    "ON CONFLICT (aggregate_id, kind) DO UPDATE "
    "SET due_at = excluded.due_at, next_at = excluded.due_at, tries = 0, parked = false"
)
CANCEL = "DELETE FROM deadline WHERE (aggregate_id, kind) IN (SELECT * FROM unnest({a}::text[], {k}::text[]))"


@dataclass(frozen=True, slots=True)
class Timer:
    """`fire(tx, aggregate_ids)` runs with the rows of `table` locked."""

    kind: str
    table: str
    id_column: str
    fire: Callable[[Tx, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Due:
    aggregate_id: str
    kind: str
    due_at: datetime


async def schedule(tx: Tx, dues: Sequence[Due], *, over: Sequence[tuple[str, str]] = ()) -> None:
    """Replaces an earlier one of the same aggregate and kind. `over`: others, (aggregate id, kind), that go with it in
    the same statement; the aggregates are locked by the caller.
    """
    if not dues:
        await cancel(tx, over)
        return
    rows = sorted({(one.aggregate_id, one.kind): one.due_at for one in dues}.items())
    columns = [key[0] for key, _ in rows], [key[1] for key, _ in rows], [due_at for _, due_at in rows]
    if over:
        gone = f"WITH gone AS ({CANCEL.format(a='$4', k='$5')}) "
        await tx.con.execute(gone + SCHEDULE, *columns, [name[0] for name in over], [name[1] for name in over])
    else:
        await tx.con.execute(SCHEDULE, *columns)


async def cancel(tx: Tx, names: Sequence[tuple[str, str]]) -> None:
    """`names`: (aggregate id, kind); the aggregates are locked by the caller."""
    if names:
        await tx.con.execute(CANCEL.format(a="$1", k="$2"), [name[0] for name in names], [name[1] for name in names])


class TimerRunner:
    def __init__(self, timers: Sequence[Timer], db: Database, metrics: Metrics | None = None) -> None:
        self.timers = timers
        self.db = db
        self.metrics = metrics or Metrics()
        self.fired = 0
        self.failed = 0

    def status(self) -> dict[str, Any]:
        return {"fired": self.fired, "failed": self.failed}

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            full = False
            try:
                kinds = await self._due_kinds()
            except Exception as fault:  # noqa: BLE001 - the outermost loop: a dead database comes back
                kinds = set()
                log.warning("timers wait", error=repr(fault))
            for timer in [timer for timer in self.timers if timer.kind in kinds]:
                try:
                    full |= await self.fire_due(timer) == BATCH_MAX
                except Exception as fault:  # noqa: BLE001 - as above
                    log.warning("timers wait", kind=timer.kind, error=repr(fault))
            if not full:
                await pause(stop, PAUSE_SECONDS)

    async def _due_kinds(self) -> set[str]:
        """One look for all kinds: most of the time nothing is due."""
        if not self.timers:
            return set()
        kinds = [timer.kind for timer in self.timers]
        async with self.db.read() as con:
            rows = await con.fetch(
                "SELECT kind FROM unnest($1::text[]) AS k(kind) WHERE EXISTS (SELECT FROM deadline d "
                "WHERE d.kind = k.kind AND d.next_at <= $2 AND NOT d.parked)",
                kinds,
                self.db.clock.now(),
            )
        return {row["kind"] for row in rows}

    async def fire_due(self, timer: Timer, *, limit: int = BATCH_MAX) -> int:
        """One transaction; where it fails, each by itself, and what fails alone three times is parked."""
        try:
            return await self._attempt(timer, limit)
        except Exception as fault:
            if limit > 1:
                return sum([await self.fire_due(timer, limit=1) for _ in range(limit)])
            log.error("timer failed", kind=timer.kind, exc_info=fault)
            await self._postpone(timer)
            return 1

    async def _attempt(self, timer: Timer, limit: int) -> int:
        async with self.db.transaction(by_range=True) as tx:
            due = await self._lock_due(tx, timer, limit)
            # The joined row is a stale snapshot: what was postponed meanwhile is not returned here (kit.md §5).
            rows = await tx.con.fetch(
                "DELETE FROM deadline WHERE kind = $1 AND aggregate_id = ANY($2::text[]) AND due_at <= $3 "
                "RETURNING aggregate_id",
                timer.kind,
                due,
                tx.now,
            )
            if fired := sorted(row["aggregate_id"] for row in rows):
                await timer.fire(tx, fired)
        self.fired += len(fired)
        return len(due)

    async def _lock_due(self, tx: Tx, timer: Timer, limit: int) -> list[str]:
        """The aggregate is locked before its deadline, as every command does."""
        rows = await tx.con.fetch(
            f"SELECT d.aggregate_id FROM {timer.table} t JOIN deadline d ON d.aggregate_id = t.{timer.id_column} "  # noqa: S608
            "WHERE d.kind = $1 AND d.next_at <= $2 AND NOT d.parked ORDER BY d.next_at LIMIT $3 "
            "FOR NO KEY UPDATE OF t SKIP LOCKED",
            timer.kind,
            tx.now,
            limit,
        )
        return [row["aggregate_id"] for row in rows]

    async def _postpone(self, timer: Timer) -> None:
        self.failed += 1
        async with self.db.transaction(by_range=True) as tx:
            parked = await tx.con.fetchval(
                "UPDATE deadline SET tries = tries + 1, next_at = $2, parked = tries + 1 >= $4 "
                "WHERE (aggregate_id, kind) IN (SELECT aggregate_id, kind FROM deadline "
                "WHERE kind = $1 AND next_at <= $3 AND NOT parked ORDER BY next_at LIMIT 1) RETURNING parked",
                timer.kind,
                tx.now + RETRY_AFTER,
                tx.now,
                TRIES_MAX,
            )
        if parked:
            self.metrics.timers_parked.inc()


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Sleeps, but not past the stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
