"""Buyers who wait for the decision about their order: woken by a commit here, else found by one shared query."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from order_svc.orders.rules.order import Order
from order_svc.orders.store import orders as store
from svc_kit.transaction import Database
from svc_kit.trouble import TROUBLE

# The decision of another process wakes nobody here: those who have waited for so long are asked for together.
LOOK_AFTER_SECONDS = 0.03
LOOK_EVERY_SECONDS = 0.01


@dataclass(slots=True)
class Waiter:
    order_id: str
    since: float
    event: asyncio.Event = field(default_factory=asyncio.Event)
    order: Order | None = None


class Room:
    """Everybody who waits in this process."""

    def __init__(self, db: Database) -> None:
        self.waiters: dict[str, list[Waiter]] = {}
        self.looking: asyncio.Task[None] | None = None

    def enter(self, db: Database, order_id: str) -> Waiter:
        waiter = Waiter(order_id, db.clock.monotonic())
        self.waiters.setdefault(order_id, []).append(waiter)
        if self.looking is None or self.looking.done():
            self.looking = asyncio.create_task(self._look(db))
        return waiter

    def leave(self, waiter: Waiter) -> None:
        left = self.waiters[waiter.order_id]
        left.remove(waiter)
        if not left:
            del self.waiters[waiter.order_id]

    async def _look(self, db: Database) -> None:
        """One query for all, as long as somebody waits."""
        while self.waiters:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            late = db.clock.monotonic() - LOOK_AFTER_SECONDS
            ids = [name for name, some in self.waiters.items() if any(one.since <= late for one in some)]
            if not ids:
                continue
            try:
                async with db.read() as con:
                    decided = await store.decided(con, ids)
            except TROUBLE:
                continue  # those who wait have their own end
            for order_id in decided:
                for waiter in self.waiters.get(order_id, ()):
                    waiter.event.set()


_rooms: "WeakKeyDictionary[Database, Room]" = WeakKeyDictionary()


def room_of(db: Database) -> Room:
    if (room := _rooms.get(db)) is None:
        room = _rooms[db] = Room(db)
    return room


def wake(db: Database, decided: Sequence[Order]) -> None:
    """After the commit: each order as it was decided."""
    if (room := _rooms.get(db)) is None:
        return
    for order in decided:
        for waiter in room.waiters.get(order.id, ()):
            waiter.order = order
            waiter.event.set()
