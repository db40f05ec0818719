"""Deciding about benefits, many orders per commit: lock, refuse, use, release."""

from collections.abc import Iterable, Sequence

from marketing_svc.benefits import store
from marketing_svc.benefits.rules.counting import Counter
from marketing_svc.benefits.rules.deciding import BenefitOrder, Desk, NothingLocked, Outcome, Terms, Use
from marketing_svc.coupons import queries as coupons
from marketing_svc.promotions import queries as promotions
from marketing_svc.promotions.commands.exhaustion import settle
from svc_contracts.events.order import (
    OrderCancelled,
    OrderCancelling,
    OrderConfirmed,
    OrderEnded,
    OrderExpired,
    OrderPlaced,
    OrderRejected,
)
from svc_kit.consumer import Poison, Received
from svc_kit.transaction import Tx

ENDS = (OrderRejected, OrderExpired, OrderCancelling, OrderCancelled)


async def lock_benefits(tx: Tx, events: Sequence[Received]) -> None:
    """Decide a batch in order of arrival over locked rows, then write all of it with a handful of statements.

    Locks: benefit_order by id, counters by id; where a promotion is exhausted or available again, shops and
    promotions. Effects: benefits.locked, refused, used, released; promotion.exhausted, available. Raises Poison where
    an order was confirmed whose benefits were never locked.
    """
    events = [one for one in events if isinstance(one.event, (OrderPlaced, OrderConfirmed, *ENDS))]
    orders = await _lock_orders(tx, events)
    before = {order_id: _written(order) for order_id, order in orders.items()}
    desk = await _desk(tx, events, orders)
    full = {counter.subject_id for counter in desk.counters.values() if counter.is_full}
    for index, received in enumerate(events):
        _decide(desk, received, index)
    if desk.entries:
        await store.append_entries(tx.con, desk.entries, at=tx.now)
    # What ends frees slots that what begins may have.
    if desk.freed:
        await store.end_uses(tx.con, desk.freed)
    if desk.uses:
        await store.begin_uses(tx.con, list(desk.uses.values()))
    if changed := [order for order in orders.values() if _written(order) != before[order.order_id]]:
        await store.update_orders(tx.con, changed, at=tx.now)
    for said in desk.said:
        tx.emit(said.event, seq=said.seq, cause=events[said.because])
    await settle(tx, _crossed(desk.counters.values(), full))


def _written(order: BenefitOrder) -> tuple[Outcome | None, int, int]:
    return order.outcome, order.attempt, order.event_seq


def _crossed(counters: Iterable[Counter], full: set[str]) -> set[str]:
    """Counters that became full or have room again."""
    return {one.subject_id for one in counters if one.is_full != (one.subject_id in full)}


async def _lock_orders(tx: Tx, events: Sequence[Received]) -> dict[str, BenefitOrder]:
    """The orders of the batch; a confirmed one that is not known is not made known."""
    attempts: dict[str, int] = {}
    for received in events:
        if isinstance(received.event, OrderPlaced):
            attempts.setdefault(received.event.order_id, received.event.attempt)
        elif isinstance(received.event, OrderEnded):
            attempts.setdefault(received.event.order_id, 1)
    if attempts:
        await store.remember_orders(tx.con, attempts, at=tx.now)
    return await store.lock_orders(tx.con, {received.key for received in events})


async def _desk(tx: Tx, events: Sequence[Received], orders: dict[str, BenefitOrder]) -> Desk:
    """Everything that the batch may touch, locked."""
    placed = [received.event for received in events if isinstance(received.event, OrderPlaced)]
    terms = await _terms(tx, placed)
    subjects = {subject for one in terms.values() for subject in one.limits}
    subjects |= {subject for order in orders.values() for item in order.items for subject in item.subjects}
    counters = await store.lock_counters(tx.con, subjects) if subjects else {}
    limited = {subject for one in terms.values() for subject, limit in one.limits.items() if limit is not None}
    people = {event.person_id for event in placed}
    pairs = [(subject, person) for subject in limited for person in people]
    slots = await store.slots_in_use(tx.con, pairs) if pairs else {}
    held: dict[str, list[Use]] = {}
    for use in await store.uses_of_orders(tx.con, orders) if orders else []:
        held.setdefault(use.order_id, []).append(use)
    return Desk(orders, counters, terms, slots, held=held)


async def _terms(tx: Tx, placed: Sequence[OrderPlaced]) -> dict[tuple[str, str, str | None], Terms]:
    """What the benefits rest on; unknown promotions and codes are left out."""
    asked = {(event.shop, one.promotion_id, one.coupon_code) for event in placed for one in event.benefits}
    known = await promotions.promotions(tx.con, {promotion_id for _, promotion_id, _ in asked})
    batches = await coupons.by_codes(tx.con, {(shop, code) for shop, _, code in asked if code is not None})
    found = {}
    for shop, promotion_id, code in asked:
        batch = batches.get((shop, code)) if code is not None else None
        if promotion_id in known and (code is None or batch is not None):
            found[(shop, promotion_id, code)] = Terms(known[promotion_id], batch)
    return found


def _decide(desk: Desk, received: Received, index: int) -> None:
    event = received.event
    if isinstance(event, OrderPlaced):
        desk.place(event, because=index)
    elif isinstance(event, OrderConfirmed):
        try:
            desk.confirm(event.order_id, because=index)
        except NothingLocked as error:
            raise Poison(f"{error} was confirmed without its benefits", event_ids=[received.event_id]) from error
    elif isinstance(event, OrderEnded):
        desk.end(event, because=index)
