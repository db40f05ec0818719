"""Calls to the outside are rows: recorded with the command, leased, called with no transaction open, then folded."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from svc_kit import failpoints
from svc_kit.consumer_rules import halves
from svc_kit.timers import pause
from svc_kit.transaction import Database, Tx

log = structlog.get_logger()
# Calls in flight per process; they hold no connection while they wait.
AT_ONCE_MAX = 32
IDLE_SECONDS = 0.5
STOP_SECONDS = 8.0

CLAIM = """
UPDATE effect SET tries = tries + 1, lease = k.lease FROM unnest($1::text[], $2::timestamptz[]) AS k(kind, lease)
WHERE effect.kind = k.kind AND id IN (
    SELECT id FROM effect WHERE kind = ANY($1::text[]) AND state = 'waiting' AND next_at <= $3
    AND (lease IS NULL OR lease < $3) ORDER BY next_at LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING id, effect.kind, aggregate_id, request, tries
"""
KEEP = """
UPDATE effect SET state = CASE WHEN t.again IS NULL THEN 'done' ELSE 'waiting' END,
    next_at = coalesce(t.again, next_at), lease = NULL
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS t(id, lease, again)
WHERE effect.id = t.id AND effect.lease = t.lease AND state = 'waiting' RETURNING effect.id
"""


@dataclass(frozen=True, slots=True)
class EffectCall:
    """`known`: what its kind's `read` found about it."""

    id: str
    kind: str
    aggregate_id: str
    request: dict[str, Any]
    tries: int
    known: Any = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call brought: a result, or the error that it ended with. `lease`: under which it was made."""

    call: EffectCall
    lease: datetime
    result: dict[str, Any] | None
    error: Exception | None


@dataclass(frozen=True, slots=True)
class Effect:
    """`call(rt, EffectCall) -> dict`; `fold(tx, outcomes) -> when to call each again` (None: done).

    `read(con, calls) -> {id: known}`: what is read before calling, for all that were claimed together.
    """

    kind: str
    read: Callable[[Any, Sequence[EffectCall]], Awaitable[Mapping[str, Any]]]
    call: Callable[[Any, EffectCall], Awaitable[dict[str, Any]]]
    fold: Callable[[Tx, Sequence[Outcome]], Awaitable[Sequence[datetime | None]]]
    lease_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Wanted:
    kind: str
    aggregate_id: str
    request: dict[str, Any]


async def request(tx: Tx, wanted: Sequence[Wanted]) -> None:
    """Each is called soon after the commit, maybe more than once."""
    if not wanted:
        return
    await tx.con.execute(
        "INSERT INTO effect (id, kind, aggregate_id, request, next_at) "
        "SELECT i, k, a, r::jsonb, $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS t(i, k, a, r)",
        [tx.ids.new("eff") for _ in wanted],
        [one.kind for one in wanted],
        [one.aggregate_id for one in wanted],
        [orjson.dumps(one.request).decode() for one in wanted],
        tx.now,
    )
    tx.after_commit(tx.db.effects_wake.set)


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
        """A slow call holds up nobody but itself; what has ended meanwhile is folded together."""
        calling: set[asyncio.Task[Outcome]] = set()
        stopped = asyncio.create_task(stop.wait())
        look = True
        while not stop.is_set():
            try:
                if look and (room := AT_ONCE_MAX - len(calling)):
                    self.db.effects_wake.clear()
                    claimed = await self._claim(room)
                    calling |= {asyncio.create_task(self._called(call, lease)) for call, lease in claimed}
                    look = len(claimed) == room
            except Exception as fault:  # noqa: BLE001 - the outermost loop: a dead database comes back
                log.warning("effects wait", error=repr(fault))
                await pause(stop, 1.0)
                continue
            ended = {task for task in calling if task.done()} or await self._wait(calling, stopped)
            calling -= ended
            await self._fold_all([task.result() for task in ended])
            # A full house is looked past as soon as there is room; otherwise when woken, or when it is time.
            look = look or self.db.effects_wake.is_set() or not ended
        stopped.cancel()
        if calling:
            # What does not end in time is called again when its lease has run out.
            ended, late = await asyncio.wait(calling, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await self._fold_all([task.result() for task in ended])

    async def _wait(
        self, calling: set[asyncio.Task[Outcome]], stopped: asyncio.Task[Any]
    ) -> set[asyncio.Task[Outcome]]:
        """Until a call has ended, there may be something to claim, or it is time to look. Returns what has ended."""
        woken = asyncio.create_task(self.db.effects_wake.wait())
        waits: set[asyncio.Task[Any]] = {stopped, *calling}
        if len(calling) < AT_ONCE_MAX:
            waits.add(woken)
        await asyncio.wait(waits, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        return {task for task in calling if task.done()}

    async def run_due(self) -> int:
        """One round, for tests: claims what is due, calls side by side, folds together. Returns how many."""
        claimed = await self._claim(AT_ONCE_MAX)
        await self._fold_all(await asyncio.gather(*(self._called(call, lease) for call, lease in claimed)))
        return len(claimed)

    async def _claim(self, limit: int) -> list[tuple[EffectCall, datetime]]:
        now = self.db.clock.now()
        leases = {kind: now + timedelta(seconds=effect.lease_seconds) for kind, effect in self.effects.items()}
        async with self.db.read() as con:
            rows = await con.fetch(CLAIM, list(leases), list(leases.values()), now, limit)
            calls = [EffectCall(**{**dict(row), "request": orjson.loads(row["request"])}) for row in rows]
            known: dict[str, Any] = {}
            for kind, effect in self.effects.items():
                if mine := [call for call in calls if call.kind == kind]:
                    known |= await effect.read(con, mine)
        return [(replace(call, known=known.get(call.id)), leases[call.kind]) for call in calls]

    async def _called(self, call: EffectCall, lease: datetime) -> Outcome:
        effect = self.effects[call.kind]
        try:
            async with asyncio.timeout(effect.lease_seconds * 0.6):
                result = await effect.call(self.runtime, call)
        except Exception as fault:  # noqa: BLE001 - folded as the outcome that it is
            return Outcome(call, lease, None, fault)
        return Outcome(call, lease, result, None)

    async def _fold_all(self, outcomes: Sequence[Outcome]) -> None:
        for kind in self.effects:
            if mine := [one for one in outcomes if one.call.kind == kind]:
                await self._fold(mine)

    async def _fold(self, outcomes: Sequence[Outcome]) -> None:
        """One transaction; where it fails, each half by itself. What fails alone is called again after its lease."""
        try:
            await failpoints.reach("effect.after_call")
            async with self.db.transaction() as tx:
                await self._fold_within(tx, outcomes)
            self.done += len(outcomes)
        except Exception as fault:  # noqa: BLE001 - its lease runs out and it is called again
            if len(outcomes) > 1:
                for half in halves(outcomes):
                    await self._fold(half)
            else:
                log.warning("effect not folded", kind=outcomes[0].call.kind, error=repr(fault))

    async def _fold_within(self, tx: Tx, outcomes: Sequence[Outcome]) -> None:
        """Of one kind. Raises LeaseLost."""
        again = await self.effects[outcomes[0].call.kind].fold(tx, outcomes)
        ids = [one.call.id for one in outcomes]
        rows = await tx.con.fetch(KEEP, ids, [one.lease for one in outcomes], list(again))
        if lost := set(ids) - {row["id"] for row in rows}:
            raise LeaseLost(", ".join(sorted(lost)))
