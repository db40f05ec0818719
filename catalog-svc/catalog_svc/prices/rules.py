"""Price lists: who may have which price, and when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ListState = Literal["draft", "active", "scheduled", "inactive"]
TRAVELLING: frozenset[str] = frozenset({"active", "scheduled"})  # a scheduled one's window keeps it from winning early

LISTS_PER_SHOP_MAX = 10  # with 100 variants an offer stays under the 256 KiB of an event
FIRST_POSITION = 1_000  # room above the first list for those that should win over it


@dataclass(frozen=True, slots=True)
class Rules:
    """No rules admit everybody."""

    match: Literal["all", "any"] = "all"
    channels: tuple[str, ...] = ()
    member_levels: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    quantity_min: int | None = None
    quantity_max: int | None = None


@dataclass(frozen=True, slots=True)
class PriceList:
    """The first matching list by `position` wins."""

    id: str
    shop: str
    name: str
    position: int
    state: ListState
    rules: Rules
    from_at: datetime | None
    until_at: datetime | None
    created_at: datetime
    version: int
