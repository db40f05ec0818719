"""Bank transfers: nobody calls us about them, so staff records what the bank statement says."""

from dataclasses import dataclass
from datetime import datetime

from order_svc.orders.commands import book
from order_svc.orders.rules import money, saga
from order_svc.orders.rules.order import LedgerRow
from order_svc.payments import store
from order_svc.payments.commands.folding import fold_refund
from order_svc.payments.rules import BANK_TRANSFER, AttemptState, RefundState, Told
from svc_contracts.money import Money
from svc_kit.refusals import Fault, IllegalTransition, NotFound, Refusal, ValidationFailed
from svc_kit.transaction import Tx


class ReferenceTaken(Refusal):
    slug, status = "reference-taken", 409
    title = {"en": "This transfer is recorded already", "zh": "该笔转账已登记"}


@dataclass(frozen=True, slots=True)
class Transfer:
    """`reference`: the bank's own, unique. `refund_id`: for money that left, which refund it is."""

    reference: str
    amount: Money
    at: datetime
    refund_id: str | None = None


async def record(tx: Tx, order_id: str, transfer: Transfer) -> None:
    """Raises NotFound, ReferenceTaken, ValidationFailed, IllegalTransition."""
    if transfer.at > tx.now:
        raise ValidationFailed([Fault("/at", "in-the-future", "It has not happened yet", "时间不能在将来")])
    await store.lock_reference(tx.con, BANK_TRANSFER, transfer.reference)
    if transfer.refund_id is None:
        await _came_in(tx, order_id, transfer)
    else:
        await _went_back(tx, order_id, transfer, transfer.refund_id)


async def _came_in(tx: Tx, order_id: str, transfer: Transfer) -> None:
    """Any amount, at any time: the order decides what it is good for."""
    cases = await book.open_cases(tx, [order_id])
    if (case := cases.get(order_id)) is None:
        raise NotFound()
    _require_currency(transfer, case.order.currency)
    attempts = (await store.attempts(tx.con, [order_id])).get(order_id, [])
    mine = [one for one in attempts if one.provider == BANK_TRANSFER]
    attempt = mine[-1] if mine else None
    n = attempt.n if attempt else 0
    row = LedgerRow(
        n, "charge", "success", BANK_TRANSFER, transfer.reference, transfer.amount.amount_minor, transfer.at
    )
    if await store.is_recorded(tx.con, store.name_of(row)):
        raise ReferenceTaken(reference=transfer.reference)
    money.record(case, row)
    saga.charged(case, transfer.amount.amount_minor, at=transfer.at, method=BANK_TRANSFER)
    # A part leaves the attempt open: the buyer owes the rest by the same way.
    if attempt is not None and money.owes_minor(case.order) == 0 and attempt.become(AttemptState.SUCCEEDED, at=tx.now):
        attempt.provider_ref, attempt.charged_minor = transfer.reference, transfer.amount.amount_minor
        attempt.reason = None
        await store.update_attempts(tx.con, [attempt])
    await book.close_cases(tx, [case])


async def _went_back(tx: Tx, order_id: str, transfer: Transfer, refund_id: str) -> None:
    refund = await store.refund(tx.con, refund_id)
    if refund is None or refund.order_id != order_id:
        raise NotFound()
    _require_currency(transfer, refund.currency)
    if refund.provider != BANK_TRANSFER or refund.state is RefundState.SUCCEEDED:
        raise IllegalTransition(state=refund.state.value, possible=[])
    if transfer.amount.amount_minor > refund.amount_minor:
        fault = Fault(
            "/amount/amount_minor",
            "too-much",
            "Not more than the refund",
            "不能超过退款金额",
            refund_minor=refund.amount_minor,
        )
        raise ValidationFailed([fault])
    name = (BANK_TRANSFER, transfer.reference, "refund", "success")
    if await store.is_recorded(tx.con, name):
        raise ReferenceTaken(reference=transfer.reference)
    told = Told("succeeded", transfer.amount.amount_minor, transfer.amount.currency, transfer.reference)
    await fold_refund(tx, refund_id, told, key=refund.key)


def _require_currency(transfer: Transfer, currency: str) -> None:
    if transfer.amount.currency != currency:
        fault = Fault("/amount/currency", "other-currency", f"The order is in {currency}", f"订单币种为 {currency}")
        raise ValidationFailed([fault])
