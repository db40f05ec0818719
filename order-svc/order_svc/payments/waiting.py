"""Buyers who wait for the outcome of their payment."""

import re

from order_svc.payments import store
from order_svc.payments.rules import Attempt
from order_svc.waiting import Rooms

WAIT_SECONDS_MAX = 10.0
WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?=$|[,;\s])", re.IGNORECASE)

OPEN_ATTEMPTS: Rooms[Attempt] = Rooms(store.ended_attempts)


def waited_seconds(prefer: str | None, *, usual: float) -> float:
    """`Prefer: wait=N` (RFC 7240 §4.3), as far as we go along; what cannot be read is no preference."""
    found = WAIT.search(prefer or "")
    return min(float(found.group(1)), WAIT_SECONDS_MAX) if found else usual
