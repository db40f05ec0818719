"""Was what carried one Idempotency-Key done once, and was everybody told the same?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

REUSED = "/problems/idempotency-key-reused"


@dataclass(frozen=True, slots=True)
class Sent:
    """One send: its key, which of the bodies it had, what was answered (None: nothing came). `made`: what it names."""

    key: str
    body: str
    status: int | None
    problem: str | None = None
    made: str | None = None

    @property
    def is_taken(self) -> bool:
        """The service owned to having done, or refused, just this."""
        return self.made is not None

    @property
    def is_open(self) -> bool:
        """Nothing follows from it: no answer, busy, in trouble."""
        return self.status is None or self.status >= 500 or (self.status == 409 and not self.is_taken)


def doubled(effects: Mapping[str, int]) -> int:
    return sum(max(0, count - 1) for count in effects.values())


def missing(sends: Iterable[Sent], effects: Mapping[str, int]) -> int:
    """Keys of which somebody was told that it is done, and it is not."""
    return len({one.key for one in sends if one.is_taken and not effects.get(one.key)})


def told_apart(sends: Iterable[Sent]) -> int:
    """Keys whose answers name different things."""
    named: dict[str, set[str]] = {}
    for one in sends:
        if one.made is not None:
            named.setdefault(one.key, set()).add(one.made)
    return sum(len(names) > 1 for names in named.values())


def mistaken(sends: Iterable[Sent], winners: Mapping[str, str]) -> int:
    """Answers that should have been others: the body that was done (`winners`: key → body) is never refused as another
    one, and any other body always is.
    """
    count = 0
    for one in sends:
        if one.is_open:
            continue
        refused = one.status == 422 and one.problem == REUSED
        count += refused if winners.get(one.key) == one.body else not refused
    return count
