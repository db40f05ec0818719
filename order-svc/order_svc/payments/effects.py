"""The calls to providers: made with no transaction open, leased, and asked about again rather than guessed."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from order_svc.orders import queries as orders
from order_svc.orders.commands import book
from order_svc.orders.rules.states import Status
from order_svc.payments import store
from order_svc.payments.commands.folding import Charged, fold_charges, fold_refund
from order_svc.payments.commands.refunds import REFUND
from order_svc.payments.commands.starting import CHARGE
from order_svc.payments.provider import Provider
from order_svc.payments.rules import (
    ASK_AGAIN_AFTER,
    REFUND_AGAIN_AFTER,
    SETTLED_BY_OTHERS,
    Attempt,
    MoneyBack,
    RefundState,
    Told,
    pause,
)
from svc_kit.effects import Effect, EffectCall, Outcome
from svc_kit.transaction import Tx

if TYPE_CHECKING:
    from svc_kit.assembly import Runtime

log = structlog.get_logger()
# Longer than any time box, or a slow call would be repeated while it runs.
LEASE_SECONDS = 30.0


def provider_of(rt: "Runtime") -> Provider:
    return Provider(rt.client, rt.settings.payment_sandbox_url, rt.settings.payment_time_box_ms)


def as_told(result: dict[str, Any] | None) -> Told | None:
    return Told(**result["told"]) if result and result["told"] else None


def as_result(told: Told | None, *, key: str | None = None) -> dict[str, Any]:
    return {"key": key, "told": None if told is None else dataclasses.asdict(told)}


async def read_charges(con: Any, calls: Sequence[EffectCall]) -> dict[str, tuple[Attempt, Status]]:
    attempts = await store.attempts_by_id(con, {call.request["attempt_id"] for call in calls})
    statuses = await orders.statuses(con, {call.aggregate_id for call in calls})
    return {call.id: (attempts[call.request["attempt_id"]], statuses[call.aggregate_id]) for call in calls}


async def call_charge(rt: "Runtime", call: EffectCall) -> dict[str, Any]:
    attempt, status = call.known
    # A callback was quicker.
    if not attempt.is_open:
        return as_result(None)
    return as_result(
        await _charge(provider_of(rt), attempt, tries=call.tries, payable=status is Status.AWAITING_PAYMENT)
    )


async def _charge(provider: Provider, attempt: Attempt, *, tries: int, payable: bool) -> Told:
    """From the second try on it is first asked what became of the key: never charged for an order that is over."""
    if tries > 1 and (told := await provider.look("charges", attempt.key)) is not None:
        return told
    if not payable:
        return Told("failed", attempt.amount_minor, attempt.currency, attempt.key, "order_over")
    body = {
        "key": attempt.key,
        "order_id": attempt.order_id,
        "amount_minor": attempt.amount_minor,
        "currency": attempt.currency,
    }
    if attempt.sandbox_outcome is not None:
        body["outcome"] = attempt.sandbox_outcome
    return await provider.ask("charges", body)


async def fold_charge_calls(tx: Tx, outcomes: Sequence[Outcome]) -> list[datetime | None]:
    for one in outcomes:
        if one.error is not None:
            error, call = type(one.error).__name__, one.call
            log.warning("charge unknown", order_id=call.aggregate_id, tries=call.tries, error=error)
    attempts = await fold_charges(
        tx,
        [Charged(one.call.request["attempt_id"], one.call.aggregate_id, as_told(one.result)) for one in outcomes],
    )
    return [
        tx.now + pause(ASK_AGAIN_AFTER, one.call.tries) if attempt.is_open else None
        for one, attempt in zip(outcomes, attempts, strict=True)
    ]


async def read_refunds(con: Any, calls: Sequence[EffectCall]) -> dict[str, MoneyBack]:
    refunds = await store.refunds_by_id(con, {call.request["refund_id"] for call in calls})
    return {call.id: refunds[call.request["refund_id"]] for call in calls}


async def call_refund(rt: "Runtime", call: EffectCall) -> dict[str, Any]:
    refund: MoneyBack = call.known
    if refund.state is RefundState.SUCCEEDED:
        return as_result(None)
    if refund.provider in SETTLED_BY_OTHERS:
        return as_result(Told("succeeded", refund.amount_minor, refund.currency, refund.key), key=refund.key)
    return as_result(await _refund(provider_of(rt), refund, tries=call.tries), key=refund.key)


async def _refund(provider: Provider, refund: MoneyBack, *, tries: int) -> Told:
    if tries > 1 and (told := await provider.look("refunds", refund.key)) is not None:
        return told
    body = {
        "key": refund.key,
        "order_id": refund.order_id,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
    }
    return await provider.ask("refunds", body)


async def fold_refund_calls(tx: Tx, outcomes: Sequence[Outcome]) -> list[datetime | None]:
    # By id first: the folds would lock the orders as they come.
    await book.open_cases(tx, {one.call.aggregate_id for one in outcomes})
    return [await _fold_refund_call(tx, one) for one in outcomes]


async def _fold_refund_call(tx: Tx, outcome: Outcome) -> datetime | None:
    call, result = outcome.call, outcome.result
    if outcome.error is not None:
        error = type(outcome.error).__name__
        log.warning("refund unknown", order_id=call.aggregate_id, tries=call.tries, error=error)
    key = result["key"] if result else None
    refund = await fold_refund(tx, call.request["refund_id"], as_told(result), key=key)
    if refund.state is RefundState.SUCCEEDED:
        return None
    if refund.state is RefundState.FAILED:
        return tx.now + pause(REFUND_AGAIN_AFTER, refund.tries - 1)
    return tx.now + pause(ASK_AGAIN_AFTER, call.tries)


EFFECTS = (
    Effect(kind=CHARGE, read=read_charges, call=call_charge, fold=fold_charge_calls, lease_seconds=LEASE_SECONDS),
    Effect(kind=REFUND, read=read_refunds, call=call_refund, fold=fold_refund_calls, lease_seconds=LEASE_SECONDS),
)
