"""What the warehouse's steps do to an order, to its completion."""

from order_svc.orders.rules.money import owes_minor, pay, record
from order_svc.orders.rules.order import COD, Case, LedgerRow
from order_svc.orders.rules.states import Status, Verb
from svc_contracts.events.order import OrderCompleted


def fulfilment_accepted(case: Case, fulfilment_id: str) -> None:
    case.note("fulfilment_accepted", fulfilment_id=fulfilment_id)
    if case.order.status is Status.CONFIRMED:
        case.move(Verb.FULFIL)


def fulfilment_rejected(case: Case, fulfilment_id: str, reason: str) -> None:
    case.note("fulfilment_rejected", fulfilment_id=fulfilment_id, reason=reason)


def shipped(case: Case, shipment_id: str, units: int) -> None:
    """`units`: those of the parcel that had not been told of before."""
    order = case.order
    order.shipped_units += units
    case.note("shipped", shipment_id=shipment_id)
    if order.status is Status.CONFIRMED:
        case.move(Verb.FULFIL)


def delivered(case: Case, shipment_id: str, units: int) -> None:
    case.order.delivered_units += units
    case.note("delivered", shipment_id=shipment_id)
    if case.order.status is Status.CONFIRMED:
        case.move(Verb.FULFIL)
    complete(case)


def complete(case: Case) -> None:
    """At the last delivery; what is paid at the door has been paid then."""
    order = case.order
    if order.status is not Status.IN_FULFILMENT or order.delivered_units < order.units:
        return
    if order.payment_method == COD and order.paid_at is None:
        if due_minor := owes_minor(order):  # some may have been transferred before
            record(case, LedgerRow(1, "charge", "success", COD, order.id, due_minor, case.now))
            order.charged_minor += due_minor
        pay(case, case.now)
    case.move(Verb.COMPLETE)
    case.say(OrderCompleted(order_id=order.id, at=case.now))
