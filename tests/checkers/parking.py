"""Do keys that wait for a person hold up nobody else?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean


@dataclass(frozen=True, slots=True)
class Race:
    """Two consumers of the same events, begun at the same moment: the moments of each event that both had to do."""

    without: Sequence[float]
    with_poison: Sequence[float]

    @property
    def seconds(self) -> tuple[float, float]:
        """Until the last of them was done, by who saw no poison and by who did."""
        begin = min(min(self.without), min(self.with_poison))
        return max(self.without) - begin, max(self.with_poison) - begin


def pace_kept(races: Sequence[Race]) -> float:
    """Throughput with poison ÷ without it, over all of them."""
    without = sum(race.seconds[0] for race in races)
    with_poison = sum(race.seconds[1] for race in races)
    return without / with_poison


def isolation(told: Mapping[str, float], parked: Mapping[str, float]) -> tuple[float, float]:
    """(mean, longest) seconds from a key's first poison to its parking; for ever where it was never parked."""
    waits = [parked.get(key, float("inf")) - at for key, at in told.items()]
    return (mean(waits), max(waits)) if waits else (0.0, 0.0)


def astray(wanted: set[str], parked: set[str]) -> int:
    """Keys that wait although nothing is wrong with them, and keys that do not although they should."""
    return len(wanted ^ parked)
