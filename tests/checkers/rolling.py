"""What clients saw while processes were replaced, and how the work was shared before."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

# Of every kind of request, what has to be answered.
WANTED = {"page": {200}, "quote": {201}, "cart": {201}, "checkout": {201, 202}, "order": {200}}


def failed(asked: Iterable[tuple[str, int | None]]) -> int:
    """`asked`: (kind, status), None where no whole answer came."""
    return sum(status not in WANTED[kind] for kind, status in asked)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many of them do not exceed. Raises ValueError for no values."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def least_share(parts: Collection[int]) -> float:
    """Of what all have, what the poorest has. 0 where there is nothing, or only one who could have it."""
    whole = sum(parts)
    return min(parts) / whole if whole and len(parts) > 1 else 0.0


def lost_or_undecided(accepted: Iterable[str], statuses: Mapping[str, str]) -> int:
    """Orders that somebody was promised and that are not there, or that nobody has decided about."""
    return sum(statuses.get(order_id, "placed") == "placed" for order_id in accepted)
