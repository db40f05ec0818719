"""Did each key's events happen in their order, for who watched them lie there and who saw when they were done?"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise


def holes(sequences: Mapping[str, Iterable[int]]) -> dict[str, list[int]]:
    """Numbers that are missing per key between the lowest and the highest: for who came in the middle."""
    found = {}
    for key, numbers in sequences.items():
        there = set(numbers)
        if missing := [n for n in range(min(there, default=0), max(there, default=0)) if n not in there]:
            found[key] = missing
    return found


def overtaken(taken: Iterable[tuple[str, int, datetime]]) -> int:
    """How many events of a key (key, seq, when) were done before an earlier one of it."""
    by_key: dict[str, list[tuple[int, datetime]]] = {}
    for key, seq, at in taken:
        by_key.setdefault(key, []).append((seq, at))
    count = 0
    for events in by_key.values():
        times = [at for _, at in sorted(events)]
        count += sum(later < earlier for earlier, later in pairwise(times))
    return count
