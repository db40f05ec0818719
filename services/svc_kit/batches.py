"""The batched door: hot commands take lists. One writer per process drains its queue into one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncpg
import orjson
import structlog

from svc_kit import context, failpoints, idempotency
from svc_kit.consumer_rules import halves
from svc_kit.idempotency import Key, Replay, Stored
from svc_kit.problems import MEDIA_TYPE, problem_of
from svc_kit.refusals import Overloaded, Refusal, RequestInProgress
from svc_kit.transaction import SYSTEM, Actor, Database, Origin, Tx
from svc_kit.trouble import LOST

I = TypeVar("I")  # noqa: E741
O = TypeVar("O")  # noqa: E741
log = structlog.get_logger()

SIZE_MAX = 128
WAITING_MAX = 4_000
CONFLICT_TRIES = 3
CREATED = 201


@dataclass(frozen=True, slots=True)
class Batched(Generic[I, O]):
    """`command(tx, items) -> one outcome per item`, a value or a Refusal. `resource_id`: what a key stores."""

    name: str
    command: Callable[[Tx, Sequence[I]], Awaitable[Sequence[O | Refusal]]]
    size_max: int = SIZE_MAX
    resource_id: Callable[[O], str] | None = None


@dataclass(frozen=True, slots=True)
class Answer(Generic[O]):
    """Either a fresh value or the id of what the key made before."""

    value: O | None
    replayed_id: str | None = None


@dataclass(slots=True)
class Asked(Generic[I, O]):
    item: I
    origin: Origin
    key: Key | None
    future: "asyncio.Future[Answer[O]]"


class Batch(Generic[I, O]):
    """One queue and its writer."""

    def __init__(self, door: Batched[I, O], db: Database) -> None:
        self.door = door
        self.db = db
        self.waiting: list[Asked[I, O]] = []
        self.called = asyncio.Event()

    async def submit(self, item: I, *, actor: Actor = SYSTEM, key: Key | None = None) -> Answer[O]:
        """The item's own outcome. Raises its Refusal, Replay for a stored refusal, Overloaded when too many wait."""
        if len(self.waiting) >= WAITING_MAX:
            raise Overloaded(retry_after_seconds=1)
        origin = Origin(actor, context.correlation_id.get(), context.traceparent.get())
        future: asyncio.Future[Answer[O]] = asyncio.get_running_loop().create_future()
        self.waiting.append(Asked(item, origin, key, future))
        self.called.set()
        return await future

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped and drained."""
        while not (stop.is_set() and not self.waiting):
            if not self.waiting:
                self.called.clear()
                await self.called.wait()
                continue
            taken, self.waiting = self.waiting[: self.door.size_max], self.waiting[self.door.size_max :]
            # A client that went away before its turn is not worked for.
            await self.settle([asked for asked in taken if not asked.future.done()])

    async def settle(self, asked: Sequence[Asked[I, O]]) -> None:
        """One transaction; where it fails, halves, down to the item that made it fail."""
        if not asked:
            return
        try:
            outcomes = await self.attempt(asked)
        except LOST as fault:
            # Whether it was committed is not known: only the client's key makes a second try safe.
            log.warning("batch lost its connection", door=self.door.name, items=len(asked), error=repr(fault))
            for one in asked:
                give(one, Overloaded(retry_after_seconds=1))
        except Exception as fault:
            if len(asked) == 1:
                log.error("batch item failed", door=self.door.name, exc_info=fault)
                give(asked[0], fault)
                return
            for half in halves(asked):
                await self.settle(half)
        else:
            for one, outcome in zip(asked, outcomes, strict=True):
                give(one, outcome)

    async def attempt(self, asked: Sequence[Asked[I, O]]) -> list[Answer[O] | Exception]:
        for _ in range(CONFLICT_TRIES - 1):
            try:
                return await self.commit(asked)
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
                continue
        return await self.commit(asked)

    async def commit(self, asked: Sequence[Asked[I, O]]) -> list[Answer[O] | Exception]:
        outcomes: list[Answer[O] | Exception | None] = [None] * len(asked)
        async with self.db.transaction() as tx:
            await self.claim(tx, asked, outcomes)
            fresh = [n for n, outcome in enumerate(outcomes) if outcome is None]
            if fresh:
                tx.origins = [asked[n].origin for n in fresh]
                results = await self.door.command(tx, [asked[n].item for n in fresh])
                for n, result in zip(fresh, results, strict=True):
                    outcomes[n] = result if isinstance(result, Refusal) else Answer(result)
                await self.store(tx, [(asked[n].key, outcomes[n]) for n in fresh])
            await failpoints.reach("batch.before_commit")
        return [outcome for outcome in outcomes if outcome is not None]

    async def claim(self, tx: Tx, asked: Sequence[Asked[I, O]], outcomes: list[Answer[O] | Exception | None]) -> None:
        """Settles replays. Advisory locks are re-entrant: a key repeated inside the batch is dropped here."""
        first: dict[tuple[str, str], int] = {}
        for n, one in enumerate(asked):
            if one.key is None:
                continue
            if (one.key.principal, one.key.key) in first:
                outcomes[n] = RequestInProgress(retry_after_seconds=1)
            else:
                first[one.key.principal, one.key.key] = n
        if not first:
            return
        keyed = [(n, key) for n in first.values() if (key := asked[n].key) is not None]
        verdicts = await idempotency.claim(tx, [key for _, key in keyed])
        for (n, _), verdict in zip(keyed, verdicts, strict=True):
            if isinstance(verdict, Stored):
                outcomes[n] = Answer(None, verdict.resource_id) if verdict.resource_id else Replay(verdict)
            else:
                outcomes[n] = verdict

    async def store(self, tx: Tx, answers: Sequence[tuple[Key | None, Any]]) -> None:
        kept = []
        for key, outcome in answers:
            if key is None:
                continue
            if isinstance(outcome, Refusal):
                if idempotency.storable(outcome.status):
                    body = orjson.dumps(problem_of(outcome), default=str)
                    kept.append((key, Stored(outcome.status, {"content-type": MEDIA_TYPE}, body)))
            elif self.door.resource_id is not None:
                kept.append((key, Stored(CREATED, {}, b"", self.door.resource_id(outcome.value))))
        if kept:
            await idempotency.store(tx, kept)


def give(asked: Asked[Any, Any], outcome: Answer[Any] | Exception) -> None:
    if asked.future.done():
        return
    if isinstance(outcome, Exception):
        asked.future.set_exception(outcome)
    else:
        asked.future.set_result(outcome)
