"""What a consumer decides, apart from what it does: pure, so that the simulator decides as production does."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, Protocol, TypeVar

TRIES_BEFORE_PARKING = 3
SYSTEMATIC_KEYS = 20
SYSTEMATIC_SECONDS = 60.0
# One type that fails on so many keys without one success is a bug, not poison.
SYSTEMATIC_KEYS_OF_A_TYPE = 5


class Systematic(Exception):
    """Too much is going wrong: the consumer stops and says so."""


class Keyed(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def offset(self) -> int: ...


class Identified(Keyed, Protocol):
    @property
    def event_id(self) -> Hashable: ...


T = TypeVar("T")
K = TypeVar("K", bound=Keyed)
I = TypeVar("I", bound=Identified)  # noqa: E741
P = TypeVar("P", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Standing(Generic[K, P]):
    """`ahead`: where their partitions stand afterwards. `astray`: partitions to be sought again."""

    mine: list[K]
    ahead: dict[P, int]
    astray: set[P]


def standing(
    records: Sequence[K], place_of: Callable[[K], P], *, stored: Mapping[P, int], pos: Mapping[P, int]
) -> Standing[K, P]:
    """Only partitions whose first record is exactly what the database and our own position expect: equality, not ≤,
    or a failed seek after a restore would skip in silence.
    """
    first: dict[P, int] = {}
    ahead: dict[P, int] = {}
    for record in records:
        place = place_of(record)
        first.setdefault(place, record.offset)
        ahead[place] = record.offset + 1
    astray = {place for place, offset in first.items() if not stored.get(place) == offset == pos.get(place)}
    mine = [record for record in records if place_of(record) not in astray]
    return Standing(mine, {place: offset for place, offset in ahead.items() if place not in astray}, astray)


def torn(held: Iterable[K], polled: Iterable[K], place_of: Callable[[K], P]) -> set[P]:
    """Places whose next records do not follow what is held of them: the client stands elsewhere meanwhile, where the
    broker remembered (a share was taken away and given back).
    """
    ends = {place_of(record): record.offset + 1 for record in held}
    found: set[P] = set()
    for record in polled:
        if (end := ends.pop(place_of(record), None)) is not None and record.offset != end:
            found.add(place_of(record))
    return found


def to_seek(stored: Mapping[P, int], pos: Mapping[P, int]) -> dict[P, int]:
    """Where we stand elsewhere than the database says, or nowhere yet."""
    return {place: offset for place, offset in stored.items() if pos.get(place) != offset}


def first_of_each(records: Iterable[I], new_ids: Collection[Hashable]) -> list[I]:
    """Each event that the inbox had not, once, in order."""
    first: dict[Hashable, I] = {}
    for record in records:
        if record.event_id in new_ids:
            first.setdefault(record.event_id, record)
    return list(first.values())


def apart(records: Iterable[K], parked: Collection[str]) -> tuple[list[K], list[K]]:
    """(those that flow, those that go behind their parked key)"""
    flowing: list[K] = []
    behind: list[K] = []
    for record in records:
        (behind if record.key in parked else flowing).append(record)
    return flowing, behind


class Next(Enum):
    """After a failed transaction."""

    WAIT = "wait"  # passing trouble: the same again, for ever
    HALVE = "halve"  # find the offender
    AGAIN = "again"
    PARK = "park"


def after_failure(count: int, tries: int, *, is_passing: bool) -> Next:
    """`count`: records of the failed transaction."""
    if is_passing:
        return Next.WAIT
    if count > 1:
        return Next.HALVE
    return Next.AGAIN if tries < TRIES_BEFORE_PARKING else Next.PARK


def halves(items: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    """Of two or more."""
    middle = len(items) // 2
    return items[:middle], items[middle:]


def around(records: Iterable[I], bad: Collection[Hashable]) -> tuple[list[I], list[I], list[I]]:
    """(those that flow, the bad ones, those that go behind them because their key does)"""
    flowing: list[I] = []
    sick: list[I] = []
    later: list[I] = []
    keys: set[str] = set()
    for record in records:
        if record.key in keys:
            later.append(record)
        elif record.event_id in bad:
            sick.append(record)
            keys.add(record.key)
        else:
            flowing.append(record)
    return flowing, sick, later


@dataclass(slots=True)
class Failures:
    """What has been parked lately. A success of a type speaks for the type."""

    at: dict[str, float] = field(default_factory=dict)
    keys: dict[str, set[str]] = field(default_factory=dict)

    def note(self, kind: str, key: str, now: float) -> None:
        """Before a key is parked. Raises Systematic where that would only hide a bug."""
        self.at = {key: now, **{one: at for one, at in self.at.items() if one != key and now - at < SYSTEMATIC_SECONDS}}
        failing = self.keys.setdefault(kind, set())
        failing.add(key)
        if len(failing) >= SYSTEMATIC_KEYS_OF_A_TYPE:
            raise Systematic(f"{kind} failed on {len(failing)} keys without one success")
        if len(self.at) > SYSTEMATIC_KEYS:
            raise Systematic(f"more than {SYSTEMATIC_KEYS} keys failed within {SYSTEMATIC_SECONDS:.0f} s")

    def forgive(self, kinds: Iterable[str]) -> None:
        for kind in kinds:
            self.keys.pop(kind, None)
