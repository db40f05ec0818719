"""What staff does with a hold, and what its clock does."""

from collections.abc import Sequence
from datetime import datetime

from order_svc.audit import store
from order_svc.audit.commands.holds import DEADLINE
from order_svc.audit.rules import Contact, Hold, Kind, Outcome, possible
from order_svc.orders.commands import book
from order_svc.orders.rules import saga
from order_svc.orders.rules.order import Case
from order_svc.orders.rules.states import Status, may_cancel
from svc_kit import timers
from svc_kit.refusals import Fault, IllegalTransition, NotFound, ValidationFailed
from svc_kit.timers import Due
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


async def release(tx: Tx, hold_id: str, *, version: int, note: str | None, shops: frozenset[str] | None) -> Hold:
    """With the last open one the order goes on. Raises NotFound, StaleVersion, IllegalTransition."""
    case, hold = await _locked(tx, hold_id, version=version, shops=shops)
    released = await store.release(tx.con, hold.id, by=tx.actor.id, note=note, at=tx.now)
    await _go_on(tx, case, hold)
    await book.close_cases(tx, [case])
    return released


async def contact(
    tx: Tx,
    hold_id: str,
    *,
    version: int,
    kind: Kind,
    outcome: Outcome,
    note: str | None,
    next_at: datetime | None,
    shops: frozenset[str] | None,
) -> Hold:
    """Raises NotFound, StaleVersion, IllegalTransition, ValidationFailed."""
    case, hold = await _locked(tx, hold_id, version=version, shops=shops)
    if next_at is not None and next_at <= tx.now:
        raise ValidationFailed(
            [Fault("/next_at", "in-the-past", "Name a time that is still to come", "请填写将来的时间")]
        )
    made = Contact(tx.ids.new("con"), hold.id, kind, outcome, note, next_at, tx.actor.id, tx.now)
    await store.insert_contact(tx.con, made)
    case.note("contacted", hold_id=hold.id, by=kind, outcome=outcome)
    touched = await store.touch(tx.con, hold.id)
    await book.close_cases(tx, [case])
    return touched


async def hold_due(tx: Tx, order_ids: Sequence[str]) -> None:
    """The clock of a hold ran out: the order is cancelled or goes on, as the policy of its reason says."""
    cases = await book.open_cases(tx, order_ids)
    held = await store.open_holds(tx.con, order_ids)
    for order_id, case in cases.items():
        mine = [one for one in held if one.order_id == order_id and one.on_deadline is not None]
        due = [one for one in mine if one.due_at <= tx.now]
        if any(one.on_deadline == "cancel" for one in due) and may_cancel(
            case.order.status, shipped_units=case.order.shipped_units
        ):
            saga.cancel(case, "hold_expired")
            continue
        for one in due:
            if one.on_deadline == "release":
                await store.release(tx.con, one.id, by=tx.actor.id, note=None, at=tx.now)
                await _go_on(tx, case, one)
        if later := [one.due_at for one in mine if one.due_at > tx.now]:
            await timers.schedule(tx, [Due(order_id, DEADLINE, min(later))])
    await book.close_cases(tx, list(cases.values()))


async def _locked(tx: Tx, hold_id: str, *, version: int, shops: frozenset[str] | None) -> tuple[Case, Hold]:
    """The order first, then the hold as it is under that lock."""
    found = await store.hold(tx.con, hold_id)
    if found is None or (shops is not None and found.shop not in shops):
        raise NotFound()
    case = (await book.open_cases(tx, [found.order_id]))[found.order_id]
    hold = await store.hold(tx.con, hold_id)
    assert hold is not None
    require_version(hold.version, version)
    if hold.state != "open":
        raise IllegalTransition(state=hold.state, possible=possible(hold.state))
    return case, hold


async def _go_on(tx: Tx, case: Case, released: Hold) -> None:
    """`waived` keeps the reason from holding the order again at the next look."""
    order, reason = case.order, released.reason.value
    if await store.open_holds(tx.con, [order.id]) or order.status is not Status.ON_HOLD:
        order.waived = tuple(sorted({*order.waived, reason}))
        case.note("hold_released", reasons=[reason])
        return
    await timers.cancel(tx, [(order.id, DEADLINE)])
    saga.hold_released(case, [reason])
