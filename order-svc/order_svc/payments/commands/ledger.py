"""The ledger as an order's commands write it. The orders are locked by the caller."""

from collections.abc import Sequence

from order_svc.orders.rules.order import LedgerRow
from order_svc.payments import store
from svc_kit.transaction import Tx


async def write(tx: Tx, rows: Sequence[tuple[str, LedgerRow]]) -> set[tuple[str, str, str]]:
    """`rows`: (order, row). Returns (provider ref, kind, phase) of those that were new."""
    if not rows:
        return set()
    return {(ref, kind, phase) for _, ref, kind, phase in await store.append(tx.con, rows, at=tx.now)}
