"""Payments as the API shows them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from order_svc.orders.rules.order import LedgerRow
from order_svc.payments.queries import Payments
from order_svc.payments.rules import BANK_TRANSFER, Attempt, AttemptState, MoneyBack, RefundState, balance_minor
from svc_contracts.money import Money


class TransferInstructions(BaseModel):
    """What the buyer does next: transfer the amount with this reference. `account`: where to, as the merchant says."""

    action: Literal["bank_transfer"] = "bank_transfer"
    amount: Money
    reference: str
    account: str | None


class AttemptView(BaseModel):
    """`state` unknown reads as "confirming": the provider is being asked. `charged`: what really came in."""

    attempt_id: str
    order_id: str
    n: int
    method: str
    state: AttemptState
    amount: Money
    charged: Money | None = None
    reason: str | None = None
    requested_at: datetime
    ended_at: datetime | None = None
    next: TransferInstructions | None = None


class RefundView(BaseModel):
    id: str
    attempt: int
    provider: str
    state: RefundState
    amount: Money
    reason: str
    tries: int
    requested_at: datetime
    ended_at: datetime | None


class LedgerView(BaseModel):
    attempt: int
    kind: str
    phase: str
    provider: str
    provider_ref: str
    amount: Money
    at: datetime


class PaymentsView(BaseModel):
    """`ledger` is the truth; `balance` its fold: successful charges without successful refunds."""

    attempts: list[AttemptView]
    refunds: list[RefundView]
    ledger: list[LedgerView]
    balance: Money


def attempt_view(attempt: Attempt, *, number: int, account: str | None) -> AttemptView:
    money = Money(amount_minor=attempt.amount_minor, currency=attempt.currency)
    charged = attempt.charged_minor
    transfers = attempt.method == BANK_TRANSFER and attempt.is_open
    return AttemptView(
        attempt_id=attempt.id,
        order_id=attempt.order_id,
        n=attempt.n,
        method=attempt.method,
        state=attempt.state,
        amount=money,
        charged=None if charged is None else Money(amount_minor=charged, currency=attempt.currency),
        reason=attempt.reason,
        requested_at=attempt.requested_at,
        ended_at=attempt.ended_at,
        next=TransferInstructions(amount=money, reference=str(number), account=account) if transfers else None,
    )


def payments_view(payments: Payments, *, number: int, currency: str, account: str | None) -> PaymentsView:
    return PaymentsView(
        attempts=[attempt_view(one, number=number, account=account) for one in payments.attempts],
        refunds=[_refund(one) for one in payments.refunds],
        ledger=[_row(one, currency) for one in payments.ledger],
        balance=Money(amount_minor=balance_minor(payments.ledger), currency=currency),
    )


def _refund(refund: MoneyBack) -> RefundView:
    return RefundView(
        id=refund.id,
        attempt=refund.attempt,
        provider=refund.provider,
        state=refund.state,
        amount=Money(amount_minor=refund.amount_minor, currency=refund.currency),
        reason=refund.reason,
        tries=refund.tries,
        requested_at=refund.requested_at,
        ended_at=refund.ended_at,
    )


def _row(row: LedgerRow, currency: str) -> LedgerView:
    return LedgerView(
        attempt=row.attempt,
        kind=row.kind,
        phase=row.phase,
        provider=row.provider,
        provider_ref=row.provider_ref,
        amount=Money(amount_minor=row.amount_minor, currency=currency),
        at=row.at,
    )
