"""What the other services said about orders, a batch at once."""

from collections.abc import Sequence

from order_svc.orders.commands import book
from order_svc.orders.rules import parcels, saga
from order_svc.orders.rules.order import Case
from order_svc.orders.store import details
from svc_contracts.events import Event
from svc_contracts.events.campaign import BenefitsLocked, BenefitsRefused, BenefitsReleased, BenefitsUsed
from svc_contracts.events.stock import (
    FulfilmentAccepted,
    FulfilmentRejected,
    ShipmentDelivered,
    ShipmentEvent,
    ShipmentShipped,
    StockRefused,
    StockReleased,
    StockReleaseRefused,
    StockReserved,
)
from svc_kit.consumer import Received
from svc_kit.transaction import Tx

HANDLED: tuple[type[Event], ...] = (
    StockReserved,
    StockRefused,
    StockReleased,
    StockReleaseRefused,
    BenefitsLocked,
    BenefitsRefused,
    BenefitsReleased,
    BenefitsUsed,
    FulfilmentAccepted,
    FulfilmentRejected,
    ShipmentShipped,
    ShipmentDelivered,
)


async def apply_replies(tx: Tx, events: Sequence[Received]) -> None:
    """In order of arrival over orders locked by id. What concerns no order of ours is let be."""
    cases = await book.open_cases(tx, {received.key for received in events})
    told = await _parcels(tx, [received.event for received in events if received.key in cases])
    causes: dict[str, list[Received]] = {order_id: [] for order_id in cases}
    for received in events:
        if (case := cases.get(received.key)) is not None:
            _apply(case, received.event, told)
            behind = causes[received.key]
            behind += [received] * (len(case.says) - len(behind))
    await book.close_cases(tx, list(cases.values()), causes=causes)


def _apply(case: Case, event: Event, fresh: "FreshParcels") -> None:
    match event:
        case StockReserved():
            saga.stock_reserved(case, event.attempt, event.allocations)
        case StockRefused():
            saga.stock_refused(case, event.attempt, event.shortages)
        case StockReleased():
            saga.stock_released(case)
        case StockReleaseRefused():
            saga.release_refused(case)
        case BenefitsLocked():
            saga.benefits_locked(case, event.attempt)
        case BenefitsRefused():
            saga.benefits_refused(case, event.attempt, event.items)
        case BenefitsReleased():
            saga.benefits_released(case)
        case BenefitsUsed():
            saga.benefits_used(case)
        case FulfilmentAccepted():
            parcels.fulfilment_accepted(case, event.fulfilment_id)
        case FulfilmentRejected():
            parcels.fulfilment_rejected(case, event.fulfilment_id, event.reason)
        case ShipmentShipped() if fresh.take("shipped", event):
            parcels.shipped(case, event.shipment_id, _units(event))
        case ShipmentDelivered():
            # The word of its leaving may be late: what has arrived has left.
            if fresh.take("shipped", event):
                parcels.shipped(case, event.shipment_id, _units(event))
            if fresh.take("delivered", event):
                parcels.delivered(case, event.shipment_id, _units(event))


def _units(event: ShipmentEvent) -> int:
    return sum(line.quantity for line in event.lines)


class FreshParcels:
    """What was not known of parcels before this batch; each piece of news is taken once."""

    def __init__(self, shipped: set[tuple[str, str]], delivered: set[tuple[str, str]]) -> None:
        self.news = {("shipped", *one) for one in shipped} | {("delivered", *one) for one in delivered}

    def take(self, what: str, event: ShipmentEvent) -> bool:
        name = (what, event.order_id, event.shipment_id)
        if name not in self.news:
            return False
        self.news.remove(name)
        return True


async def _parcels(tx: Tx, events: Sequence[Event]) -> FreshParcels:
    told: dict[tuple[str, str], ShipmentShipped | ShipmentDelivered] = {}
    for event in events:
        match event:
            case ShipmentShipped():
                told[event.order_id, event.shipment_id] = event  # it alone says when the parcel left
            case ShipmentDelivered():
                told.setdefault((event.order_id, event.shipment_id), event)
    if not told:
        return FreshParcels(set(), set())
    shipped = await details.keep_parcels(tx.con, list(told.values()))
    arrived = [event for event in events if isinstance(event, ShipmentDelivered)]
    delivered = await details.mark_delivered(tx.con, arrived) if arrived else set()
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for n, news in enumerate((shipped, delivered)):
        for name in news:
            for line in told[name].lines:
                there = counts.get((name[0], line.line_id), (0, 0))
                counts[name[0], line.line_id] = (there[0] + line.quantity * (1 - n), there[1] + line.quantity * n)
    if counts:
        await details.count_units(
            tx.con, [(order_id, line_id, *units) for (order_id, line_id), units in sorted(counts.items())]
        )
    return FreshParcels(shipped, delivered)
