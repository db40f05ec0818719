"""Does the stock add up: levels, reservations, movements, and what buyers were told?"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LevelSeen:
    key: str
    on_hand: int
    reserved: int
    backorder_limit: int = 0
    deficit: int = 0


@dataclass(frozen=True, slots=True)
class Drift:
    """`what` is wrong at `key`, by how much."""

    key: str
    what: str
    by: int


def drift(levels: Collection[LevelSeen], live: Mapping[str, int], moved: Mapping[str, int]) -> list[Drift]:
    """Σ live reservations = Σ of the movements' signs = reserved ≤ on_hand + back-order limit + deficit, per level."""
    found = []
    for level in levels:
        if by := live.get(level.key, 0) - level.reserved:
            found.append(Drift(level.key, "reservations differ from reserved", by))
        if by := moved.get(level.key, 0) - level.reserved:
            found.append(Drift(level.key, "movements differ from reserved", by))
        if (over := level.reserved - level.on_hand - level.backorder_limit - level.deficit) > 0:
            found.append(Drift(level.key, "oversold", over))
        if level.on_hand < 0:
            found.append(Drift(level.key, "below zero", -level.on_hand))
    known = {level.key for level in levels}
    found += [
        Drift(key, "reserved without a level", units) for key, units in live.items() if units and key not in known
    ]
    return found


def unsold_while_refusing(free: Mapping[str, int], refused: Iterable[tuple[str, int]]) -> int:
    """How many refusals asked for no more than what is free in the end: false "sold out".

    Only for runs whose stock is neither added to nor given back after the last refusal.
    """
    return sum(wanted <= free.get(sku, 0) for sku, wanted in refused)
