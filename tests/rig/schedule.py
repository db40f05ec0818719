"""Faults in time, from one seed: printed, and the same again for the same seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    at_seconds: float
    kind: str
    victim: str
    seconds: float  # how long it lasts, where it lasts

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at_seconds:6.1f} s  {self.kind} {self.victim}{lasting}"


@dataclass(frozen=True, slots=True)
class Kind:
    """`lasts`: bounds in seconds; (0, 0) for what is over at once."""

    name: str
    victims: tuple[str, ...]
    weight: int = 1
    lasts: tuple[float, float] = (0.0, 0.0)


def schedule(
    seed: int, kinds: Sequence[Kind], *, seconds: float, count: int, quiet_seconds: float = 1.0
) -> list[Fault]:
    """`count` faults spread over `seconds`, none in the last quiet seconds. Raises ValueError for no kinds."""
    if not kinds:
        raise ValueError("a schedule needs kinds of faults")
    chance = random.Random(seed)
    moments = sorted(chance.uniform(0.0, max(0.0, seconds - quiet_seconds)) for _ in range(count))
    chosen = chance.choices(kinds, weights=[kind.weight for kind in kinds], k=count)
    return [
        Fault(at, kind.name, chance.choice(kind.victims), chance.uniform(*kind.lasts) if kind.lasts[1] else 0.0)
        for at, kind in zip(moments, chosen, strict=True)
    ]
