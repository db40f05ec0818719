"""Was everything that was sent done, once, and in order?"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Id = Hashable


@dataclass(frozen=True, slots=True)
class Verdict:
    """All zero: the promise holds."""

    lost: int
    invented: int
    doubled: int
    inversions: int

    @property
    def holds(self) -> bool:
        return not (self.lost or self.invented or self.doubled or self.inversions)


def exactly_once(sent: Iterable[Id], done: Iterable[Id]) -> tuple[int, int, int]:
    """(lost, invented, doubled): sent and not done; done and never sent; done more than once."""
    wanted, counts = set(sent), Counter(done)
    return len(wanted - counts.keys()), len(counts.keys() - wanted), sum(count - 1 for count in counts.values())


def inversions(seen: Iterable[tuple[str, int]]) -> int:
    """How often a key's sequence went back at first sight; repeats of what was seen are no inversion."""
    last: dict[str, int] = {}
    known: set[tuple[str, int]] = set()
    count = 0
    for key, seq in seen:
        if (key, seq) in known:
            continue
        known.add((key, seq))
        if seq < last.get(key, 0):
            count += 1
        last[key] = max(seq, last.get(key, 0))
    return count


def verdict(sent: Sequence[tuple[str, int]], done: Sequence[tuple[str, int]]) -> Verdict:
    """Of (key, seq) pairs; `done` in the order in which it happened."""
    lost, invented, doubled = exactly_once(sent, done)
    return Verdict(lost, invented, doubled, inversions(done))


def stale(seen: Iterable[tuple[str, int]]) -> int:
    """Repeats of what was seen that came after something newer of their key: only an inbox keeps them harmless."""
    last: dict[str, int] = {}
    known: set[tuple[str, int]] = set()
    count = 0
    for key, seq in seen:
        count += (key, seq) in known and seq < last[key]
        known.add((key, seq))
        last[key] = max(seq, last.get(key, 0))
    return count


def renamed(seen: Iterable[tuple[tuple[str, int], Id]]) -> int:
    """Of ((key, seq), event id): how many came again under another id, which no inbox would notice."""
    ids: dict[tuple[str, int], set[Id]] = {}
    for number, event_id in seen:
        ids.setdefault(number, set()).add(event_id)
    return sum(len(found) - 1 for found in ids.values())


def gaps(sequences: Mapping[str, Iterable[int]]) -> dict[str, list[int]]:
    """Numbers that are missing per key, from 1 to the highest."""
    found = {}
    for key, numbers in sequences.items():
        there = set(numbers)
        if missing := [n for n in range(1, max(there, default=0) + 1) if n not in there]:
            found[key] = missing
    return found
