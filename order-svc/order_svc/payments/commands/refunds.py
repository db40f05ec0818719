"""Asking money back for an order that is locked by the caller: one row and one call for each charge that gives some."""

from collections.abc import Sequence

from order_svc.orders.rules.order import LedgerRow
from order_svc.payments import store
from order_svc.payments.rules import BANK_TRANSFER, MoneyBack, split_over
from order_svc.payments.rules import Refund as Refund
from svc_kit import effects
from svc_kit.effects import Wanted
from svc_kit.transaction import Tx

REFUND = "refund"


async def request(tx: Tx, refunds: Sequence[Refund]) -> None:
    """The ledger's charges of this transaction are written. Raises NotThatMuch."""
    if not refunds:
        return
    charges = await store.charges(tx.con, {one.order_id for one in refunds})
    for refund in refunds:
        # One after the other: two refunds of one order must not take the same charge's money.
        parts = split_over(charges.get(refund.order_id, []), refund.amount_minor)
        asked = [
            MoneyBack(
                id=tx.ids.new("ref"),
                order_id=refund.order_id,
                attempt=charge.attempt,
                provider=charge.provider,
                charge_ref=charge.provider_ref,
                amount_minor=part,
                currency=refund.currency,
                reason=refund.reason,
                requested_at=tx.now,
            )
            for charge, part in parts
        ]
        await ask(tx, asked)
        if len(refunds) > 1:
            charges = await store.charges(tx.con, {one.order_id for one in refunds})


async def ask(tx: Tx, asked: Sequence[MoneyBack]) -> None:
    await store.insert_refunds(tx.con, asked)
    # A request moves no money, so it has no event of its own; the outcome's rows have.
    rows = [
        LedgerRow(one.attempt, "refund", "request", one.provider, one.key, one.amount_minor, tx.now) for one in asked
    ]
    await store.append(tx.con, [(one.order_id, row) for one, row in zip(asked, rows, strict=True)], at=tx.now)
    # A bank transfer goes back by hand: staff records it (`transfers`).
    called = [one for one in asked if one.provider != BANK_TRANSFER]
    await effects.request(tx, [Wanted(REFUND, one.order_id, {"refund_id": one.id}) for one in called])
