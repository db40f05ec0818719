"""The arithmetic of stock: what each movement does to the counters, what may be promised, when to tell."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

COUNTERS = ("on_hand", "reserved", "prelocked", "damaged", "quality_hold", "incoming")
Availability = Literal["in_stock", "low", "sold_out"]
AlertKind = Literal["low", "out", "deficit"]

ANNOUNCE_EVERY = timedelta(seconds=1)  # a level is a state, not a fact per order
HYSTERESIS_BP = 2_000  # an alert closes a fifth of the reorder point above where it opened


class MovementKind(StrEnum):
    RECEIVED = "received"
    ORDERED = "ordered"
    ORDERED_BACK = "ordered_back"
    RESERVED = "reserved"
    RELEASED = "released"
    SHIPPED = "shipped"
    PRELOCKED = "prelocked"
    UNLOCKED = "unlocked"
    DAMAGED = "damaged"
    RESTORED = "restored"
    QUARANTINED = "quarantined"
    CLEARED = "cleared"
    WRITTEN_OFF = "written_off"
    ADJUSTED = "adjusted"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"


# For every level, always: the sum over its movements of a column of these signs is that counter.
SIGNS: Mapping[MovementKind, Mapping[str, int]] = {
    MovementKind.RECEIVED: {"on_hand": 1},
    MovementKind.ORDERED: {"incoming": 1},
    MovementKind.ORDERED_BACK: {"incoming": -1},
    MovementKind.RESERVED: {"reserved": 1},
    MovementKind.RELEASED: {"reserved": -1},
    MovementKind.SHIPPED: {"on_hand": -1, "reserved": -1},
    MovementKind.PRELOCKED: {"prelocked": 1},
    MovementKind.UNLOCKED: {"prelocked": -1},
    MovementKind.DAMAGED: {"damaged": 1},
    MovementKind.RESTORED: {"damaged": -1},
    MovementKind.QUARANTINED: {"quality_hold": 1},
    MovementKind.CLEARED: {"quality_hold": -1},
    MovementKind.WRITTEN_OFF: {"on_hand": -1, "damaged": -1},
    MovementKind.ADJUSTED: {"on_hand": 1},  # the quantity itself is signed
    MovementKind.TRANSFER_OUT: {"on_hand": -1},
    MovementKind.TRANSFER_IN: {"on_hand": 1},
}
ORDERED_RECEIPT_SIGNS: Mapping[str, int] = {"on_hand": 1, "incoming": -1}

# Only these may find less than was promised; everything else must keep within what is there.
RAISE_DEFICIT = frozenset({MovementKind.ADJUSTED, MovementKind.DAMAGED, MovementKind.WRITTEN_OFF})


class CauseKind(StrEnum):
    RECEIPT = "receipt"
    PURCHASE_RECEIPT = "purchase_receipt"
    ADJUSTMENT = "adjustment"
    ORDER = "order"
    SHIPMENT = "shipment"


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the ledger; `quantity` > 0, signed only for adjusted."""

    key: str
    kind: MovementKind
    quantity: int
    cause_kind: CauseKind
    cause_id: str
    line: str
    reason: str | None = None

    @property
    def signs(self) -> Mapping[str, int]:
        """The column signs of this movement; a receipt against a purchase order also lowers incoming."""
        if self.kind is MovementKind.RECEIVED and self.cause_kind is CauseKind.PURCHASE_RECEIPT:
            return ORDERED_RECEIPT_SIGNS
        return SIGNS[self.kind]


@dataclass(frozen=True, slots=True)
class Level:
    """A locked stock level: counters, settings, and what was last told about it."""

    key: str
    on_hand: int = 0
    reserved: int = 0
    prelocked: int = 0
    damaged: int = 0
    quality_hold: int = 0
    incoming: int = 0
    safety_stock: int = 0
    reorder_point: int = 0
    backorder_limit: int = 0
    deficit: int = 0
    version: int = 0
    event_seq: int = 0
    announced_on_hand: int | None = None
    announced_available: int | None = None
    announced_availability: str | None = None
    announced_at: datetime | None = None
    announce_pending: bool = False
    alert_low: bool = False
    alert_out: bool = False
    alert_deficit: bool = False

    @property
    def sku(self) -> str:
        return self.key.rpartition("@")[0]

    @property
    def warehouse(self) -> str:
        return self.key.rpartition("@")[2]

    @property
    def available(self) -> int:
        return self.on_hand - self.damaged - self.quality_hold - self.reserved - self.prelocked - self.safety_stock

    @property
    def sellable(self) -> int:
        """What may still be promised: available units and what may be sold before it is there."""
        return self.available + self.backorder_limit

    @property
    def short_by(self) -> int:
        """How much more was promised than the goods and the back-order limit allow."""
        good = self.on_hand - self.damaged - self.quality_hold
        return max(0, self.reserved + self.prelocked - good - self.backorder_limit)

    @property
    def availability(self) -> Availability:
        if self.sellable <= 0:
            return "sold_out"
        return "low" if self.available <= self.reorder_point else "in_stock"


def level_key(sku: str, warehouse: str) -> str:
    """The key of a level in rows, locks and events; neither part can contain the sign between them."""
    return f"{sku}@{warehouse}"


def deltas(movements: Iterable[Movement]) -> dict[str, dict[str, int]]:
    """What the movements together do to the counters of each level."""
    sums: dict[str, dict[str, int]] = {}
    for movement in movements:
        level = sums.setdefault(movement.key, {})
        for counter, sign in movement.signs.items():
            level[counter] = level.get(counter, 0) + sign * movement.quantity
    return sums


def applied(level: Level, delta: Mapping[str, int], *, may_raise_deficit: bool) -> Level:
    """The level after the movements. A deficit heals by itself and grows only where that is allowed."""
    after = replace(level, **{counter: getattr(level, counter) + change for counter, change in delta.items()})
    deficit = after.short_by if may_raise_deficit else min(level.deficit, after.short_by)
    return after if deficit == after.deficit else replace(after, deficit=deficit)


@dataclass(frozen=True, slots=True)
class Telling:
    """What a change of a level makes us say, and what the row then remembers."""

    level: Level
    changed: bool = False
    opened: tuple[AlertKind, ...] = ()
    closed: tuple[AlertKind, ...] = ()
    due_at: datetime | None = None

    @property
    def event_count(self) -> int:
        return self.changed + len(self.opened) + len(self.closed)


def tell(level: Level, now: datetime) -> Telling:
    """At once where the class changed or a second has passed; else once, when that second is over."""
    low, out, deficit = open_alerts(level)
    before = {"low": level.alert_low, "out": level.alert_out, "deficit": level.alert_deficit}
    after = {"low": low, "out": out, "deficit": deficit}
    kinds: tuple[AlertKind, ...] = ("low", "out", "deficit")
    opened = tuple(kind for kind in kinds if after[kind] and not before[kind])
    closed = tuple(kind for kind in kinds if before[kind] and not after[kind])
    if opened or closed:
        level = replace(level, alert_low=low, alert_out=out, alert_deficit=deficit)
    changed, due_at = _announcing(level, now)
    if changed:
        level = replace(
            level,
            announced_on_hand=level.on_hand,
            announced_available=level.available,
            announced_availability=level.availability,
            announced_at=now,
        )
    if due_at is not None:
        level = replace(level, announce_pending=True)
    events = changed + len(opened) + len(closed)
    if events:
        level = replace(level, event_seq=level.event_seq + events)
    return Telling(level, changed, opened, closed, due_at)


def _announcing(level: Level, now: datetime) -> tuple[bool, datetime | None]:
    if level.announced_at is None:
        return True, None
    told = (level.announced_on_hand, level.announced_available, level.announced_availability)
    if told == (level.on_hand, level.available, level.availability):
        return False, None
    if level.availability != level.announced_availability or now - level.announced_at >= ANNOUNCE_EVERY:
        return True, None
    return False, None if level.announce_pending else level.announced_at + ANNOUNCE_EVERY


def open_alerts(level: Level) -> tuple[bool, bool, bool]:
    """Which of (low, out, deficit) stand open; an open one closes only a margin above where it opened."""
    margin = max(1, level.reorder_point * HYSTERESIS_BP // 10_000)
    low_until = level.reorder_point + margin if level.alert_low else level.reorder_point
    low = level.reorder_point > 0 and level.available <= low_until
    out = level.sellable < margin if level.alert_out else level.sellable <= 0
    return low, out, level.deficit > 0
