"""What money does to an order: the ledger's rows, being paid, giving back."""

from datetime import datetime

from order_svc.orders.rules.order import Case, LedgerRow, Order
from svc_contracts.events.order import OrderPaid, PaymentRecorded


def record(case: Case, row: LedgerRow) -> None:
    """A row of the ledger, and its event."""
    order = case.order
    case.ledger.append(row)
    case.say(
        PaymentRecorded(
            order_id=order.id,
            attempt=row.attempt,
            kind=row.kind,
            phase=row.phase,
            provider=row.provider,
            amount_minor=row.amount_minor,
            currency=order.currency,
            at=row.at,
        )
    )


def pay(case: Case, at: datetime, method: str | None = None) -> None:
    """method: how, where that is not what was chosen at the checkout."""
    order = case.order
    order.paid_at = at
    case.note("paid", paid_minor=order.charged_minor)
    case.say(
        OrderPaid(
            order_id=order.id,
            at=case.now,
            paid_minor=order.charged_minor - order.refunded_minor,
            currency=order.currency,
            paid_at=at,
            method=method or order.payment_method,
        )
    )


def give_back(case: Case) -> None:
    order = case.order
    if order.balance_minor > 0:
        case.asked.append("money")
        case.refund_minor = order.balance_minor
        order.refunding_minor += order.balance_minor


def owes_minor(order: Order) -> int:
    """What is still to be paid."""
    return max(0, order.total_minor - (order.charged_minor - order.refunded_minor))
