"""The states of an order, the one table of its transitions, and what is derived from its counters."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Status(StrEnum):
    PLACED = "placed"
    REJECTED = "rejected"
    AWAITING_PAYMENT = "awaiting_payment"
    EXPIRED = "expired"
    AUDITING = "auditing"
    ON_HOLD = "on_hold"
    CONFIRMED = "confirmed"
    IN_FULFILMENT = "in_fulfilment"
    COMPLETED = "completed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    REJECT = "reject"
    AWAIT_PAYMENT = "await_payment"
    EXPIRE = "expire"
    AUDIT = "audit"
    HOLD = "hold"
    ASK_AGAIN = "ask_again"
    CONFIRM = "confirm"
    FULFIL = "fulfil"
    COMPLETE = "complete"
    CANCEL = "cancel"
    KEEP = "keep"
    SETTLE = "settle"


# (state, verb) → state. What is not here is refused.
TRANSITIONS: Mapping[tuple[Status, Verb], Status] = MappingProxyType(
    {
        (Status.PLACED, Verb.REJECT): Status.REJECTED,
        (Status.PLACED, Verb.AWAIT_PAYMENT): Status.AWAITING_PAYMENT,
        (Status.PLACED, Verb.AUDIT): Status.AUDITING,
        (Status.PLACED, Verb.HOLD): Status.ON_HOLD,
        (Status.PLACED, Verb.CANCEL): Status.CANCELLING,
        (Status.AWAITING_PAYMENT, Verb.AUDIT): Status.AUDITING,
        (Status.AWAITING_PAYMENT, Verb.HOLD): Status.ON_HOLD,
        (Status.AWAITING_PAYMENT, Verb.EXPIRE): Status.EXPIRED,
        (Status.AWAITING_PAYMENT, Verb.CANCEL): Status.CANCELLING,
        (Status.AUDITING, Verb.HOLD): Status.ON_HOLD,
        (Status.AUDITING, Verb.CONFIRM): Status.CONFIRMED,
        (Status.AUDITING, Verb.CANCEL): Status.CANCELLING,
        (Status.ON_HOLD, Verb.AUDIT): Status.AUDITING,
        (Status.ON_HOLD, Verb.ASK_AGAIN): Status.PLACED,
        (Status.ON_HOLD, Verb.AWAIT_PAYMENT): Status.AWAITING_PAYMENT,
        (Status.ON_HOLD, Verb.CANCEL): Status.CANCELLING,
        (Status.CONFIRMED, Verb.FULFIL): Status.IN_FULFILMENT,
        (Status.CONFIRMED, Verb.CANCEL): Status.CANCELLING,
        (Status.IN_FULFILMENT, Verb.COMPLETE): Status.COMPLETED,
        (Status.IN_FULFILMENT, Verb.CANCEL): Status.CANCELLING,
        (Status.CANCELLING, Verb.KEEP): Status.IN_FULFILMENT,
        (Status.CANCELLING, Verb.SETTLE): Status.CANCELLED,
    }
)

TERMINAL = frozenset({Status.REJECTED, Status.EXPIRED, Status.COMPLETED, Status.CANCELLED})
UNPAID = frozenset({Status.PLACED, Status.AWAITING_PAYMENT})
# Died before anything could leave the house: money that still comes goes back at once.
DEAD = frozenset({Status.REJECTED, Status.EXPIRED, Status.CANCELLED})


class Impossible(ValueError):
    """The table has no such transition. Commands turn it into the refusal illegal-transition."""

    def __init__(self, state: Status, verb: Verb) -> None:
        super().__init__(f"{verb} is not possible in {state}")
        self.state = state
        self.verb = verb


def after(state: Status, verb: Verb) -> Status:
    """Raises Impossible."""
    try:
        return TRANSITIONS[(state, verb)]
    except KeyError:
        raise Impossible(state, verb) from None


class StockState(StrEnum):
    """What inventory-svc has said about the present attempt."""

    ASKED = "asked"
    RESERVED = "reserved"
    REFUSED = "refused"
    RELEASED = "released"


class BenefitState(StrEnum):
    """What marketing-svc has said; `none`: the order has no benefits and nobody is asked."""

    NONE = "none"
    ASKED = "asked"
    LOCKED = "locked"
    REFUSED = "refused"
    RELEASED = "released"
    USED = "used"


class PaymentStatus(StrEnum):
    NONE = "none"
    AUTHORIZED = "authorized"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    OVERPAID = "overpaid"


def payment_status(*, total_minor: int, charged_minor: int, refunded_minor: int, is_paid: bool) -> PaymentStatus:
    """From the fold of the ledger. `is_paid` tells a settled total of zero from one that is still undecided."""
    if refunded_minor > 0:
        return PaymentStatus.REFUNDED if refunded_minor >= charged_minor else PaymentStatus.PARTIALLY_REFUNDED
    if charged_minor > total_minor:
        return PaymentStatus.OVERPAID
    if charged_minor == total_minor:
        return PaymentStatus.PAID if charged_minor > 0 or is_paid else PaymentStatus.NONE
    return PaymentStatus.PARTIALLY_PAID if charged_minor > 0 else PaymentStatus.NONE


class FulfilmentStatus(StrEnum):
    UNFULFILLED = "unfulfilled"
    PARTIAL = "partial"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    PARTIALLY_RETURNED = "partially_returned"
    RETURNED = "returned"


def fulfilment_status(*, units: int, shipped_units: int, delivered_units: int) -> FulfilmentStatus:
    if delivered_units >= units:
        return FulfilmentStatus.DELIVERED
    if shipped_units >= units:
        return FulfilmentStatus.SHIPPED
    return FulfilmentStatus.PARTIAL if shipped_units > 0 else FulfilmentStatus.UNFULFILLED


def may_cancel(status: Status, *, shipped_units: int) -> bool:
    """From any state before shipping."""
    return (status, Verb.CANCEL) in TRANSITIONS and shipped_units == 0


def possible_for_buyer(status: Status, *, shipped_units: int) -> list[str]:
    """What the buyer may ask for now, in the words of the routes."""
    found = ["pay"] if status is Status.AWAITING_PAYMENT else []
    return found + (["cancel"] if may_cancel(status, shipped_units=shipped_units) else [])


def possible_for_staff(status: Status, *, shipped_units: int) -> list[str]:
    found = ["approve"] if status is Status.ON_HOLD else []
    return found + (["cancel"] if may_cancel(status, shipped_units=shipped_units) else [])
