"""The one object that every command gets, and the pool it comes from. Events leave with the transaction."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg

from svc_contracts.events import Event
from svc_contracts.ids import Ids
from svc_kit import failpoints, outbox
from svc_kit.clock import Clock

if TYPE_CHECKING:
    from svc_kit.consumer import Received

POOL_SIZE = 8
# A frozen process must not hold locks for longer (kit.md §11).
SESSION_SETTINGS = {
    "idle_in_transaction_session_timeout": "5000",
    "statement_timeout": "10000",
    "lock_timeout": "4000",
    "jit": "off",
}
# What a command does with a handful of keys has one good plan, whatever their number. Left to choose, PostgreSQL plans
# most of its statements anew each time where the handfuls are small: 0.8 ms per order of a single buyer.
BEGIN = "BEGIN;"
BEGIN_PLANNED = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan"
# An outbox is emptied as fast as it fills: what PostgreSQL remembers of its size is always wrong, and it would read the
# whole file of dead rows in each pass. The index on the key passes over the dead, and has the order already.
RELAY_SETTINGS = SESSION_SETTINGS | {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "plan_cache_mode": "force_generic_plan",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. kind: staff | customer | partner | system."""

    kind: str
    id: str


SYSTEM = Actor("system", "system")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked for one item of a batch, and in which request."""

    actor: Actor
    correlation_id: str | None
    traceparent: str | None


class EmitRefused(RuntimeError):
    """A projecting handler emitted: its transaction may vanish with a crash, its events would not."""


@dataclass(slots=True)
class Tx:
    """An open transaction. `con` is the raw connection: set-based SQL. `now` was read once, when it began."""

    con: "asyncpg.Connection[asyncpg.Record]"
    now: datetime
    ids: Ids
    actor: Actor
    db: "Database"
    may_emit: bool = True
    origins: Sequence[Origin] = ()
    pending: list[outbox.Pending] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)

    def emit(
        self,
        event: Event,
        *,
        seq: int,
        benefits: bool | None = None,
        cause: "Received | None" = None,
        by: Origin | None = None,
    ) -> None:
        """Remembers the event; the door writes all of them with one INSERT just before the commit.

        seq: the `event_seq` of the key's locked row, raised by the command. cause: the consumed event behind it.
        by: behind a batched door, `tx.origins[n]` of the n-th item.
        """
        if not self.may_emit:
            raise EmitRefused(event.type)
        self.pending.append(outbox.Pending(event, seq, benefits, cause, by))

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """A savepoint: what fails in it is as if it had not been, and the transaction goes on."""
        events, calls = len(self.pending), len(self.after)
        try:
            async with self.con.transaction():
                yield
        except BaseException:
            del self.pending[events:], self.after[calls:]
            raise

    def after_commit(self, call: Callable[[], None]) -> None:
        """In this process only, and only when the commit succeeded: wake a waiter, drop a cache entry."""
        self.after.append(call)


# asyncpg's classes take no parameters at run time.
if TYPE_CHECKING:
    _Plain = asyncpg.Connection[asyncpg.Record]
else:
    _Plain = asyncpg.Connection


class Connection(_Plain):
    """Goes back to the pool as it is: what we set is local to a transaction, so there is nothing to reset (asyncpg
    would ask the server for it each time: a round trip per transaction).
    """

    def get_reset_query(self) -> str:
        return ""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """Transactions begin with BEGIN_PLANNED, in the same round trip."""
        return await super().execute(BEGIN_PLANNED if query == BEGIN else query, *args, timeout=timeout)


class Database:
    """One pool, and one connection for the relay. `wake` is set after each commit that left events: the relay of this
    process waits for it; so does `announce`, for relays of other processes, where it is listened to; `effects_wake` for
    calls to the outside. `lanes_left` is set when a relay of another process went.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        relay_pool: "asyncpg.Pool[asyncpg.Record]",
        *,
        url: str,
        source: str,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self.pool = pool
        self.relay_pool = relay_pool
        self.url = url
        self.source = source
        self.clock = clock
        self.ids = ids
        self.wake = asyncio.Event()
        self.effects_wake = asyncio.Event()
        self.announce = asyncio.Event()
        self.lanes_left = asyncio.Event()
        self.timeline = 1

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, source: str, clock: Clock, ids: Ids, size: int = POOL_SIZE
    ) -> "AsyncIterator[Database]":
        pool = await _pool(url, SESSION_SETTINGS, source, least=1, most=size)
        relay_pool = await _pool(url, RELAY_SETTINGS, source, least=0, most=1)
        try:
            yield cls(pool, relay_pool, url=url, source=source, clock=clock, ids=ids)
        finally:
            for each in (pool, relay_pool):
                try:
                    await asyncio.wait_for(each.close(), timeout=5)
                except TimeoutError:
                    each.terminate()

    @asynccontextmanager
    async def transaction(
        self, *, actor: Actor = SYSTEM, may_emit: bool = True, lazily: bool = False, by_range: bool = False
    ) -> AsyncIterator[Tx]:
        """Commits on the way out, with every emitted event; any exception rolls back. lazily: the commit may be lost
        with a crash (never with a rollback): only for what is rebuilt from the topics. by_range: its statements look at
        spans of time or of values, so each is planned for those it is given.
        """
        async with self.pool.acquire() as con:
            async with con.transaction():
                if by_range:
                    await con.execute("SET LOCAL plan_cache_mode = auto")
                if lazily:
                    await con.execute("SET LOCAL synchronous_commit = off")
                tx = Tx(con, self.clock.now(), self.ids, actor, self, may_emit)  # type: ignore[arg-type]
                yield tx
                if tx.pending:
                    await outbox.insert(con, tx.pending, tx, timeline=self.timeline)
                await failpoints.reach("transaction.before_commit")
            await failpoints.reach("transaction.after_commit")
        if tx.pending:
            self.wake.set()
            self.announce.set()
        for call in tx.after:
            call()

    @asynccontextmanager
    async def read(self) -> "AsyncIterator[asyncpg.Connection[Any]]":
        """A connection without a transaction."""
        async with self.pool.acquire() as con:
            yield con  # type: ignore[misc]

    @asynccontextmanager
    async def relaying(self) -> "AsyncIterator[asyncpg.Connection[Any]]":
        """The relay's own connection: see RELAY_SETTINGS."""
        async with self.relay_pool.acquire() as con:
            yield con  # type: ignore[misc]


async def _pool(
    url: str, settings: dict[str, str], source: str, *, least: int, most: int
) -> "asyncpg.Pool[asyncpg.Record]":
    return await asyncpg.create_pool(
        url,
        connection_class=Connection,
        min_size=least,
        max_size=most,
        server_settings=settings | {"application_name": source},
        max_inactive_connection_lifetime=300.0,
    )
