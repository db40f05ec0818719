"""What the clock does to orders. Their rows are locked by the timer."""

from collections.abc import Callable, Sequence

from order_svc.orders.commands import book
from order_svc.orders.rules import saga
from order_svc.orders.rules.order import Case
from svc_kit.transaction import Tx


async def decision_overdue(tx: Tx, order_ids: Sequence[str]) -> None:
    """T1: somebody did not answer for a quarter of an hour."""
    await _fire(tx, order_ids, saga.undecided)


async def unpaid_overdue(tx: Tx, order_ids: Sequence[str]) -> None:
    """T2: nobody paid."""
    await _fire(tx, order_ids, saga.expire)


async def _fire(tx: Tx, order_ids: Sequence[str], step: Callable[[Case], None]) -> None:
    cases = await book.open_cases(tx, order_ids)
    for case in cases.values():
        step(case)
    await book.close_cases(tx, list(cases.values()))
