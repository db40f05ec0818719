"""Which warehouse gives what to whom: decided in memory over locked levels, all of an order or nothing of it."""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from inventory_svc.stock.rules import CauseKind, Movement, MovementKind
from svc_contracts.events import Event
from svc_contracts.events.order import OrderConfirmed, OrderPlaced, PlacedLine, Shortage
from svc_contracts.events.stock import (
    Allocation,
    ShippedLine,
    StockRefused,
    StockReleased,
    StockReleaseRefused,
    StockReserved,
)


class Outcome(StrEnum):
    RESERVED = "reserved"
    REFUSED = "refused"
    RELEASED = "released"


class ReservationState(StrEnum):
    RESERVED = "reserved"
    PICKED = "picked"
    SHIPPED = "shipped"
    RELEASED = "released"


LIVE = frozenset({ReservationState.RESERVED, ReservationState.PICKED})

TRANSITIONS: Mapping[tuple[ReservationState, str], ReservationState] = {
    (ReservationState.RESERVED, "pick"): ReservationState.PICKED,
    (ReservationState.PICKED, "ship"): ReservationState.SHIPPED,
    (ReservationState.RESERVED, "release"): ReservationState.RELEASED,
    (ReservationState.PICKED, "release"): ReservationState.RELEASED,
}


@dataclass(frozen=True, slots=True)
class Reserved:
    """Units held for a line in one warehouse; `per_unit`: how many of them one unit of the line needs."""

    order_id: str
    line_id: str
    sku: str
    warehouse: str
    quantity: int
    per_unit: int
    state: ReservationState = ReservationState.RESERVED

    @property
    def key(self) -> str:
        return f"{self.sku}@{self.warehouse}"

    @property
    def units(self) -> int:
        """In units of the order's line: a bundle counts once however many components it has."""
        return self.quantity // self.per_unit


def parts_of(line: PlacedLine) -> dict[str, int]:
    """What one unit of the line takes from the shelf: {sku: how many}."""
    if not line.components:
        return {line.sku: 1}
    parts: dict[str, int] = {}
    for component in line.components:
        parts[component.sku] = parts.get(component.sku, 0) + component.quantity
    return parts


def demand_of(lines: Iterable[PlacedLine]) -> dict[str, int]:
    """What the whole order takes, bundles exploded, summed per sku before anything is checked."""
    demand: dict[str, int] = {}
    for line in lines:
        for sku, per_unit in parts_of(line).items():
            demand[sku] = demand.get(sku, 0) + per_unit * line.quantity
    return demand


def allot(
    order_id: str, lines: Sequence[PlacedLine], serving: Sequence[str], free: MutableMapping[str, int]
) -> tuple[list[Reserved], list[Shortage]]:
    """All that the order needs, or every shortage. Takes from `free` ({level key: sellable}) only if nothing is short.

    One warehouse that has everything comes first (one parcel), then the first that has the whole line, then what
    there is in order of priority; bundles only in whole multiples.
    """
    demand = demand_of(lines)
    for warehouse in serving:
        if all(free.get(f"{sku}@{warehouse}", 0) >= wanted for sku, wanted in demand.items()):
            whole = [held for line in lines for held in _hold(order_id, line, warehouse, line.quantity)]
            for sku, wanted in demand.items():
                free[f"{sku}@{warehouse}"] -= wanted
            return whole, []
    return _split(order_id, lines, serving, free)


def _split(
    order_id: str, lines: Sequence[PlacedLine], serving: Sequence[str], free: MutableMapping[str, int]
) -> tuple[list[Reserved], list[Shortage]]:
    left = {f"{sku}@{w}": free.get(f"{sku}@{w}", 0) for sku in demand_of(lines) for w in serving}
    held: list[Reserved] = []
    shortages: list[Shortage] = []
    # Bundles need their parts in one warehouse, single goods do not: whoever is harder to please chooses first.
    for line in sorted(lines, key=lambda line: not line.components):
        parts = parts_of(line)
        missing = line.quantity
        whole = [w for w in serving if _units_there(parts, w, left) >= missing][:1]
        for warehouse in whole or serving:
            units = min(missing, _units_there(parts, warehouse, left))
            if units > 0:
                held += _hold(order_id, line, warehouse, units)
                for sku, per_unit in parts.items():
                    left[f"{sku}@{warehouse}"] -= per_unit * units
                missing -= units
        if missing:
            got = line.quantity - missing
            shortages.append(Shortage(line_id=line.line_id, sku=line.sku, wanted=line.quantity, available=got))
    if shortages:
        return [], shortages
    free.update({key: units for key, units in left.items() if key in free})
    return held, []


def _units_there(parts: Mapping[str, int], warehouse: str, left: Mapping[str, int]) -> int:
    return max(0, min(left.get(f"{sku}@{warehouse}", 0) // per_unit for sku, per_unit in parts.items()))


def _hold(order_id: str, line: PlacedLine, warehouse: str, units: int) -> list[Reserved]:
    return [
        Reserved(order_id, line.line_id, sku, warehouse, per_unit * units, per_unit)
        for sku, per_unit in parts_of(line).items()
    ]


def shipped_units(held: Iterable[Reserved]) -> dict[str, int]:
    """{line: units that have left}; of a bundle's components, any one tells."""
    seen: dict[tuple[str, str], int] = {}
    for one in held:
        if one.state is ReservationState.SHIPPED:
            seen[(one.line_id, one.warehouse)] = one.units
    units: dict[str, int] = {}
    for (line_id, _), count in seen.items():
        units[line_id] = units.get(line_id, 0) + count
    return units


class NothingReserved(ValueError):
    """An order was confirmed that we never promised anything to: somebody has a bug."""


@dataclass(slots=True)
class StockOrder:
    """What is decided for one order, as its locked row says and as this batch changes it."""

    order_id: str
    attempt: int
    outcome: Outcome | None  # None: not decided before this batch
    event_seq: int = 0
    shortages: list[Shortage] = field(default_factory=list)
    issued: bool = False
    held: list[Reserved] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Issue:
    """A confirmed order that the warehouses are to be told about."""

    order_id: str
    address_ref: str
    ship_by: datetime
    held: tuple[Reserved, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """An event with its `seq` and the place in the batch of what led to it."""

    event: Event
    seq: int
    because: int


@dataclass(slots=True)
class Desk:
    """One batch over locked rows: decisions are taken here in order of arrival, and written down afterwards."""

    orders: dict[str, StockOrder]
    serving: Mapping[str, Sequence[str]]  # channel → warehouses, the first to be asked first
    free: dict[str, int]  # level key → what may still be promised
    movements: list[Movement] = field(default_factory=list)
    reserved: list[Reserved] = field(default_factory=list)
    released: set[str] = field(default_factory=set)
    issues: dict[str, Issue] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)

    def place(self, event: OrderPlaced, *, because: int) -> None:
        """Decide afresh where nothing stands or a higher attempt follows a refusal; else say again what stands."""
        order = self.orders[event.order_id]
        asked_again = order.outcome is Outcome.REFUSED and event.attempt > order.attempt
        if order.outcome is None or asked_again:
            self._decide(order, event)
        order.attempt = max(order.attempt, event.attempt)
        self._say(order, because)

    def end(self, order_id: str, *, again_is_news: bool, because: int) -> None:
        """Give back what was held unless something has left; remembered even where nothing was ever asked."""
        order = self.orders[order_id]
        if order.outcome is Outcome.RELEASED:
            if again_is_news:
                self._say(order, because)
            return
        if shipped := shipped_units(order.held):
            lines = [ShippedLine(line_id=line, quantity=units) for line, units in sorted(shipped.items())]
            self._emit(
                order, StockReleaseRefused(order_id=order_id, attempt=order.attempt, shipped_lines=lines), because
            )
            return
        live = [one for one in order.held if one.state in LIVE]
        for one in live:
            self.free[one.key] = self.free.get(one.key, 0) + one.quantity
            self.movements.append(_movement(one, MovementKind.RELEASED))
        order.held = [replace(one, state=ReservationState.RELEASED) for one in order.held]
        order.outcome = Outcome.RELEASED
        self.released.add(order_id)
        self.issues.pop(order_id, None)
        self._emit(
            order, StockReleased(order_id=order_id, attempt=order.attempt, allocations=_allocations(live)), because
        )

    def confirm(self, event: OrderConfirmed) -> None:
        """Tell the warehouses, once; a cancellation that came first wins. Raises NothingReserved."""
        order = self.orders.get(event.order_id)
        if order is None or order.outcome in (None, Outcome.REFUSED):
            raise NothingReserved(event.order_id)
        if order.outcome is Outcome.RESERVED and not order.issued:
            order.issued = True
            self.issues[order.order_id] = Issue(
                order.order_id, event.address_ref, event.promise.ship_by, tuple(order.held)
            )

    def _decide(self, order: StockOrder, event: OrderPlaced) -> None:
        held, order.shortages = allot(order.order_id, event.lines, self.serving.get(event.channel, ()), self.free)
        order.held = held
        order.outcome = Outcome.REFUSED if order.shortages else Outcome.RESERVED
        self.reserved += held
        self.movements += [_movement(one, MovementKind.RESERVED) for one in held]

    def _say(self, order: StockOrder, because: int) -> None:
        about: dict[str, object] = {"order_id": order.order_id, "attempt": order.attempt}
        event: Event
        if order.outcome is Outcome.REFUSED:
            event = StockRefused.model_validate({**about, "shortages": order.shortages})
        elif order.outcome is Outcome.RESERVED:
            event = StockReserved.model_validate({**about, "allocations": _allocations(order.held)})
        else:
            event = StockReleased.model_validate({**about, "allocations": _allocations(order.held)})
        self._emit(order, event, because)

    def _emit(self, order: StockOrder, event: Event, because: int) -> None:
        order.event_seq += 1
        self.said.append(Said(event, order.event_seq, because))


def _movement(one: Reserved, kind: MovementKind) -> Movement:
    return Movement(one.key, kind, one.quantity, CauseKind.ORDER, one.order_id, one.line_id)


def _allocations(held: Iterable[Reserved]) -> list[Allocation]:
    return [
        Allocation(line_id=one.line_id, sku=one.sku, warehouse=one.warehouse, quantity=one.quantity) for one in held
    ]
