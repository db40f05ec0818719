"""Payments of which nobody has known for long whether they happened."""

from collections.abc import Sequence

from order_svc.orders.commands import book
from order_svc.orders.rules import saga
from svc_kit.transaction import Tx


async def hold_unknown(tx: Tx, order_ids: Sequence[str]) -> None:
    """For the timer `unknown_payment`: somebody has to look."""
    cases = await book.open_cases(tx, order_ids)
    for case in cases.values():
        saga.payment_unknown(case)
    await book.close_cases(tx, list(cases.values()))
