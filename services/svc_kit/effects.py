"""Calls to the outside are rows: recorded with the command, leased, called with no transaction open, then folded."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from svc_kit import failpoints
from svc_kit.timers import pause
from svc_kit.transaction import Database, Tx

log = structlog.get_logger()
# Calls in flight per process; they hold no connection while they wait.
AT_ONCE_MAX = 32
IDLE_SECONDS = 0.5
STOP_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class EffectCall:
    id: str
    kind: str
    aggregate_id: str
    request: dict[str, Any]
    tries: int


@dataclass(frozen=True, slots=True)
class Effect:
    """`call(rt, EffectCall) -> dict`; `fold(tx, EffectCall, result, error) -> datetime | None` (None: done)."""

    kind: str
    call: Callable[[Any, EffectCall], Awaitable[dict[str, Any]]]
    fold: Callable[[Tx, EffectCall, dict[str, Any] | None, Exception | None], Awaitable[datetime | None]]
    lease_seconds: float = 30.0


async def request(tx: Tx, *, kind: str, aggregate_id: str, request: dict[str, Any]) -> str:
    """Returns the effect's id. It is called soon after the commit, maybe more than once."""
    effect_id = tx.ids.new("eff")
    await tx.con.execute(
        "INSERT INTO effect (id, kind, aggregate_id, request, next_at) VALUES ($1, $2, $3, $4::jsonb, $5)",
        effect_id,
        kind,
        aggregate_id,
        orjson.dumps(request).decode(),
        tx.now,
    )
    tx.after_commit(tx.db.effects_wake.set)
    return effect_id


class LeaseLost(RuntimeError):
    """Another process holds the effect now: its fold counts, not ours."""


class EffectRunner:
    def __init__(self, effects: Sequence[Effect], runtime: Any) -> None:
        self.effects = {effect.kind: effect for effect in effects}
        self.runtime = runtime
        self.db: Database = runtime.db
        self.done = 0

    def status(self) -> dict[str, Any]:
        return {"done": self.done}

    async def run(self, stop: asyncio.Event) -> None:
        """A slow call holds up nobody but itself: what is due is claimed while others are still being called."""
        working: set[asyncio.Task[None]] = set()
        stopped = asyncio.create_task(stop.wait())
        while not stop.is_set():
            self.db.effects_wake.clear()
            try:
                claimed = await self._claim(AT_ONCE_MAX - len(working))
            except Exception as fault:  # noqa: BLE001 - the outermost loop: a dead database comes back
                log.warning("effects wait", error=repr(fault))
                await pause(stop, 1.0)
                continue
            working |= {asyncio.create_task(self._work(call, lease)) for call, lease in claimed}
            if not claimed or len(working) >= AT_ONCE_MAX:
                await self._wait(working, stopped)
            working = {task for task in working if not task.done()}
        stopped.cancel()
        if working:
            # What does not end in time is called again when its lease has run out.
            _, late = await asyncio.wait(working, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()

    async def _wait(self, working: set[asyncio.Task[None]], stopped: asyncio.Task[Any]) -> None:
        """Until there is something to claim and room for it, or it is time to look."""
        waits: set[asyncio.Task[Any]] = {stopped, *working}
        woken = asyncio.create_task(self.db.effects_wake.wait())
        if len(working) < AT_ONCE_MAX:
            waits.add(woken)
        await asyncio.wait(waits, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()

    async def run_due(self) -> int:
        """One round, for tests: claims what is due, calls side by side, folds each. Returns how many."""
        claimed = await self._claim(AT_ONCE_MAX)
        await asyncio.gather(*(self._work(call, lease) for call, lease in claimed))
        return len(claimed)

    async def _claim(self, limit: int) -> list[tuple[EffectCall, datetime]]:
        claimed: list[tuple[EffectCall, datetime]] = []
        async with self.db.transaction() as tx:
            for effect in self.effects.values():
                lease = tx.now + timedelta(seconds=effect.lease_seconds)
                rows = await tx.con.fetch(
                    "UPDATE effect SET lease = $2, tries = tries + 1 WHERE id IN (SELECT id FROM effect "
                    "WHERE kind = $1 AND state = 'waiting' AND next_at <= $3 AND (lease IS NULL OR lease < $3) "
                    "ORDER BY next_at LIMIT $4 FOR UPDATE SKIP LOCKED) "
                    "RETURNING id, kind, aggregate_id, request, tries",
                    effect.kind,
                    lease,
                    tx.now,
                    limit - len(claimed),
                )
                for row in rows:
                    facts = {**dict(row), "request": orjson.loads(row["request"])}
                    claimed.append((EffectCall(**facts), lease))
        return claimed

    async def _work(self, call: EffectCall, lease: datetime) -> None:
        effect = self.effects[call.kind]
        result: dict[str, Any] | None = None
        error: Exception | None = None
        try:
            async with asyncio.timeout(effect.lease_seconds * 0.6):
                result = await effect.call(self.runtime, call)
        except Exception as fault:  # noqa: BLE001 - folded as the outcome that it is
            error = fault
        try:
            await failpoints.reach("effect.after_call")
            async with self.db.transaction() as tx:
                again_at = await effect.fold(tx, call, result, error)
                kept = await tx.con.fetchval(
                    "UPDATE effect SET state = $3, next_at = coalesce($4, next_at), lease = NULL "
                    "WHERE id = $1 AND lease = $2 AND state = 'waiting' RETURNING id",
                    call.id,
                    lease,
                    "done" if again_at is None else "waiting",
                    again_at,
                )
                if kept is None:
                    raise LeaseLost(call.id)
            self.done += 1
        except Exception as fault:  # noqa: BLE001 - its lease runs out and it is called again
            log.warning("effect not folded", kind=call.kind, error=repr(fault))
