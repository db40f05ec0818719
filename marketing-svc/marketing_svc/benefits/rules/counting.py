"""Counters: uses and money of a promotion, a coupon batch or a campaign. The ledger alone changes them."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"
    RETURN = "return"


# What an entry does to (used, locked) with its uses, and to (spent, reserved) with its money.
SIGNS: dict[Kind, tuple[int, int]] = {
    Kind.RESERVE: (0, 1),
    Kind.SETTLE: (1, -1),
    Kind.RELEASE: (0, -1),
    Kind.RETURN: (-1, 0),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the append-only ledger."""

    subject_id: str
    order_id: str
    attempt: int
    kind: Kind
    uses: int
    amount_minor: int


@dataclass(slots=True)
class Counter:
    """`cap` None: no limit of uses; `hard_cap_minor` None: no limit of money."""

    subject_id: str
    cap: int | None = None
    used: int = 0
    locked: int = 0
    hard_cap_minor: int | None = None
    reserved_minor: int = 0
    spent_minor: int = 0

    @property
    def taken(self) -> int:
        return self.used + self.locked

    @property
    def taken_minor(self) -> int:
        return self.reserved_minor + self.spent_minor

    @property
    def uses_left(self) -> int | None:
        return None if self.cap is None else self.cap - self.taken

    @property
    def money_left_minor(self) -> int | None:
        return None if self.hard_cap_minor is None else self.hard_cap_minor - self.taken_minor

    @property
    def is_full(self) -> bool:
        """Nothing more can be taken: derived, so that what is released is usable again."""
        return self.uses_left == 0 or self.money_left_minor == 0

    def has_use(self, uses: int = 1) -> bool:
        return self.uses_left is None or uses <= self.uses_left

    def has_money(self, amount_minor: int) -> bool:
        return self.money_left_minor is None or amount_minor <= self.money_left_minor

    def post(self, entry: Entry) -> None:
        used, locked = SIGNS[entry.kind]
        self.used += used * entry.uses
        self.locked += locked * entry.uses
        self.spent_minor += used * entry.amount_minor
        self.reserved_minor += locked * entry.amount_minor
