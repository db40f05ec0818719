"""Were buyers told the truth about the stock?"""

from collections.abc import Iterable, Mapping


def unsold_while_refusing(free: Mapping[str, int], refused: Iterable[tuple[str, int]]) -> int:
    """How many refusals asked for no more than what is free in the end: false "sold out".

    Only for runs whose stock is neither added to nor given back after the last refusal.
    """
    return sum(wanted <= free.get(sku, 0) for sku, wanted in refused)
