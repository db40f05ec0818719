"""How an order goes from placed to its end: one step per thing that happens. Pure; the same twice, late or early.

Each step changes `case.order` and notes what is to be said and written. Nothing here waits, and a step that comes when
it makes no sense any more does nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from order_svc.audit.rules import HoldReason, Subject, findings
from order_svc.orders.rules.money import give_back, pay
from order_svc.orders.rules.money import owes_minor as owes_minor
from order_svc.orders.rules.money import record as record
from order_svc.orders.rules.order import CHANNEL, COD, Case, LedgerRow
from order_svc.orders.rules.parcels import complete
from order_svc.orders.rules.states import (
    DEAD,
    BenefitState,
    Impossible,
    Status,
    StockState,
    Verb,
    may_cancel,
)
from svc_contracts.events.order import (
    OrderAwaitingPayment,
    OrderCancelled,
    OrderCancelling,
    OrderCancelRefused,
    OrderConfirmed,
    OrderExpired,
    OrderHeld,
    OrderHoldReleased,
    OrderRejected,
    RefusedBenefit,
    Shortage,
)
from svc_contracts.events.stock import Allocation

# No decision: a broker that is away must not reject orders, so minutes and never seconds (kit.md §8).
UNDECIDED_AFTER = timedelta(minutes=15)
# An expiry waits so long for a payment whose outcome nobody knows yet.
UNKNOWN_PAYMENT_WAIT = timedelta(minutes=10)
UNKNOWN_PAYMENT_HOLD_AFTER = timedelta(minutes=30)


# What the others said about the promise.


def stock_reserved(case: Case, attempt: int, allocations: Sequence[Allocation]) -> None:
    order = case.order
    if attempt != order.attempt or order.stock_state is not StockState.ASKED:
        return
    order.stock_state = StockState.RESERVED
    order.allocations = list(allocations)
    case.note("stock_reserved")
    _decide(case)


def stock_refused(case: Case, attempt: int, shortages: Sequence[Shortage]) -> None:
    order = case.order
    if attempt != order.attempt or order.stock_state is not StockState.ASKED:
        return
    order.stock_state = StockState.REFUSED
    order.shortages = list(shortages)
    case.note("stock_refused")
    _decide(case)


def benefits_locked(case: Case, attempt: int) -> None:
    order = case.order
    if attempt != order.attempt or order.benefit_state is not BenefitState.ASKED:
        return
    order.benefit_state = BenefitState.LOCKED
    case.note("benefits_locked")
    _decide(case)


def benefits_refused(case: Case, attempt: int, refusals: Sequence[RefusedBenefit]) -> None:
    order = case.order
    if attempt != order.attempt or order.benefit_state is not BenefitState.ASKED:
        return
    order.benefit_state = BenefitState.REFUSED
    order.refusals = list(refusals)
    case.note("benefits_refused")
    _decide(case)


def benefits_used(case: Case) -> None:
    if case.order.benefit_state is BenefitState.LOCKED:
        case.order.benefit_state = BenefitState.USED
        case.note("benefits_used")


def benefits_released(case: Case) -> None:
    if case.order.benefit_state in (BenefitState.NONE, BenefitState.RELEASED):
        return
    case.order.benefit_state = BenefitState.RELEASED
    case.settled.append("benefits")
    case.note("benefits_released")


def undecided(case: Case) -> None:
    """T1: somebody did not answer. A channel's order waits for a person, a shop's order ends."""
    if case.order.status is not Status.PLACED:
        return
    if case.order.external_id is not None:
        _hold(case, [(HoldReason.UNDECIDED.value, {})])
    else:
        _reject(case, "undecided")


def _decide(case: Case) -> None:
    """Once everybody asked has answered: accepted, or rejected with every reason."""
    order = case.order
    if order.status is not Status.PLACED or StockState.ASKED is order.stock_state:
        return
    if order.benefit_state is BenefitState.ASKED:
        return
    case.due["undecided"] = None
    if order.stock_state is StockState.REFUSED and order.external_id is not None:
        _hold(case, [(HoldReason.STOCK_SHORT.value, {"shortages": [one.model_dump() for one in order.shortages]})])
    elif order.stock_state is not StockState.RESERVED or order.benefit_state is BenefitState.REFUSED:
        _reject(case, "stock_short" if order.stock_state is StockState.REFUSED else "benefits_refused")
    else:
        _go_on(case)


def _reject(case: Case, reason: str) -> None:
    order = case.order
    order.reason = reason
    case.move(Verb.REJECT, reason=reason)
    case.due["undecided"] = None
    _take_back(case)
    case.say(
        OrderRejected(order_id=order.id, reason=reason, shortages=order.shortages, refusals=order.refusals, at=case.now)
    )


def _go_on(case: Case) -> None:
    """From `placed` or `on_hold`, with the goods promised: to the money, or past it to the audit."""
    order = case.order
    if order.prepaid_at is not None and order.paid_at is None:
        charge = LedgerRow(1, "charge", "success", CHANNEL, order.id, order.total_minor, order.prepaid_at)
        record(case, charge)
        order.charged_minor += order.total_minor
    if order.payment_method == COD and order.total_minor > 0:
        case.move(Verb.AUDIT)
    elif order.is_covered:
        case.move(Verb.AUDIT)
        if order.paid_at is None:
            pay(case, order.prepaid_at or case.now)
    else:
        order.expires_at = case.now + timedelta(seconds=order.unpaid_expiry_seconds)
        case.due["unpaid"] = order.expires_at
        case.move(Verb.AWAIT_PAYMENT)
        case.say(OrderAwaitingPayment(order_id=order.id, at=case.now, expires_at=order.expires_at))
        return
    _audit(case)


# Money.


def charged(case: Case, amount_minor: int, *, at: datetime, method: str | None = None) -> None:
    """Money came in. Never lost: it pays the order, or goes back where the order is over.

    method: how it came, where that is not what was chosen at the checkout.
    """
    order = case.order
    order.charged_minor += amount_minor
    case.note("charged", amount_minor=amount_minor)
    if order.status is Status.AWAITING_PAYMENT and order.is_covered:
        case.due["unpaid"] = None
        case.move(Verb.AUDIT)
        pay(case, at, method)
        _audit(case)
    elif order.status is Status.ON_HOLD and order.is_covered and order.paid_at is None:
        pay(case, at, method)
    elif order.status is Status.CANCELLING:
        go_on_cancelling(case)
    elif order.status in DEAD:
        give_back(case)


def attempt_ended(case: Case) -> None:
    """No payment is under way any more, whatever its outcome."""
    case.order.open_attempt = None
    case.due["unknown_payment"] = None
    if case.order.status is Status.CANCELLING:
        go_on_cancelling(case)


def payment_unknown(case: Case) -> None:
    """Nobody has known for long whether the money came: somebody has to look."""
    order = case.order
    if order.open_attempt is None:
        return
    evidence = {"attempt": order.open_attempt}
    if order.status is Status.AWAITING_PAYMENT:
        case.due["unpaid"] = None
        _hold(case, [(HoldReason.PAYMENT_MISMATCH.value, evidence)])
    else:
        case.opened_holds.append((HoldReason.PAYMENT_MISMATCH.value, evidence))
        case.note("payment_unknown", **evidence)


def refunded(case: Case, amount_minor: int, *, reason: str) -> None:
    """Money went back. Emits nothing by itself: the ledger's rows do."""
    order = case.order
    order.refunding_minor -= amount_minor
    order.refunded_minor += amount_minor
    case.note("refunded", amount_minor=amount_minor, reason=reason)
    if order.status is Status.CANCELLING:
        go_on_cancelling(case)
    elif order.charged_minor == order.refunded_minor:
        case.settled.append("money")


def expire(case: Case) -> None:
    """T2. Waits a while for an attempt whose outcome is unknown; a payment that comes later still is refunded."""
    order = case.order
    if order.status is not Status.AWAITING_PAYMENT or order.expires_at is None:
        return
    last = order.expires_at + UNKNOWN_PAYMENT_WAIT
    if order.open_attempt is not None and case.now < last:
        case.due["unpaid"] = last
        return
    order.reason = "unpaid"
    case.move(Verb.EXPIRE, reason="unpaid")
    _take_back(case)
    case.say(OrderExpired(order_id=order.id, reason="unpaid", at=case.now))
    give_back(case)


# Audit and holds.


def _audit(case: Case) -> None:
    order = case.order
    found = findings(Subject(address_missing=order.address_missing), waived=order.waived)
    if found:
        _hold(case, [(one.reason.value, one.evidence) for one in found])
    else:
        _confirm(case)


def _hold(case: Case, holds: Sequence[tuple[str, dict[str, Any]]]) -> None:
    reasons = [reason for reason, _ in holds]
    case.move(Verb.HOLD, reasons=reasons)
    case.opened_holds += holds
    case.due["undecided"] = None
    case.say(OrderHeld(order_id=case.order.id, reasons=reasons, at=case.now))


def hold_released(case: Case, reasons: Sequence[str]) -> None:
    """No hold is open any more: ask for the goods again where they are not promised, else go on. Raises Impossible."""
    order = case.order
    if order.status is not Status.ON_HOLD:
        raise Impossible(order.status, Verb.AUDIT)
    order.waived = tuple(sorted({*order.waived, *reasons}))
    case.note("hold_released", reasons=list(reasons))
    case.say(OrderHoldReleased(order_id=order.id, reasons=list(reasons), at=case.now))
    if order.stock_state is StockState.RESERVED:
        _go_on(case) if order.paid_at is None else _audit_from_hold(case)
        return
    order.attempt += 1
    order.stock_state = StockState.ASKED
    order.shortages = []
    if order.benefit_state is not BenefitState.NONE:
        order.benefit_state = BenefitState.ASKED
    case.move(Verb.ASK_AGAIN, attempt=order.attempt)
    case.due["undecided"] = case.now + UNDECIDED_AFTER
    case.asks_again = True


def _audit_from_hold(case: Case) -> None:
    case.move(Verb.AUDIT)
    _audit(case)


def _confirm(case: Case) -> None:
    order = case.order
    order.promise = case.plan(order, case.now)
    case.move(Verb.CONFIRM)
    case.say(
        OrderConfirmed(
            order_id=order.id,
            at=case.now,
            promise=order.promise,
            allocations=order.confirmed_allocations(),
            address_ref=order.address_ref,
        )
    )


# Stopping short.


def cancel(case: Case, reason: str) -> None:
    """From any state before shipping. Raises Impossible."""
    order = case.order
    if not may_cancel(order.status, shipped_units=order.shipped_units):
        raise Impossible(order.status, Verb.CANCEL)
    order.reason = reason
    case.move(Verb.CANCEL, reason=reason)
    case.due |= {"undecided": None, "unpaid": None}
    case.closes_holds = True
    _take_back(case)
    if order.balance_minor > 0:
        case.asked.append("money")
    case.say(OrderCancelling(order_id=order.id, reason=reason, at=case.now))


def _take_back(case: Case) -> None:
    """What was taken for this order has to come back: tracked beside the state until it has."""
    if case.order.stock_state in (StockState.ASKED, StockState.RESERVED) or case.order.status is Status.CANCELLING:
        case.asked.append("stock")
    if case.order.benefit_state in (BenefitState.ASKED, BenefitState.LOCKED, BenefitState.USED):
        case.asked.append("benefits")


def stock_released(case: Case) -> None:
    if case.order.stock_state is StockState.RELEASED:
        return
    case.order.stock_state = StockState.RELEASED
    case.settled.append("stock")
    case.note("stock_released")
    if case.order.status is Status.CANCELLING:
        go_on_cancelling(case)


def release_refused(case: Case) -> None:
    """Parcels have left: the order lives on, and the money stays."""
    order = case.order
    if order.status is not Status.CANCELLING:
        return
    case.settled += ["stock", "money"]
    if order.has_benefits:
        case.settled.append("benefits")
    order.reason = None
    case.move(Verb.KEEP, reason="already_shipped")
    case.say(OrderCancelRefused(order_id=order.id, reason="already_shipped", at=case.now))
    complete(case)


def go_on_cancelling(case: Case) -> None:
    """The goods first, then the money: only with both back is the order cancelled."""
    order = case.order
    if order.stock_state is not StockState.RELEASED or order.open_attempt is not None:
        return
    if order.balance_minor > 0:
        case.refund_minor = order.balance_minor
        order.refunding_minor += order.balance_minor
        if "money" not in case.asked:
            case.asked.append("money")
    elif order.refunding_minor == 0:
        case.settled.append("money")
        case.move(Verb.SETTLE)
        case.say(OrderCancelled(order_id=order.id, reason=order.reason or "cancelled", at=case.now))
