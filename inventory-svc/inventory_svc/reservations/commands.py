"""Deciding about orders, many per commit: reserve, release, hand over to fulfilment."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from inventory_svc.reservations import store
from inventory_svc.reservations.rules import (
    Desk,
    Issue,
    NothingReserved,
    Outcome,
    ReservationState,
    Reserved,
    StockOrder,
    demand_of,
)
from inventory_svc.stock.commands import ledger
from inventory_svc.stock.rules import CauseKind, Movement, MovementKind, level_key
from inventory_svc.warehouses.queries import serving_channels
from inventory_svc.warehouses.rules import serving
from svc_contracts.events import Event
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


@dataclass(frozen=True, slots=True)
class Settled:
    """What fulfilment has to do in the same transaction."""

    issue: tuple[Issue, ...]
    recall: tuple[str, ...]


async def reserve_orders(tx: Tx, events: Sequence[Received]) -> Settled:
    """Decide a batch in order of arrival over locked rows, then write all of it with a handful of statements.

    Locks: stock_order by id, then levels by key. Effects: stock.reserved, refused, released, release_refused;
    stock.level_changed. Raises Poison where an order was confirmed that nothing was ever promised to.
    """
    events = [received for received in events if isinstance(received.event, (OrderPlaced, OrderConfirmed, *ENDS))]
    orders, fresh = await _lock_orders(tx, events)
    channels = {event.channel for event in _placed(events)}
    warehouses = await serving_channels(tx.con, channels) if channels else []
    by_channel = {channel: serving(warehouses, channel) for channel in channels}
    levels = await ledger.lock_levels(tx, _keys(events, orders, by_channel))
    desk = Desk(orders, by_channel, {key: level.sellable for key, level in levels.items()})
    before = {order_id: _written(order) for order_id, order in orders.items() if order_id not in fresh}
    before |= {order_id: (Outcome.RESERVED, attempt, 1, False) for order_id, attempt in fresh.items()}
    for index, received in enumerate(events):
        _decide(desk, received, index)
    if desk.reserved:
        await store.insert_reservations(tx.con, desk.reserved, at=tx.now)
    if desk.released:
        await store.release_live(tx.con, desk.released)
    if changed := [order for order in orders.values() if _written(order) != before[order.order_id]]:
        await store.update_orders(tx.con, changed, at=tx.now)
    for said in desk.said:
        tx.emit(said.event, seq=said.seq, cause=events[said.because])
    await ledger.post(tx, levels, desk.movements)
    return Settled(tuple(desk.issues.values()), tuple(sorted(desk.released)))


def _written(order: StockOrder) -> tuple[Outcome | None, int, int, bool]:
    return order.outcome, order.attempt, order.event_seq, order.issued


async def _lock_orders(tx: Tx, events: Sequence[Received]) -> tuple[dict[str, StockOrder], dict[str, int]]:
    """The orders of the batch with what is held for them, and the attempts of those not seen before."""
    attempts: dict[str, int] = {}
    for received in events:
        if isinstance(received.event, OrderPlaced):
            attempts.setdefault(received.event.order_id, received.event.attempt)
        elif isinstance(received.event, OrderEnded):
            attempts.setdefault(received.event.order_id, 1)
    new = await store.remember_orders(tx.con, attempts, at=tx.now) if attempts else set()
    fresh = {order_id: attempts[order_id] for order_id in new}
    known = {received.key for received in events} - new
    orders = await store.lock_orders(tx.con, known) if known else {}
    for one in await store.held_for(tx.con, known) if known else []:
        orders[one.order_id].held.append(one)
    orders |= {order_id: StockOrder(order_id, attempt, None) for order_id, attempt in fresh.items()}
    return orders, fresh


def _placed(events: Iterable[Received]) -> list[OrderPlaced]:
    return [received.event for received in events if isinstance(received.event, OrderPlaced)]


def _keys(events: Sequence[Received], orders: dict[str, StockOrder], by_channel: dict[str, list[str]]) -> set[str]:
    """Every level that the batch may touch."""
    keys = {one.key for order in orders.values() for one in order.held}
    for event in _placed(events):
        keys |= {level_key(sku, code) for sku in demand_of(event.lines) for code in by_channel[event.channel]}
    return keys


def _decide(desk: Desk, received: Received, index: int) -> None:
    event = received.event
    if isinstance(event, OrderPlaced):
        desk.place(event, because=index)
    elif isinstance(event, OrderConfirmed):
        try:
            desk.confirm(event)
        except NothingReserved as error:
            raise Poison(f"{error} was confirmed without a reservation", event_ids=[received.event_id]) from error
    elif isinstance(event, ENDS):
        # `cancelled` follows `cancelling` once the money is back: what was released then needs no second word.
        desk.end(event.order_id, again_is_news=not isinstance(event, OrderCancelled), because=index)


# What the fulfilment room does with reservations, always under the order's lock.


async def lock_orders(tx: Tx, order_ids: Collection[str]) -> dict[str, StockOrder]:
    """The rows that everything about an order waits for; without what is held."""
    return await store.lock_orders(tx.con, order_ids) if order_ids else {}


async def say(tx: Tx, orders: dict[str, StockOrder], events: Sequence[tuple[str, Event]]) -> None:
    """Emit (order id, event) about locked orders in their sequence."""
    spoken: dict[str, int] = {}
    for order_id, event in events:
        spoken[order_id] = spoken.get(order_id, orders[order_id].event_seq) + 1
        tx.emit(event, seq=spoken[order_id])
    if spoken:
        await store.raise_event_seq(tx.con, spoken)
        for order_id, seq in spoken.items():
            orders[order_id].event_seq = seq


async def mark_picked(tx: Tx, parcels: Sequence[tuple[str, str]]) -> None:
    """The units of each (order, warehouse) lie packed."""
    await store.move_state(tx.con, parcels, before=ReservationState.RESERVED, after=ReservationState.PICKED)


@dataclass(frozen=True, slots=True)
class Leaving:
    """A shipment about to leave with everything that is held for its order in its warehouse."""

    shipment_id: str
    order_id: str
    warehouse: str


async def ship(tx: Tx, leaving: Sequence[Leaving]) -> dict[str, list[Reserved]]:
    """Take the units off the shelf. Returns, by shipment, what is not there to be taken; those stay as they were.

    Locks: levels by key (the orders are locked by the caller). Effects: movements `shipped`, stock.level_changed.
    """
    parcels = await _picked(tx, leaving)
    levels = await ledger.lock_levels(tx, {unit.key for parcel in parcels.values() for unit in parcel})
    there = {key: level.on_hand for key, level in levels.items()}
    missing: dict[str, list[Reserved]] = {}
    movements: list[Movement] = []
    gone: list[tuple[str, str]] = []
    for one in leaving:
        parcel = parcels.get((one.order_id, one.warehouse), [])
        # Sold before it was there (back-order), or a count found less: it cannot leave yet.
        if absent := _absent(parcel, there):
            missing[one.shipment_id] = absent
            continue
        for unit in parcel:
            there[unit.key] -= unit.quantity
        movements += [_shipped(unit, one.shipment_id) for unit in parcel]
        gone.append((one.order_id, one.warehouse))
    if gone:
        await store.move_state(tx.con, gone, before=ReservationState.PICKED, after=ReservationState.SHIPPED)
    await ledger.post(tx, levels, movements)
    return missing


async def _picked(tx: Tx, leaving: Sequence[Leaving]) -> dict[tuple[str, str], list[Reserved]]:
    parcels: dict[tuple[str, str], list[Reserved]] = {}
    for unit in await store.held_for(tx.con, {one.order_id for one in leaving}):
        if unit.state is ReservationState.PICKED:
            parcels.setdefault((unit.order_id, unit.warehouse), []).append(unit)
    return parcels


def _absent(parcel: Sequence[Reserved], there: Mapping[str, int]) -> list[Reserved]:
    wanted: dict[str, int] = {}
    for unit in parcel:
        wanted[unit.key] = wanted.get(unit.key, 0) + unit.quantity
    return [unit for unit in parcel if wanted[unit.key] > there[unit.key]]


def _shipped(unit: Reserved, shipment_id: str) -> Movement:
    return Movement(unit.key, MovementKind.SHIPPED, unit.quantity, CauseKind.SHIPMENT, shipment_id, unit.line_id)
