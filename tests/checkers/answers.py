"""Did what buyers were told come true?"""

from collections.abc import Iterable, Mapping

ACCEPTED, UNDECIDED, REFUSED = 201, 202, 409


def untrue(told: Iterable[tuple[int | None, str | None]], statuses: Mapping[str, str]) -> int:
    """`told`: (status of the answer, the order it names); `statuses`: of the orders in the end. Accepted orders are
    never rejected, refused ones never anything else, and whatever was named is there.
    """
    count = 0
    for status, order_id in told:
        if order_id is None or status is None:
            continue
        is_rejected = statuses.get(order_id) == "rejected"
        known = order_id in statuses
        count += not known or (status == ACCEPTED and is_rejected) or (status == REFUSED and not is_rejected)
    return count
