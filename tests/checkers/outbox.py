"""Has every change its event, every event its change; and did anybody wait for what was none of his business?"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """A committed row of state. `token` is of this attempt alone: what was rolled back had another."""

    key: str
    seq: int
    token: str


@dataclass(frozen=True, slots=True)
class Told:
    """An event somewhere on its way, or arrived."""

    event_id: str
    change: Change


@dataclass(frozen=True, slots=True)
class Pairing:
    """All zero: no event without its state, no state without its event, none twice."""

    silent: int
    invented: int
    doubled: int


def paired(changes: Iterable[Change], events: Iterable[Told]) -> Pairing:
    """An event may be found several times (sent again, archived again): it is one as long as its id is one."""
    ids: defaultdict[Change, set[str]] = defaultdict(set)
    for event in events:
        ids[event.change].add(event.event_id)
    there = set(changes)
    return Pairing(
        silent=len(there - ids.keys()),
        invented=len(ids.keys() - there),
        doubled=sum(len(found) - 1 for found in ids.values()),
    )


@dataclass(frozen=True, slots=True)
class Passage:
    """When an event was committed and when it was sent for the first time."""

    key: str
    committed: float
    sent: float


def longest_wait(passages: Iterable[Passage], *, but: Iterable[str] = ()) -> float:
    """Of all keys `but` these; 0 where there are none."""
    spared = set(but)
    return max((one.sent - one.committed for one in passages if one.key not in spared), default=0.0)


def waited_for(passages: Iterable[Passage], *, until: float, patience: float, but: Iterable[str] = ()) -> int:
    """Events of other keys that were there `patience` seconds before that moment and left only after it."""
    spared = set(but)
    return sum(one.committed < until - patience and one.sent >= until for one in passages if one.key not in spared)


def passed_by(left: Iterable[tuple[object, int]]) -> int:
    """Of (moment, place) in the order of moments: how many left after a later place had, at an earlier moment. Whoever
    reads by a cursor never sees them.
    """
    count, highest, moment, of_moment = 0, -1, None, -1
    for at, place in left:
        if at != moment:
            highest, moment, of_moment = max(highest, of_moment), at, -1
        count += place < highest
        of_moment = max(of_moment, place)
    return count
