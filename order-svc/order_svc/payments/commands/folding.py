"""What a provider said becomes the order's: once, whoever brings it first, an answer or a callback."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from order_svc.audit.commands import holds
from order_svc.orders.commands import book
from order_svc.orders.rules import money, saga
from order_svc.orders.rules.order import Case, LedgerRow
from order_svc.orders.rules.states import Status
from order_svc.payments import store
from order_svc.payments.commands import refunds
from order_svc.payments.rules import (
    REFUND_FAILURES_UNTIL_HOLD,
    Attempt,
    AttemptState,
    MoneyBack,
    RefundState,
    Told,
)
from order_svc.payments.waiting import OPEN_ATTEMPTS
from svc_contracts.events.order import OrderRefunded
from svc_kit.transaction import Tx


@dataclass(frozen=True, slots=True)
class Charged:
    """`told` None: nobody knows."""

    attempt_id: str
    order_id: str
    told: Told | None


async def fold_charges(tx: Tx, charged: Sequence[Charged]) -> list[Attempt]:
    """Locks the orders, by id. Returns each attempt as it is afterwards."""
    if not charged:
        return []
    cases = await book.open_cases(tx, {one.order_id for one in charged})
    attempts = await store.attempts_by_id(tx.con, {one.attempt_id for one in charged})
    before = {attempt.id: replace(attempt) for attempt in attempts.values()}
    recorded = await _recorded(tx, charged, attempts)
    for one in charged:
        await _fold_charge(tx, cases[one.order_id], attempts[one.attempt_id], one.told, recorded)
    await store.update_attempts(tx.con, [attempt for id, attempt in attempts.items() if attempt != before[id]])
    await book.close_cases(tx, list(cases.values()))
    ended = {attempt.id: attempt for attempt in attempts.values() if not attempt.is_open}
    tx.after_commit(lambda: OPEN_ATTEMPTS.of(tx.db).wake(ended))
    return [attempts[one.attempt_id] for one in charged]


async def _recorded(tx: Tx, charged: Sequence[Charged], attempts: Mapping[str, Attempt]) -> set[store.Name]:
    """Of the successes that were told, those which the ledger has already."""
    names = {
        (attempts[one.attempt_id].provider, one.told.provider_ref, "charge", "success")
        for one in charged
        if one.told is not None and one.told.state == "succeeded"
    }
    return await store.recorded(tx.con, names) if names else set()


async def _fold_charge(tx: Tx, case: Case, attempt: Attempt, told: Told | None, recorded: set[store.Name]) -> None:
    was = attempt.state
    if told is None or told.state == "pending" or told.currency != attempt.currency:
        _unknown(case, attempt)
    elif told.state == "succeeded":
        _succeeded(case, attempt, told, recorded)
    else:
        _failed(case, attempt, told)
    if was in (AttemptState.REQUESTED, AttemptState.UNKNOWN) and not attempt.is_open:
        await _end(tx, case, attempt, was_unknown=was is AttemptState.UNKNOWN)


def _unknown(case: Case, attempt: Attempt) -> None:
    if attempt.state is AttemptState.REQUESTED and attempt.become(AttemptState.UNKNOWN, at=case.now):
        case.due["unknown_payment"] = case.now + saga.UNKNOWN_PAYMENT_HOLD_AFTER
        case.note("payment_unknown", attempt=attempt.n)


def _succeeded(case: Case, attempt: Attempt, told: Told, recorded: set[store.Name]) -> None:
    """Whatever the amount: money that came is recorded, and the order decides what it is good for."""
    row = LedgerRow(attempt.n, "charge", "success", attempt.provider, told.provider_ref, told.amount_minor, case.now)
    if store.name_of(row) in recorded:
        return
    recorded.add(store.name_of(row))
    attempt.become(AttemptState.SUCCEEDED, at=case.now)
    attempt.provider_ref, attempt.charged_minor, attempt.reason = told.provider_ref, told.amount_minor, None
    money.record(case, row)
    # Before the attempt ends: an order that is being cancelled would else be done without this money.
    saga.charged(case, told.amount_minor, at=case.now, method=attempt.method)


def _failed(case: Case, attempt: Attempt, told: Told) -> None:
    """A success that was recorded stands, whatever is said later."""
    row = LedgerRow(attempt.n, "charge", "failure", attempt.provider, told.provider_ref, attempt.amount_minor, case.now)
    if not attempt.become(AttemptState.FAILED, at=case.now):
        return
    attempt.provider_ref, attempt.reason = told.provider_ref, told.reason or "declined"
    money.record(case, row)
    case.note("payment_failed", attempt=attempt.n, reason=attempt.reason)


async def _end(tx: Tx, case: Case, attempt: Attempt, *, was_unknown: bool) -> None:
    if case.order.open_attempt == attempt.n:
        saga.attempt_ended(case)
    if not was_unknown:
        return
    closed, others = await holds.answered(tx, case.order.id, attempt=attempt.n)
    if closed and not others and case.order.status is Status.ON_HOLD:
        saga.hold_released(case, closed)


async def fold_refund(tx: Tx, refund_id: str, told: Told | None, *, key: str | None = None) -> MoneyBack:
    """Money that went back. A declined one gets a new key; the order waits for it as long as it takes.

    key: what `told` is about; None where nothing was told.
    """
    found = await store.refund(tx.con, refund_id)
    assert found is not None, refund_id
    case = (await book.open_cases(tx, [found.order_id]))[found.order_id]
    refund = await store.refund(tx.con, refund_id)
    assert refund is not None
    if told is None or told.state == "pending" or told.currency != refund.currency:
        refund.become(RefundState.UNKNOWN, at=case.now)
    elif told.state == "succeeded":
        await _went_back(tx, case, refund, told)
    elif key == refund.key:
        # A decline of an earlier key says nothing about the present one.
        _declined(case, refund, told)
    await store.update_refund(tx.con, refund)
    await book.close_cases(tx, [case])
    return refund


async def _went_back(tx: Tx, case: Case, refund: MoneyBack, told: Told) -> None:
    order = case.order
    asked_minor, came_minor = refund.amount_minor, told.amount_minor
    row = LedgerRow(refund.attempt, "refund", "success", refund.provider, told.provider_ref, came_minor, case.now)
    if await store.is_recorded(tx.con, store.name_of(row)):
        return
    money.record(case, row)
    if not refund.become(RefundState.SUCCEEDED, at=case.now):
        # An earlier key that was declined went through all the same: the money left twice.
        _mismatch(case, refund, asked_minor=0, came_minor=came_minor)
        return
    refund.provider_ref = told.provider_ref
    if came_minor > asked_minor:
        _mismatch(case, refund, asked_minor=asked_minor, came_minor=came_minor)
        came_minor = asked_minor
    case.say(
        OrderRefunded(
            order_id=order.id,
            amount_minor=came_minor,
            currency=order.currency,
            reason=refund.reason,
            refunded_at=case.now,
        )
    )
    refund.amount_minor = came_minor
    if came_minor < asked_minor:
        # The rest is still owed: asked for by itself, and the order goes on waiting for it.
        await store.update_refund(tx.con, refund)
        rest = refunds.Refund(order.id, asked_minor - came_minor, order.currency, refund.reason)
        await refunds.request(tx, [rest])
    saga.refunded(case, came_minor, reason=refund.reason)


def _mismatch(case: Case, refund: MoneyBack, *, asked_minor: int, came_minor: int) -> None:
    """More went back than was asked: the ledger says so, and somebody has to look."""
    evidence = {"refund_id": refund.id, "asked_minor": asked_minor, "refunded_minor": came_minor}
    case.opened_holds.append(("payment_mismatch", evidence))
    case.note("refund_mismatch", **evidence)


def _declined(case: Case, refund: MoneyBack, told: Told) -> None:
    if not refund.become(RefundState.FAILED, at=case.now):
        return
    row = LedgerRow(
        refund.attempt, "refund", "failure", refund.provider, told.provider_ref, refund.amount_minor, case.now
    )
    money.record(case, row)
    evidence = {"refund_id": refund.id, "tries": refund.tries}
    case.note("refund_failed", **evidence)
    if refund.tries == REFUND_FAILURES_UNTIL_HOLD:
        case.opened_holds.append(("payment_mismatch", evidence))
    refund.tries += 1
