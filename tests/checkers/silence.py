"""Does a page say what is going on, and not what somebody hopes?"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """`at`: seconds since it was cut off."""

    at: float
    is_ready: bool
    state: str


def untrue(looks: Iterable[Look], *, grace: float) -> int:
    """How often it was said that all is well, longer than `grace` after it was not."""
    return sum(one.at > grace and (one.is_ready or one.state == "running") for one in looks)
