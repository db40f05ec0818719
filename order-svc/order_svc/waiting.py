"""Requests that wait for what is decided elsewhere: woken by a commit of this process, else found by one query for all.

As long as this process decides by itself, the query is asked seldom; once another one's decision was found, often.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from svc_kit.transaction import Database
from svc_kit.trouble import TROUBLE

T = TypeVar("T")
# (con, names) → those of them that are decided, as they are now.
Decided = Callable[[Any, Sequence[str]], Awaitable[Mapping[str, T]]]


@dataclass(frozen=True, slots=True)
class Manner:
    """Whoever has waited for `after_seconds` is looked for, every `every_seconds`."""

    after_seconds: float
    every_seconds: float


SELDOM, OFTEN = Manner(0.25, 0.1), Manner(0.03, 0.01)
OFTEN_FOR_SECONDS = 60.0


@dataclass(slots=True)
class Waiter(Generic[T]):
    name: str
    since: float
    event: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: T | None = None

    async def within(self, seconds: float) -> T | None:
        """None when the time is up."""
        try:
            await asyncio.wait_for(self.event.wait(), seconds)
        except TimeoutError:
            return None
        return self.outcome


class Room(Generic[T]):
    """Everybody who waits in this process. Enter before what you wait for can happen, or a wake is missed."""

    def __init__(self, decided: Decided[T]) -> None:
        self.decided = decided
        self.waiters: dict[str, list[Waiter[T]]] = {}
        self.looking: asyncio.Task[None] | None = None
        self.often_until = 0.0

    def enter(self, db: Database, name: str) -> Waiter[T]:
        waiter: Waiter[T] = Waiter(name, db.clock.monotonic())
        self.waiters.setdefault(name, []).append(waiter)
        if self.looking is None or self.looking.done():
            self.looking = asyncio.create_task(self._look(db))
        return waiter

    @contextmanager
    def entered(self, db: Database, name: str) -> Iterator[Waiter[T]]:
        waiter = self.enter(db, name)
        try:
            yield waiter
        finally:
            self.leave(waiter)

    def leave(self, waiter: Waiter[T]) -> None:
        left = self.waiters[waiter.name]
        left.remove(waiter)
        if not left:
            del self.waiters[waiter.name]

    def wake(self, outcomes: Mapping[str, T]) -> None:
        for name, outcome in outcomes.items():
            for waiter in self.waiters.get(name, ()):
                waiter.outcome = outcome
                waiter.event.set()

    async def _look(self, db: Database) -> None:
        """As long as somebody waits."""
        while self.waiters:
            manner = OFTEN if db.clock.monotonic() < self.often_until else SELDOM
            await asyncio.sleep(manner.every_seconds)
            late = db.clock.monotonic() - manner.after_seconds
            waiting = [one for some in self.waiters.values() for one in some if one.since <= late]
            names = {one.name for one in waiting if not one.event.is_set()}
            if not names:
                continue
            try:
                async with db.read() as con:
                    found = await self.decided(con, sorted(names))
            except TROUBLE:
                continue  # those who wait have their own end
            # Our own commit may be just about to wake them.
            await asyncio.sleep(OFTEN.every_seconds)
            if any(not one.event.is_set() for name in found for one in self.waiters.get(name, ())):
                self.often_until = db.clock.monotonic() + OFTEN_FOR_SECONDS
            self.wake(found)


class Rooms(Generic[T]):
    """One for each database."""

    def __init__(self, decided: Decided[T]) -> None:
        self.decided = decided
        self._rooms: WeakKeyDictionary[Database, Room[T]] = WeakKeyDictionary()

    def of(self, db: Database) -> Room[T]:
        if (room := self._rooms.get(db)) is None:
            room = self._rooms[db] = Room(self.decided)
        return room
