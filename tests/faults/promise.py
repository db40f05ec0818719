"""A promise, the run that tries to break it, and the figures it prints."""

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, TypeVar

from tests.rig.servers import Ground, ground
from tests.rig.suite import Suite, suite

T = TypeVar("T")
Needs = Literal["ground", "suite", "ground of its own", "suite of its own"]


class Form(Enum):
    """How much of it: seconds within `make test`, minutes within `make faults`, the row as it is written in a soak."""

    TEST = "test"
    SHORT = "short"
    SOAK = "soak"

    def pick(self, *, test: T, short: T, soak: T) -> T:
        return {Form.TEST: test, Form.SHORT: short, Form.SOAK: soak}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    figure: str
    value: float
    target: str
    holds: bool


def none(figure: str, count: int) -> Finding:
    """Not one, or the promise is broken."""
    return Finding(figure, count, "= 0", count == 0)


def exactly(figure: str, value: float, wanted: float) -> Finding:
    return Finding(figure, value, f"= {wanted:g}", value == wanted)


def at_most(figure: str, value: float, bound: float) -> Finding:
    return Finding(figure, round(value, 3), f"≤ {bound:g}", value <= bound)


def at_least(figure: str, value: float, bound: float) -> Finding:
    return Finding(figure, round(value, 3), f"≥ {bound:g}", value >= bound)


def told(figure: str, value: float) -> Finding:
    """No promise, but worth knowing (how many faults, how many duplicates, how long)."""
    return Finding(figure, round(value, 3), "told", True)


@dataclass(slots=True)
class Stage:
    """What a run stands on. `say` shows progress; the same seed draws the same from `chance`."""

    form: Form
    seed: int
    on: Any
    say: Callable[[str], None]
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    @property
    def ground(self) -> Ground:
        assert isinstance(self.on, Ground)
        return self.on

    @property
    def suite(self) -> Suite:
        assert isinstance(self.on, Suite)
        return self.on


@dataclass(frozen=True, slots=True)
class Promise:
    """`waits`: its run mostly waits, so it may go on beside others. `replicas`: service → processes, `settings` of
    every service: for a suite of its own.
    """

    number: str
    words: str
    needs: Needs
    run: Callable[[Stage], Awaitable[Sequence[Finding]]]
    waits: bool = False
    replicas: tuple[tuple[str, int], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    # In the form for `make test`; False where the shortest honest form takes too long there.
    in_tests: bool = True


@contextmanager
def standing_on(promise: Promise) -> Iterator[Any]:
    """Servers, or a suite, for this promise alone."""
    on_ground = promise.needs.startswith("ground")
    made: AbstractContextManager[Any]
    made = ground() if on_ground else suite(dict(promise.settings), **dict(promise.replicas))
    with made as on:
        yield on
