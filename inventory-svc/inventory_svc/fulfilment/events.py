"""Which step in the warehouse becomes which event."""

from datetime import datetime

from inventory_svc.fulfilment.rules import Action, Fulfilment
from svc_contracts.events import Event
from svc_contracts.events.stock import (
    FulfilmentAccepted,
    FulfilmentRejected,
    ShipmentDelivered,
    ShipmentShipped,
    ShippedLine,
)


def event_of(fulfilment: Fulfilment, action: Action, at: datetime) -> Event | None:
    """Picking and packing concern nobody outside."""
    about = {
        "order_id": fulfilment.order_id,
        "fulfilment_id": fulfilment.id,
        "warehouse": fulfilment.warehouse,
        "at": at,
    }
    match action:
        case "accept":
            return FulfilmentAccepted.model_validate(about)
        case "reject":
            return FulfilmentRejected.model_validate({**about, "reason": fulfilment.reason})
        case "ship":
            return ShipmentShipped.model_validate({**about, **_parcel(fulfilment)})
        case "deliver":
            return ShipmentDelivered.model_validate({**about, **_parcel(fulfilment)})
        case _:
            return None


def _parcel(fulfilment: Fulfilment) -> dict[str, object]:
    shipment = fulfilment.shipment
    lines = [ShippedLine(line_id=line, quantity=units) for line, units in fulfilment.units.items()]
    if shipment is None:
        raise ValueError(f"{fulfilment.id} has no shipment")
    return {
        "shipment_id": shipment.id,
        "carrier": shipment.carrier,
        "tracking_no": shipment.tracking_no,
        "lines": lines,
    }
