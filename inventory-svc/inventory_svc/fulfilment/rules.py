"""What a warehouse does with a confirmed order, step by step, and what it may do next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

ACCEPT_WITHIN = timedelta(hours=4)  # then somebody should ask the warehouse what is the matter
CLOCK_SKEW = timedelta(minutes=5)  # how far ahead a carrier's clock may be


class FulfilmentState(StrEnum):
    ISSUED = "issued"
    ACCEPTED = "accepted"
    PICKING = "picking"
    DONE = "done"
    REJECTED = "rejected"
    RECALLED = "recalled"


class ShipmentState(StrEnum):
    OPEN = "open"
    PICKING = "picking"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


Action = Literal["accept", "reject", "pick", "pack", "ship", "deliver", "recall"]

FULFILMENT: Mapping[tuple[FulfilmentState, Action], FulfilmentState] = {
    (FulfilmentState.ISSUED, "accept"): FulfilmentState.ACCEPTED,
    (FulfilmentState.ISSUED, "reject"): FulfilmentState.REJECTED,
    (FulfilmentState.ACCEPTED, "reject"): FulfilmentState.REJECTED,
    (FulfilmentState.ACCEPTED, "pick"): FulfilmentState.PICKING,
    (FulfilmentState.PICKING, "pack"): FulfilmentState.PICKING,
    (FulfilmentState.PICKING, "ship"): FulfilmentState.DONE,
    (FulfilmentState.DONE, "deliver"): FulfilmentState.DONE,
    (FulfilmentState.ISSUED, "recall"): FulfilmentState.RECALLED,
    (FulfilmentState.ACCEPTED, "recall"): FulfilmentState.RECALLED,
    (FulfilmentState.PICKING, "recall"): FulfilmentState.RECALLED,
    (FulfilmentState.REJECTED, "recall"): FulfilmentState.RECALLED,
}

# A shipment is opened by `accept`; rejecting and recalling cancel it.
SHIPMENT: Mapping[tuple[ShipmentState, Action], ShipmentState] = {
    (ShipmentState.OPEN, "pick"): ShipmentState.PICKING,
    (ShipmentState.PICKING, "pack"): ShipmentState.PACKED,
    (ShipmentState.PACKED, "ship"): ShipmentState.SHIPPED,
    (ShipmentState.SHIPPED, "deliver"): ShipmentState.DELIVERED,
    (ShipmentState.OPEN, "reject"): ShipmentState.CANCELLED,
    (ShipmentState.OPEN, "recall"): ShipmentState.CANCELLED,
    (ShipmentState.PICKING, "recall"): ShipmentState.CANCELLED,
    (ShipmentState.PACKED, "recall"): ShipmentState.CANCELLED,
}

PACKABLE = frozenset({FulfilmentState.ACCEPTED, FulfilmentState.PICKING})  # only they may read where it goes


@dataclass(frozen=True, slots=True)
class Line:
    line_id: str
    sku: str
    quantity: int
    per_unit: int


@dataclass(slots=True)
class Shipment:
    id: str
    fulfilment_id: str
    state: ShipmentState
    scans: dict[str, int] = field(default_factory=dict)
    weight_g: int | None = None
    carrier: str | None = None
    tracking_no: str | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    version: int = 1


@dataclass(slots=True)
class Fulfilment:
    id: str
    order_id: str
    warehouse: str
    state: FulfilmentState
    lines: tuple[Line, ...]
    address_ref: str
    ship_by: datetime
    accept_by: datetime
    issued_at: datetime
    reason: str | None = None
    version: int = 1
    shipments: list[Shipment] = field(default_factory=list)

    @property
    def shipment(self) -> Shipment | None:
        """The one shipment of a fulfilment (splitting comes later), once it was accepted."""
        return self.shipments[-1] if self.shipments else None

    @property
    def units(self) -> dict[str, int]:
        """{line: units of the line in this parcel}; of a bundle's components, any one tells."""
        return {line.line_id: line.quantity // line.per_unit for line in self.lines}


def may(fulfilment: Fulfilment, action: Action) -> bool:
    """Whether both tables allow the action."""
    if (fulfilment.state, action) not in FULFILMENT:
        return False
    return fulfilment.shipment is None or (fulfilment.shipment.state, action) in SHIPMENT


def possible(fulfilment: Fulfilment) -> list[str]:
    """What staff may do next; recalling is the order's business."""
    return [
        action
        for state, action in FULFILMENT
        if state == fulfilment.state and action != "recall" and may(fulfilment, action)
    ]


def required(lines: Iterable[Line]) -> dict[str, int]:
    """{sku: units to pick}."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


@dataclass(frozen=True, slots=True)
class Mismatch:
    sku: str
    required: int
    scanned: int


def mismatches(lines: Iterable[Line], scans: Mapping[str, int], *, complete: bool) -> list[Mismatch]:
    """Wrong and surplus scans; with `complete` also what is still missing."""
    wanted = required(lines)
    return [
        Mismatch(sku, wanted.get(sku, 0), scans.get(sku, 0))
        for sku in sorted({*wanted, *scans})
        if scans.get(sku, 0) > wanted.get(sku, 0) or (complete and scans.get(sku, 0) < wanted.get(sku, 0))
    ]
