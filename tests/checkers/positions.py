"""Does a consumer ever stand elsewhere than where it has worked to?"""

from collections.abc import Hashable, Iterable, Mapping

Positions = Mapping[Hashable, int]


def gone_back(samples: Iterable[Positions]) -> int:
    """How often a partition's position was lower than before; in the order in which they were taken."""
    last: dict[Hashable, int] = {}
    count = 0
    for sample in samples:
        for place, offset in sample.items():
            count += offset < last.get(place, 0)
            last[place] = offset
    return count


def moved(before: Positions, after: Positions) -> int:
    """Partitions whose position is not what it was."""
    return sum(before.get(place) != after.get(place) for place in before.keys() | after.keys())
