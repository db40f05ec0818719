"""An order as the API shows it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from order_svc.orders.queries import Shown
from order_svc.orders.rules.order import Order
from order_svc.orders.rules.placing import Line
from order_svc.orders.rules.states import (
    FulfilmentStatus,
    PaymentStatus,
    Status,
    fulfilment_status,
    possible_for_buyer,
    possible_for_staff,
)
from svc_contracts.events.base import LocalText
from svc_contracts.events.order import Promise, RefusedBenefit, Shortage
from svc_contracts.money import Money
from svc_kit.refusals import Fault, ValidationFailed


class LineView(BaseModel):
    line_id: str
    sku: str
    product_id: str | None
    title: LocalText
    image: str | None
    quantity: int
    gross: Money
    discount: Money
    net: Money
    shipped: int
    delivered: int


class TotalsView(BaseModel):
    gross: Money
    discount: Money
    delivery_fee: Money
    total: Money
    paid: Money
    refunded: Money


class ParcelLineView(BaseModel):
    line_id: str
    quantity: int


class ShipmentView(BaseModel):
    shipment_id: str
    warehouse: str
    carrier: str | None
    tracking_no: str | None
    lines: list[ParcelLineView]
    shipped_at: datetime
    delivered_at: datetime | None


class EntryView(BaseModel):
    at: datetime
    kind: str
    facts: dict[str, Any]


class BriefView(BaseModel):
    """What lists and the checkout show."""

    id: str
    number: int
    shop: str
    channel: str
    external_id: str | None
    status: Status
    payment_status: PaymentStatus
    fulfilment_status: FulfilmentStatus
    totals: TotalsView
    payment_method: str
    region: dict[str, Any]
    placed_at: datetime
    expires_at: datetime | None
    promise: Promise | None
    reason: str | None
    possible: list[str]
    version: int


class CheckoutView(BriefView):
    """`order_token` opens a guest's order later (X-Order-Token)."""

    lines: list[LineView]
    order_token: str | None = None


class UndecidedView(BaseModel):
    """Ask again at Location."""

    id: str
    status: Status
    order_token: str | None = None


class OrderView(BriefView):
    lines: list[LineView]
    shipments: list[ShipmentView]
    timeline: list[EntryView]


class ComesBackView(BaseModel):
    what: str
    asked_at: datetime
    settled_at: datetime | None


class StaffsEntryView(EntryView):
    actor: str


class StaffsOrderView(BriefView):
    """`comes_back`: what has to come back after an order stopped short."""

    person_id: str
    received_at: datetime
    attempt: int
    shortages: list[Shortage]
    refusals: list[RefusedBenefit]
    lines: list[LineView]
    shipments: list[ShipmentView]
    comes_back: list[ComesBackView]
    timeline: list[StaffsEntryView]


class AmendedView(BriefView):
    """`money_difference`: what the change makes the buyer owe or get back."""

    money_difference: Money


class TrackingView(BaseModel):
    id: str
    status: Status
    fulfilment_status: FulfilmentStatus
    promise: Promise | None
    shipments: list[ShipmentView]


def brief(order: Order, *, by_staff: bool = False) -> dict[str, Any]:
    """The members of BriefView."""
    possible = possible_for_staff if by_staff else possible_for_buyer
    return {
        "id": order.id,
        "number": order.number,
        "shop": order.shop,
        "channel": order.channel,
        "external_id": order.external_id,
        "status": order.status,
        "payment_status": order.payment_status,
        "fulfilment_status": parcels_status(order),
        "totals": totals(order),
        "payment_method": order.payment_method,
        "region": order.region,
        "placed_at": order.placed_at,
        "expires_at": order.expires_at if order.status is Status.AWAITING_PAYMENT else None,
        "promise": order.promise,
        "reason": order.reason,
        "possible": possible(order.status, shipped_units=order.shipped_units),
        "version": order.version,
    }


def latest_first(cursor: list[Any] | None) -> tuple[datetime, str] | None:
    """Where a list by the time of placing goes on. Raises ValidationFailed for a cursor of another list."""
    match cursor:
        case None:
            return None
        case [str(placed_at), str(order_id)]:
            with suppress(ValueError):
                at = datetime.fromisoformat(placed_at)
                if at.tzinfo is not None:
                    return at, order_id
    fault = Fault("/cursor", "bad-cursor", "Use a cursor from next_cursor", "请使用 next_cursor 返回的游标")
    raise ValidationFailed([fault])


def parcels_status(order: Order) -> FulfilmentStatus:
    return fulfilment_status(
        units=order.units, shipped_units=order.shipped_units, delivered_units=order.delivered_units
    )


def totals(order: Order) -> TotalsView:
    def money(amount_minor: int) -> Money:
        return Money(amount_minor=amount_minor, currency=order.currency)

    return TotalsView(
        gross=money(order.gross_minor),
        discount=money(order.discount_minor),
        delivery_fee=money(order.delivery_fee_minor),
        total=money(order.total_minor),
        paid=money(order.charged_minor),
        refunded=money(order.refunded_minor),
    )


def line_views(lines: Sequence[tuple[Line, int, int]], currency: str) -> list[LineView]:
    def money(amount_minor: int) -> Money:
        return Money(amount_minor=amount_minor, currency=currency)

    return [
        LineView(
            line_id=line.line_id,
            sku=line.sku,
            product_id=line.product_id,
            title=line.title,
            image=line.image,
            quantity=line.quantity,
            gross=money(line.gross_minor),
            discount=money(line.discount_minor),
            net=money(line.net_minor),
            shipped=shipped,
            delivered=delivered,
        )
        for line, shipped, delivered in lines
    ]


def checkout_view(order: Order, lines: Sequence[tuple[Line, int, int]], *, token: str | None) -> CheckoutView:
    return CheckoutView(**brief(order), lines=line_views(lines, order.currency), order_token=token)


# kind → the facts that concern the buyer. What staff looks into and why is not among them.
BUYERS_ENTRIES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys((status.value for status in Status), frozenset()),
    Status.REJECTED.value: frozenset({"reason"}),
    Status.EXPIRED.value: frozenset({"reason"}),
    Status.CANCELLING.value: frozenset({"reason"}),
    "paid": frozenset({"paid_minor"}),
    "payment_failed": frozenset({"attempt", "reason"}),
    "refunded": frozenset({"amount_minor"}),
    "address_changed": frozenset(),
    "shipped": frozenset({"shipment_id"}),
    "delivered": frozenset({"shipment_id"}),
}


def buyers_entries(timeline: Sequence[Mapping[str, Any]]) -> list[EntryView]:
    return [
        EntryView(
            at=entry["at"],
            kind=entry["kind"],
            facts={name: value for name, value in entry["facts"].items() if name in BUYERS_ENTRIES[entry["kind"]]},
        )
        for entry in timeline
        if entry["kind"] in BUYERS_ENTRIES
    ]


def order_view(shown: Shown) -> OrderView:
    return OrderView(
        **brief(shown.order),
        lines=line_views(shown.lines, shown.order.currency),
        shipments=[ShipmentView(**one) for one in shown.shipments],
        timeline=buyers_entries(shown.timeline),
    )


def staffs_entry(entry: Mapping[str, Any]) -> StaffsEntryView:
    actor = f"{entry['actor_kind']}:{entry['actor_id']}"
    return StaffsEntryView(at=entry["at"], kind=entry["kind"], facts=entry["facts"], actor=actor)


def amended_view(order: Order, *, difference_minor: int) -> AmendedView:
    difference = Money(amount_minor=difference_minor, currency=order.currency)
    return AmendedView(**brief(order, by_staff=True), money_difference=difference)


def staffs_view(shown: Shown) -> StaffsOrderView:
    order = shown.order
    return StaffsOrderView(
        **brief(order, by_staff=True),
        person_id=order.person_id,
        received_at=order.received_at,
        attempt=order.attempt,
        shortages=order.shortages,
        refusals=order.refusals,
        lines=line_views(shown.lines, order.currency),
        shipments=[ShipmentView(**one) for one in shown.shipments],
        comes_back=[ComesBackView(**one) for one in shown.compensations],
        timeline=[staffs_entry(entry) for entry in shown.timeline],
    )
