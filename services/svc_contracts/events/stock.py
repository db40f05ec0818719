"""stock.events: what inventory-svc decided and what the warehouses did."""

from typing import ClassVar, Literal

from svc_contracts.events.base import At, Event, Part, Quantity, Sku
from svc_contracts.events.order import Shortage
from svc_contracts.topics import STOCK, Topic


class StockReply(Event):
    """About one order; keyed by it, so replies and parcels of an order keep their order."""

    topic: ClassVar[Topic] = STOCK
    key_field: ClassVar[str] = "order_id"

    order_id: str
    attempt: int = 1


class Allocation(Part):
    line_id: str
    sku: Sku
    warehouse: str
    quantity: Quantity


class StockReserved(StockReply):
    type: ClassVar[str] = "stock.reserved"

    allocations: list[Allocation]


class StockRefused(StockReply):
    type: ClassVar[str] = "stock.refused"

    shortages: list[Shortage]


class StockReleased(StockReply):
    type: ClassVar[str] = "stock.released"

    allocations: list[Allocation] = []


class ShippedLine(Part):
    line_id: str
    quantity: Quantity


class StockReleaseRefused(StockReply):
    """Parcels have left: the order cannot be cancelled any more."""

    type: ClassVar[str] = "stock.release_refused"

    shipped_lines: list[ShippedLine]


class FulfilmentEvent(Event):
    topic: ClassVar[Topic] = STOCK
    key_field: ClassVar[str] = "order_id"

    order_id: str
    fulfilment_id: str
    warehouse: str
    at: At


class FulfilmentAccepted(FulfilmentEvent):
    type: ClassVar[str] = "fulfilment.accepted"


class FulfilmentRejected(FulfilmentEvent):
    type: ClassVar[str] = "fulfilment.rejected"

    reason: str


class ShipmentEvent(FulfilmentEvent):
    shipment_id: str
    carrier: str | None = None
    tracking_no: str | None = None
    lines: list[ShippedLine]


class ShipmentShipped(ShipmentEvent):
    type: ClassVar[str] = "shipment.shipped"


class ShipmentDelivered(ShipmentEvent):
    type: ClassVar[str] = "shipment.delivered"


class WarehouseChanged(Event):
    topic: ClassVar[Topic] = STOCK
    type: ClassVar[str] = "warehouse.changed"
    key_field: ClassVar[str] = "code"

    code: str
    kind: Literal["own", "store", "supplier", "virtual"]
    region: str
    priority: int
    channels: list[str]
    cut_off: str
    handling_hours: int
    calendar: str
    time_zone: str = "Asia/Shanghai"
    state: Literal["active", "closed"]


class LevelEvent(Event):
    topic: ClassVar[Topic] = STOCK

    sku: Sku
    warehouse: str

    @property
    def key(self) -> str:
        return f"{self.sku}@{self.warehouse}"


class StockLevelChanged(LevelEvent):
    """A state, not a fact per order: at most one per level and second, at once when the class changes."""

    type: ClassVar[str] = "stock.level_changed"
    key_field: ClassVar[str] = "sku"

    on_hand: int
    available: int
    availability: Literal["in_stock", "low", "sold_out"]
    at: At


class StockAlertOpened(LevelEvent):
    type: ClassVar[str] = "stock.alert_opened"
    key_field: ClassVar[str] = "sku"

    kind: Literal["low", "out", "over", "stale", "deficit"]
    at: At


class StockAlertClosed(LevelEvent):
    type: ClassVar[str] = "stock.alert_closed"
    key_field: ClassVar[str] = "sku"

    kind: Literal["low", "out", "over", "stale", "deficit"]
    at: At
