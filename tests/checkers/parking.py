"""Do keys that wait for a person hold up nobody else?"""

from collections.abc import Mapping, Sequence
from statistics import mean


def share(without: Sequence[float], with_poison: Sequence[float]) -> float:
    """How much of its work one consumer did while its twin, who saw no poison, did all of it. The moments of each
    event, in seconds; both begin with their first.
    """
    span = max(without) - min(without)
    return sum(one - min(with_poison) <= span for one in with_poison) / len(without)


def isolation(told: Mapping[str, float], parked: Mapping[str, float]) -> tuple[float, float]:
    """(mean, longest) seconds from a key's first poison to its parking; for ever where it was never parked."""
    waits = [parked.get(key, float("inf")) - at for key, at in told.items()]
    return (mean(waits), max(waits)) if waits else (0.0, 0.0)


def astray(wanted: set[str], parked: set[str]) -> int:
    """Keys that wait although nothing is wrong with them, and keys that do not although they should."""
    return len(wanted ^ parked)
