"""What a relay decides, apart from what it does: pure, so that the simulator decides as production does."""

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from svc_kit.outbox import LANES

LEASE_SECONDS = 5.0
# No new send in the last 40 % of a lease.
SEND_WITHIN_SECONDS = 3.0
BACKOFF_FIRST_SECONDS = 0.05
BACKOFF_LAST_SECONDS = 5.0


R = TypeVar("R")
P = TypeVar("P", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A lane whose batch failed; it comes back when its time is over (monotonic seconds)."""

    until: float
    tries: int


def fair_share(living: int) -> int:
    """Lanes for each of so many relays; together never fewer than there are."""
    return math.ceil(LANES / max(1, living))


def has_lost_lease(now: float, beat_at: float) -> bool:
    """Others may have taken the lanes meanwhile. `beat_at`: when the last successful heartbeat began."""
    return now - beat_at > LEASE_SECONDS


def may_send(now: float, beat_at: float) -> bool:
    return now - beat_at < SEND_WITHIN_SECONDS


def sendable(lanes: Mapping[int, int], stopped: Mapping[int, Stopped], now: float) -> dict[int, int]:
    """Lane → epoch of those that do not wait."""
    return {lane: epoch for lane, epoch in lanes.items() if lane not in stopped or stopped[lane].until <= now}


def by_partition(rows: Iterable[R], partition_of: Callable[[R], P]) -> dict[P, list[R]]:
    """Rows keep their order: the next batch of a partition leaves only when the last was acknowledged."""
    parts: dict[P, list[R]] = {}
    for row in rows:
        parts.setdefault(partition_of(row), []).append(row)
    return parts


def after_pass(
    stopped: Mapping[int, Stopped],
    rows: Sequence[Mapping[str, Any]],
    acknowledged: Collection[int],
    *,
    now: float,
    jitter: Callable[[], float],
) -> dict[int, Stopped]:
    """Only the lanes of unacknowledged rows wait, each longer than before. `jitter`: 0.5 to 1."""
    failed = {row["lane"] for row in rows if row["id"] not in acknowledged}
    served = {row["lane"] for row in rows} - failed
    kept = {lane: state for lane, state in stopped.items() if lane not in served}
    for lane in sorted(failed):
        tries = kept[lane].tries + 1 if lane in kept else 1
        wait = min(BACKOFF_FIRST_SECONDS * 2**tries, BACKOFF_LAST_SECONDS)
        kept[lane] = Stopped(now + wait * jitter(), tries)
    return kept
