"""While something is away, every request gets its answer: what it asked for, or a refusal that says so."""

from collections.abc import Collection, Iterable

# overloaded, upstream-unavailable (503), deadline-exceeded (504), storage-full (507)
PASSING = frozenset({503, 504, 507})


def unclean(answers: Iterable[tuple[int | None, str | None]], also: Collection[int] = ()) -> int:
    """`answers`: (status, type of the problem); None where nothing came, or no problem. `also`: refusals that are
    right here.
    """
    count = 0
    for status, problem in answers:
        good = status is not None and 200 <= status < 300
        refused = status in PASSING or status in also
        count += not (good or (refused and problem is not None))
    return count


def untrue(told: Iterable[str], there: Collection[str]) -> int:
    """What somebody was told is done, and is not there."""
    return len(set(told) - set(there))
