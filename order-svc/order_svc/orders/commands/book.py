"""The one way a command changes orders: lock and open them, let the rules work, write and say what came of it."""

from collections.abc import Collection, Mapping, Sequence

from order_svc.audit.commands import holds
from order_svc.delivery.queries import planner
from order_svc.orders import events
from order_svc.orders.rules.order import COD, Case, Order
from order_svc.orders.rules.states import Status
from order_svc.orders.store import details
from order_svc.orders.store import orders as store
from order_svc.orders.waiting import UNDECIDED
from order_svc.payments.commands import ledger, refunds
from svc_contracts.events import Event
from svc_contracts.events.order import Promise
from svc_kit import timers
from svc_kit.consumer import Received
from svc_kit.timers import Due
from svc_kit.transaction import Origin, Tx


async def open_cases(tx: Tx, order_ids: Collection[str]) -> dict[str, Case]:
    """Locks orders by id. Unknown ids are absent."""
    if not order_ids:
        return {}
    orders = await store.lock(tx.con, order_ids)
    plan = await planner(tx.con) if any(map(_may_confirm, orders.values())) else _no_plan
    return {order_id: Case(order, tx.now, plan) for order_id, order in orders.items()}


def _may_confirm(order: Order) -> bool:
    """Only then are the warehouses read."""
    if order.status is Status.PLACED:
        return order.prepaid_at is not None or order.payment_method == COD or order.is_covered
    return order.status in (Status.AWAITING_PAYMENT, Status.AUDITING, Status.ON_HOLD)


def _no_plan(order: Order, now: object) -> Promise:
    raise AssertionError(f"{order.id} was not expected to be confirmed")


async def close_cases(
    tx: Tx,
    cases: Collection[Case],
    *,
    causes: Mapping[str, Sequence[Received]] | None = None,
    origins: Mapping[str, Origin] | None = None,
) -> None:
    """Writes what the rules changed, with everything that hangs on it, and emits what they said, in order of ids.

    causes: order → for each thing it says, the event that led to it; origins: order → who asked, behind a batched door.
    """
    touched = sorted((case for case in cases if case.is_touched), key=lambda case: case.order.id)
    if not touched:
        return
    await _say(tx, touched, causes or {}, origins or {})
    for case in touched:
        case.order.version += 1
    await store.update(tx.con, [case.order for case in touched])
    await _write_details(tx, touched, origins or {})
    await _write_deadlines(tx, touched)
    await ledger.write(tx, [(case.order.id, row) for case in touched for row in case.ledger])
    await refunds.request(tx, [_refund(case) for case in touched if case.refund_minor])
    if ended := [case.order.id for case in touched if case.closes_holds]:
        await holds.close_holds(tx, ended, why="order_ended")
    opened = [(case.order.id, reason, about) for case in touched for reason, about in case.opened_holds]
    await holds.open_holds(tx, opened)
    decided = {case.order.id: case.order for case in touched if case.order.status is not Status.PLACED}
    tx.after_commit(lambda: UNDECIDED.of(tx.db).wake(decided))


async def _say(
    tx: Tx, cases: Sequence[Case], causes: Mapping[str, Sequence[Received]], origins: Mapping[str, Origin]
) -> None:
    again = [case.order.id for case in cases if case.asks_again]
    lines = await details.lines(tx.con, again) if again else {}
    for case in cases:
        order = case.order
        says: list[Event] = [*case.says]
        if case.asks_again:
            says.append(events.placed(order, [line for line, _, _ in lines[order.id]]))
        behind: Sequence[Received | None] = causes.get(order.id) or [None] * len(says)
        for event, cause in zip(says, behind, strict=True):
            order.event_seq += 1
            tx.emit(
                event,
                seq=order.event_seq,
                benefits=order.has_benefits,
                cause=cause,
                by=origins.get(order.id),
            )


async def _write_details(tx: Tx, cases: Sequence[Case], origins: Mapping[str, Origin]) -> None:
    entries = [(case.order.id, entry) for case in cases for entry in case.entries]
    if entries:
        actors = [origins[order_id].actor if order_id in origins else tx.actor for order_id, _ in entries]
        await details.insert_timeline(tx.con, entries, actors=actors, at=tx.now)
    if asked := list(dict.fromkeys((case.order.id, what) for case in cases for what in case.asked)):
        await details.ask_back(tx.con, asked, at=tx.now)
    if settled := list(dict.fromkeys((case.order.id, what) for case in cases for what in case.settled)):
        await details.settle(tx.con, settled, at=tx.now)


async def _write_deadlines(tx: Tx, cases: Sequence[Case]) -> None:
    over = [(case.order.id, str(kind)) for case in cases for kind, due_at in case.due.items() if due_at is None]
    await timers.schedule(
        tx,
        [Due(case.order.id, kind, due_at) for case in cases for kind, due_at in case.due.items() if due_at is not None],
        over=sorted(over),
    )


def _refund(case: Case) -> refunds.Refund:
    order = case.order
    return refunds.Refund(order.id, case.refund_minor, order.currency, order.reason or "order_over")
