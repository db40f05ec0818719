"""Holds as an order's commands open and close them. The orders are locked by the caller."""

from collections.abc import Sequence
from typing import Any

from order_svc.audit import store
from order_svc.audit.rules import new_hold
from order_svc.orders import queries as orders
from svc_kit import timers
from svc_kit.timers import Due
from svc_kit.transaction import Tx

DEADLINE = "hold_due"


async def open_holds(tx: Tx, holds: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
    """`holds`: (order, reason, evidence). One that is open for the same reason already stays as it is."""
    if not holds:
        return
    shops = await orders.shops_of(tx.con, {order_id for order_id, _, _ in holds})
    opened = [
        new_hold(tx.ids.new("hld"), order_id=order_id, shop=shops[order_id], reason=reason, evidence=about, at=tx.now)
        for order_id, reason, about in holds
    ]
    written = await store.insert(tx.con, opened)
    due: dict[str, Due] = {}
    for hold in opened:
        if hold.id in written and hold.on_deadline is not None:
            due[hold.order_id] = Due(hold.order_id, DEADLINE, hold.due_at)
    await timers.schedule(tx, list(due.values()))


async def close_holds(tx: Tx, order_ids: Sequence[str], *, why: str) -> None:
    """The orders have ended: nobody has to look any more."""
    closed = await store.close_open(tx.con, order_ids, why=why, at=tx.now)
    await timers.cancel(tx, sorted({(hold.order_id, DEADLINE) for hold in closed}))


async def answered(tx: Tx, order_id: str, *, attempt: int) -> tuple[list[str], bool]:
    """The payment that nobody knew of is known now: its hold has no reason any more.

    Returns (the reasons of what was closed, whether other holds are open).
    """
    held = await store.open_holds(tx.con, [order_id])
    over = [one for one in held if one.reason == "payment_mismatch" and one.evidence.get("attempt") == attempt]
    for one in over:
        await store.close(tx.con, one.id, why="payment_known", at=tx.now)
    return [one.reason.value for one in over], len(held) > len(over)
