"""order.events: the life of an order. Names and addresses never travel; `person_id` and the region do."""

from typing import Any, ClassVar, Literal

from svc_contracts.events.base import AmountMinor, At, Components, Event, Part, Quantity, Region, Sku
from svc_contracts.money import Currency
from svc_contracts.topics import ORDER, Topic


class OrderEvent(Event):
    """Header `ce_benefits` (0 or 1) rides on every event of this family: marketing decides only on 1."""

    topic: ClassVar[Topic] = ORDER
    key_field: ClassVar[str] = "order_id"

    order_id: str


class PlacedLine(Part):
    line_id: str
    sku: Sku
    product_id: str | None
    quantity: Quantity
    components: list[Components] = []
    gross_minor: AmountMinor
    discount_minor: AmountMinor
    net_minor: AmountMinor


class BenefitLine(Part):
    line_id: str
    amount_minor: AmountMinor


class Benefit(Part):
    promotion_id: str
    coupon_code: str | None = None
    amount_minor: AmountMinor
    lines: list[BenefitLine] = []


class OrderPlaced(OrderEvent):
    """Also sent again, with the next `attempt`, when a hold for short stock is released."""

    type: ClassVar[str] = "order.placed"

    attempt: int = 1
    number: int
    shop: str
    channel: str
    external_id: str | None = None
    person_id: str
    visitor_id: str | None = None
    session_id: str | None = None
    region: Region
    currency: Currency
    lines: list[PlacedLine]
    delivery_fee_minor: AmountMinor
    total_minor: AmountMinor
    payment_method: str
    benefits: list[Benefit] = []
    placed_at: At
    received_at: At


class OrderAwaitingPayment(OrderEvent):
    type: ClassVar[str] = "order.awaiting_payment"

    at: At
    expires_at: At


class OrderPaid(OrderEvent):
    """The balance reached the total. `method` is how; `paid_at` when it happened."""

    type: ClassVar[str] = "order.paid"

    at: At
    paid_minor: AmountMinor
    currency: Currency
    paid_at: At
    method: str


class Promise(Part):
    ship_by: At
    deliver_from: At
    deliver_until: At


class ConfirmedAllocation(Part):
    line_id: str
    warehouse: str
    quantity: Quantity


class OrderConfirmed(OrderEvent):
    """What makes inventory issue the fulfilment. `address_ref` opens the address over the internal door."""

    type: ClassVar[str] = "order.confirmed"

    at: At
    promise: Promise
    allocations: list[ConfirmedAllocation]
    address_ref: str


class OrderCompleted(OrderEvent):
    type: ClassVar[str] = "order.completed"

    at: At


class Shortage(Part):
    line_id: str
    sku: Sku
    wanted: int
    available: int


class RefusedBenefit(Part):
    promotion_id: str
    code: str | None = None
    why: Literal["coupon-exhausted", "budget-exhausted", "coupon-invalid", "promotion-ended"]


class OrderEnded(OrderEvent):
    """Common to the ways in which an order stops short."""

    reason: str
    shortages: list[Shortage] = []
    refusals: list[RefusedBenefit] = []
    at: At


class OrderRejected(OrderEnded):
    type: ClassVar[str] = "order.rejected"


class OrderExpired(OrderEnded):
    type: ClassVar[str] = "order.expired"


class OrderCancelling(OrderEnded):
    type: ClassVar[str] = "order.cancelling"


class OrderCancelled(OrderEnded):
    type: ClassVar[str] = "order.cancelled"


class OrderCancelRefused(OrderEnded):
    type: ClassVar[str] = "order.cancel_refused"


class OrderHeld(OrderEvent):
    type: ClassVar[str] = "order.held"

    reasons: list[str]
    at: At


class OrderHoldReleased(OrderEvent):
    type: ClassVar[str] = "order.hold_released"

    reasons: list[str]
    at: At


class OrderChanged(OrderEvent):
    type: ClassVar[str] = "order.changed"

    before: dict[str, Any]
    after: dict[str, Any]
    at: At


class OrderRefunded(OrderEvent):
    type: ClassVar[str] = "order.refunded"

    amount_minor: AmountMinor
    currency: Currency
    reason: str
    refunded_at: At


class PaymentRecorded(OrderEvent):
    """One row of the payment ledger. Partners never see it."""

    type: ClassVar[str] = "payment.recorded"

    attempt: int
    kind: Literal["authorization", "charge", "refund", "cancel", "chargeback"]
    phase: Literal["request", "success", "failure"]
    provider: str
    amount_minor: AmountMinor
    currency: Currency
    at: At


class CartAbandoned(Event):
    topic: ClassVar[Topic] = ORDER
    type: ClassVar[str] = "cart.abandoned"
    key_field: ClassVar[str] = "cart_id"

    cart_id: str
    shop: str
    person_id: str | None
    visitor_id: str | None
    at: At
