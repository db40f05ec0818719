"""Promised against answered, line by line. Pure.

`…` inside a promised line stands for any text of that line (an id, a time); a line of nothing but `…` stands for any
number of lines, also none. Blank lines at both ends and blanks at the ends of lines do not count.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ANY = "…"


@dataclass(frozen=True, slots=True)
class Difference:
    """`line` counts the answered lines from 1. `promised`: what could have stood there; `answered` None: it ended."""

    line: int
    promised: tuple[str, ...]
    answered: str | None


def difference(promised: Iterable[str], answered: str) -> Difference | None:
    """Where the answer first leaves what was promised; None where it does not."""
    wanted, lines = trimmed(promised), trimmed(answered.splitlines())
    states = _with_gaps_skipped({0}, wanted)
    for number, line in enumerate(lines, start=1):
        after = {n if _is_gap(wanted[n]) else n + 1 for n in states if n < len(wanted) and _matches(wanted[n], line)}
        if not after:
            return Difference(number, _named(states, wanted), line)
        states = _with_gaps_skipped(after, wanted)
    if len(wanted) in states:
        return None
    return Difference(len(lines) + 1, _named(states, wanted), None)


def trimmed(lines: Iterable[str]) -> list[str]:
    found = [line.rstrip() for line in lines]
    while found and not found[0]:
        del found[0]
    while found and not found[-1]:
        del found[-1]
    return found


def _matches(promised: str, line: str) -> bool:
    if _is_gap(promised):
        return True
    return re.fullmatch(".*?".join(re.escape(part) for part in promised.split(ANY)), line) is not None


def _is_gap(promised: str) -> bool:
    return promised.strip() == ANY


def _with_gaps_skipped(states: set[int], wanted: Sequence[str]) -> set[int]:
    found = set(states)
    for n in range(len(wanted)):
        if n in found and _is_gap(wanted[n]):
            found.add(n + 1)
    return found


def _named(states: set[int], wanted: Sequence[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(wanted[n] for n in sorted(states) if n < len(wanted) and not _is_gap(wanted[n])))
    return found or ("(nothing more)",)
