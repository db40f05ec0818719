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
AT_ONCE_MAX = 8
IDLE_SECONDS = 0.5


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
        while not stop.is_set():
            self.db.effects_wake.clear()
            try:
                found = await self.run_due()
            except Exception as fault:  # noqa: BLE001 - the outermost loop: a dead database comes back
                log.warning("effects wait", error=repr(fault))
                await pause(stop, 1.0)
                continue
            if not found:
                waits = [asyncio.create_task(self.db.effects_wake.wait()), asyncio.create_task(stop.wait())]
                await asyncio.wait(waits, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for task in waits:
                    task.cancel()

    async def run_due(self) -> int:
        """Claims what is due, calls side by side, folds each. Returns how many."""
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
                    AT_ONCE_MAX,
                )
                for row in rows:
                    facts = {**dict(row), "request": orjson.loads(row["request"])}
                    claimed.append((EffectCall(**facts), lease))
        await asyncio.gather(*(self._work(call, lease) for call, lease in claimed))
        return len(claimed)

    async def _work(self, call: EffectCall, lease: datetime) -> None:
        effect = self.effects[call.kind]
        result: dict[str, Any] | None = None
        error: Exception | None = None
        try:
            async with asyncio.timeout(effect.lease_seconds * 0.6):
                result = await effect.call(self.runtime, call)
        except Exception as fault:  # noqa: BLE001 - folded as the outcome that it is
            error = fault
        await failpoints.reach("effect.after_call")
        try:
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
