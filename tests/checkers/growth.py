"""Does a process hold more and more? Medians of two windows, for a single look may meet a peak."""

from collections.abc import Mapping, Sequence
from statistics import median

Samples = Sequence[tuple[float, float]]
WINDOW_SECONDS = 10.0


def growth(samples: Samples, *, warm_at: float) -> float:
    """`samples`: (seconds, bytes). How much more it was in the last ten seconds than in the ten around `warm_at`: 0.05
    is five percent. Raises ValueError where a window is empty.
    """
    last = max((at for at, _ in samples), default=0.0)
    warm = [held for at, held in samples if abs(at - warm_at) <= WINDOW_SECONDS / 2]
    end = [held for at, held in samples if at > last - WINDOW_SECONDS]
    if not warm or not end or last - WINDOW_SECONDS < warm_at:
        raise ValueError("the samples do not reach from the warm-up to the end")
    return median(end) / median(warm) - 1.0


def most_growth(of_all: Mapping[str, Samples], *, warm_at: float) -> tuple[str, float]:
    """Whose, and how much."""
    found = {name: growth(samples, warm_at=warm_at) for name, samples in of_all.items()}
    name = max(found, key=lambda one: found[one])
    return name, found[name]
