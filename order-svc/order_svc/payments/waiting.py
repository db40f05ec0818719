"""Buyers who wait for the outcome of their payment: woken by the fold in this process, else they look themselves."""

import asyncio
import re
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from svc_kit.transaction import Database

# A fold in another process wakes nobody here.
LOOK_EVERY_SECONDS = 0.1

WAIT_SECONDS_MAX = 10.0
WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?=$|[,;\s])", re.IGNORECASE)

_waiting: "WeakKeyDictionary[Database, dict[str, list[asyncio.Event]]]" = WeakKeyDictionary()


class Bell:
    """Rings when this attempt was folded here. Hang it up before the first look, or a fold in between is missed."""

    def __init__(self, db: Database, attempt_id: str) -> None:
        self.bells = _waiting.setdefault(db, {})
        self.attempt_id = attempt_id
        self.event = asyncio.Event()

    def __enter__(self) -> "Bell":
        self.bells.setdefault(self.attempt_id, []).append(self.event)
        return self

    def __exit__(self, *_: object) -> None:
        hung = self.bells[self.attempt_id]
        hung.remove(self.event)
        if not hung:
            del self.bells[self.attempt_id]

    async def rung(self, within_seconds: float) -> None:
        """Returns at the latest when it is time to look."""
        try:
            await asyncio.wait_for(self.event.wait(), min(within_seconds, LOOK_EVERY_SECONDS))
        except TimeoutError:
            return
        self.event.clear()


def wake(db: Database, attempt_ids: Sequence[str]) -> None:
    hung = _waiting.get(db, {})
    for attempt_id in attempt_ids:
        for event in hung.get(attempt_id, ()):
            event.set()


def waited_seconds(prefer: str | None, *, usual: float) -> float:
    """`Prefer: wait=N` (RFC 7240 §4.3), as far as we go along; what cannot be read is no preference."""
    found = WAIT.search(prefer or "")
    return min(float(found.group(1)), WAIT_SECONDS_MAX) if found else usual
