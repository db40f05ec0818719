"""Were buyers told the truth about the stock?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


def unsold_while_refusing(free: Mapping[str, int], refused: Iterable[Mapping[str, int]]) -> int:
    """How many refusals asked for no more than what is free in the end ({sku: units} each): false "sold out".

    Only for runs whose stock is neither added to nor given back after the first refusal.
    """
    return sum(all(units <= free.get(sku, 0) for sku, units in wanted.items()) for wanted in refused)


@dataclass(frozen=True, slots=True)
class Moved:
    """A row of the ledger: what it does to the counters of its level."""

    key: str
    kind: str
    changes: Mapping[str, int]


def oversold(ledger: Iterable[Moved]) -> int:
    """How many promises, at the moment they were made, were of more than lay there. In the order of the ledger; for
    levels that allow no back-orders. What a count or damage takes away afterwards is no promise.
    """
    levels: dict[str, dict[str, int]] = {}
    count = 0
    for row in ledger:
        level = levels.setdefault(row.key, {})
        for counter, change in row.changes.items():
            level[counter] = level.get(counter, 0) + change
        if row.kind in ("reserved", "prelocked"):
            good = level.get("on_hand", 0) - level.get("damaged", 0) - level.get("quality_hold", 0)
            count += level.get("reserved", 0) + level.get("prelocked", 0) > good
    return count
