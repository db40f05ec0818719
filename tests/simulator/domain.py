"""An order service and an inventory service around production's own steps and decisions."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulator.memory import Record, Tables, Work

from inventory_svc.reservations.rules import LIVE, Desk, Outcome, ReservationState, Reserved, StockOrder
from inventory_svc.stock.rules import CauseKind, Level, Movement, MovementKind, applied, deltas
from order_svc.orders.rules import parcels, saga
from order_svc.orders.rules.order import Case, Order
from order_svc.orders.rules.states import Impossible, Status, may_cancel
from svc_contracts.events import Event
from svc_contracts.events.base import Region
from svc_contracts.events.order import (
    OrderCancelled,
    OrderCancelling,
    OrderConfirmed,
    OrderExpired,
    OrderPlaced,
    OrderRejected,
    PlacedLine,
    Promise,
)
from svc_contracts.events.stock import (
    FulfilmentAccepted,
    ShipmentDelivered,
    ShipmentShipped,
    ShippedLine,
    StockRefused,
    StockReleased,
    StockReleaseRefused,
    StockReserved,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHANNEL = "sim"
SHELVES = ("north", "south")
PRICE_MINOR = 100


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def plan(order: Order, now: datetime) -> Promise:
    return Promise(ship_by=now, deliver_from=now, deliver_until=now)


@dataclass(slots=True)
class Kept:
    """An order with what hangs on it."""

    order: Order
    lines: list[PlacedLine]
    due: dict[str, datetime] = field(default_factory=dict)
    owed_back: dict[str, bool] = field(default_factory=dict)  # what → whether it has come back
    refund_minor: int = 0  # asked of the provider, not answered yet
    parcels: set[tuple[str, str]] = field(default_factory=set)
    holds: list[str] = field(default_factory=list)

    def copy(self) -> "Kept":
        """The steps replace an order's lists and never change them in place."""
        return replace(
            self, order=copy.copy(self.order), due=dict(self.due), owed_back=dict(self.owed_back),
            parcels=set(self.parcels), holds=list(self.holds),
        )  # fmt: skip


@dataclass(slots=True)
class Orders:
    """order-svc."""

    tables: Tables
    placed: int = 0

    def place(self, lines: list[PlacedLine], *, address_missing: tuple[str, ...], now: float) -> str:
        self.placed += 1
        order_id = f"ord_{self.placed}"
        total = sum(line.net_minor for line in lines)
        order = Order(
            id=order_id, number=self.placed, shop="sim", channel=CHANNEL, external_id=None, person_id="per_1",
            visitor_id=None, session_id=None, cart_id=None, currency="CNY", gross_minor=total, discount_minor=0,
            delivery_fee_minor=0, total_minor=total, payment_method="sandbox",
            region={"country": "CN", "province": "P", "city": "C"}, benefits=[], bundles={},
            units=sum(line.quantity for line in lines), address_ref="adr_1", address_missing=address_missing,
            unpaid_expiry_seconds=30, placed_at=at(now), received_at=at(now),
        )  # fmt: skip
        kept = Kept(order, lines, due={"undecided": at(now) + saga.UNDECIDED_AFTER})
        work = Work(self.tables)
        order.event_seq += 1
        work.emit(self._placed(kept), order.event_seq)
        work.rows[order_id] = kept
        work.commit()
        return order_id

    def _placed(self, kept: Kept) -> OrderPlaced:
        order = kept.order
        return OrderPlaced(
            order_id=order.id, attempt=order.attempt, number=order.number, shop=order.shop, channel=order.channel,
            person_id=order.person_id, region=Region(**order.region), currency=order.currency, lines=kept.lines,
            delivery_fee_minor=0, total_minor=order.total_minor, payment_method=order.payment_method,
            placed_at=order.placed_at, received_at=order.received_at,
        )  # fmt: skip

    def open(self, work: Work, order_id: str, now: float) -> Case:
        """A copy, so that a transaction that fails leaves nothing."""
        kept = work.rows.setdefault(order_id, self.tables.rows[order_id].copy())
        return Case(kept.order, at(now), plan)

    def close(self, work: Work, case: Case) -> None:
        kept: Kept = work.rows[case.order.id]
        for kind, due_at in case.due.items():
            kept.due.pop(kind, None)
            if due_at is not None:
                kept.due[kind] = due_at
        kept.owed_back |= dict.fromkeys(case.asked, False)
        kept.owed_back |= {what: True for what in case.settled if what in kept.owed_back}
        kept.refund_minor += case.refund_minor
        kept.holds += [reason for reason, _ in case.opened_holds]
        if case.closes_holds:
            kept.holds.clear()
        says: list[Event] = [*case.says, *([self._placed(kept)] if case.asks_again else [])]
        for event in says:
            case.order.event_seq += 1
            work.emit(event, case.order.event_seq)

    def handle(self, work: Work, records: Sequence[Record], now: float) -> None:
        for record in records:
            case = self.open(work, record.key, now)
            self._step(case, work.rows[record.key], record.event)
            self.close(work, case)

    def _step(self, case: Case, kept: Kept, event: Event) -> None:
        match event:
            case StockReserved():
                saga.stock_reserved(case, event.attempt, event.allocations)
            case StockRefused():
                saga.stock_refused(case, event.attempt, event.shortages)
            case StockReleased():
                saga.stock_released(case)
            case StockReleaseRefused():
                saga.release_refused(case)
            case FulfilmentAccepted():
                parcels.fulfilment_accepted(case, event.fulfilment_id)
            case ShipmentShipped() if ("shipped", event.shipment_id) not in kept.parcels:
                kept.parcels.add(("shipped", event.shipment_id))
                parcels.shipped(case, event.shipment_id, sum(line.quantity for line in event.lines))
            case ShipmentDelivered() if ("delivered", event.shipment_id) not in kept.parcels:
                kept.parcels.add(("delivered", event.shipment_id))
                parcels.delivered(case, event.shipment_id, sum(line.quantity for line in event.lines))

    # What buyers, staff, the clock and the provider do; each is one transaction.

    def change(self, order_id: str, step: Any, now: float) -> bool:
        """False where the state does not allow it, and nothing has changed."""
        work = Work(self.tables)
        case = self.open(work, order_id, now)
        try:
            step(case, work.rows[order_id])
        except Impossible:
            return False
        self.close(work, case)
        work.commit()
        return True

    def pay(self, order_id: str, now: float) -> bool:
        """The buyer's charge succeeds, whatever has become of the order meanwhile."""

        def step(case: Case, kept: Kept) -> None:
            saga.charged(case, case.order.total_minor, at=case.now)

        order = self.tables.rows[order_id].order
        if order.charged_minor or order.status is Status.PLACED:
            return False
        return self.change(order_id, step, now)

    def cancel(self, order_id: str, now: float) -> bool:
        order = self.tables.rows[order_id].order
        if not may_cancel(order.status, shipped_units=order.shipped_units):
            return False
        return self.change(order_id, lambda case, kept: saga.cancel(case, "changed_mind"), now)

    def release_hold(self, order_id: str, now: float) -> bool:
        def step(case: Case, kept: Kept) -> None:
            reasons, kept.holds = kept.holds, []
            saga.hold_released(case, reasons)

        return self.change(order_id, step, now)

    def answer_refund(self, order_id: str, now: float) -> bool:
        def step(case: Case, kept: Kept) -> None:
            amount, kept.refund_minor = kept.refund_minor, 0
            saga.refunded(case, amount, reason="back")

        return bool(self.tables.rows[order_id].refund_minor) and self.change(order_id, step, now)

    def fire_due(self, now: float) -> None:
        moment = at(now)
        for order_id, kept in list(self.tables.rows.items()):
            for kind in [kind for kind, due_at in kept.due.items() if due_at <= moment]:
                step = saga.expire if kind == "unpaid" else saga.undecided

                def fire(case: Case, kept: Kept, kind: str = kind, step: Any = step) -> None:
                    kept.due.pop(kind, None)
                    step(case)

                self.change(order_id, fire, now)


@dataclass(slots=True)
class Inventory:
    """inventory-svc: levels and stock orders are rows; every change goes through the ledger's arithmetic."""

    tables: Tables
    ledger: list[Movement] = field(default_factory=list)

    def receive(self, sku: str, warehouse: str, quantity: int) -> None:
        key = f"{sku}@{warehouse}"
        work = Work(self.tables)
        self._post(work, [Movement(key, MovementKind.RECEIVED, quantity, CauseKind.RECEIPT, f"opening-{key}", "1")])
        work.commit()

    def _level(self, work: Work, key: str) -> Level:
        return work.rows.get(f"level/{key}") or self.tables.rows.get(f"level/{key}") or Level(key)

    def _post(self, work: Work, movements: Sequence[Movement]) -> None:
        """As stock.commands.ledger: counters change by the sums of the movements' signs, within the table's CHECKs."""
        for key, delta in deltas(movements).items():
            after = applied(self._level(work, key), delta, may_raise_deficit=False)
            assert min(after.on_hand, after.reserved) >= 0, f"negative counter: {after}"
            assert after.reserved <= after.on_hand, f"oversold: {after}"
            work.rows[f"level/{key}"] = after
        work.rows["ledger"] = [*work.rows.get("ledger", self.tables.rows.get("ledger", [])), *movements]

    def handle(self, work: Work, records: Sequence[Record], now: float) -> None:
        orders = {
            record.key: copied(self.tables.rows.get(record.key)) or StockOrder(record.key, 1, None)
            for record in records
        }
        keys = {key for key in self.tables.rows if key.startswith("level/")}
        free = {key.removeprefix("level/"): self.tables.rows[key].sellable for key in keys}
        desk = Desk(orders, {CHANNEL: SHELVES}, free)
        for n, record in enumerate(records):
            match record.event:
                case OrderPlaced():
                    desk.place(record.event, because=n)
                case OrderConfirmed():
                    desk.confirm(record.event)
                case OrderRejected() | OrderExpired() | OrderCancelling() | OrderCancelled():
                    news = not isinstance(record.event, OrderCancelled)
                    desk.end(record.key, again_is_news=news, because=n)
        # As the store does: what was not held in the database before is inserted with its order.
        work.rows.update(orders)
        for said in desk.said:
            work.emit(said.event, said.seq)
        self._post(work, desk.movements)

    def ship(self, order_id: str, now: float) -> bool:
        """Accepted, picked, packed and off, if nobody cancelled first. Under the order's lock, as in production."""
        order: StockOrder | None = self.tables.rows.get(order_id)
        if order is None or order.outcome is not Outcome.RESERVED or not order.issued:
            return False
        if not order.held or any(one.state not in LIVE for one in order.held):
            return False
        work = Work(self.tables)
        order = replace(order)
        self._emit(work, order, FulfilmentAccepted, now)
        self._post(work, [_shipped(one) for one in order.held])
        lines = [ShippedLine(line_id=one.line_id, quantity=one.quantity) for one in order.held]
        order.held = [replace(one, state=ReservationState.SHIPPED) for one in order.held]
        self._emit(work, order, ShipmentShipped, now, shipment_id=f"shp_{order_id}", lines=lines)
        work.rows[order_id] = order
        work.commit()
        return True

    def deliver(self, order_id: str, now: float) -> bool:
        order: StockOrder | None = self.tables.rows.get(order_id)
        if order is None or not order.held or any(one.state is not ReservationState.SHIPPED for one in order.held):
            return False
        if f"delivered/{order_id}" in self.tables.rows:
            return False
        work = Work(self.tables)
        order = replace(order)
        lines = [ShippedLine(line_id=one.line_id, quantity=one.quantity) for one in order.held]
        self._emit(work, order, ShipmentDelivered, now, shipment_id=f"shp_{order_id}", lines=lines)
        work.rows |= {order_id: order, f"delivered/{order_id}": True}
        work.commit()
        return True

    def _emit(self, work: Work, order: StockOrder, kind: type[Any], now: float, **more: Any) -> None:
        order.event_seq += 1
        facts = {"order_id": order.order_id, "fulfilment_id": f"ful_{order.order_id}", "warehouse": SHELVES[0]}
        work.emit(kind(**facts, at=at(now), **more), order.event_seq)

    @property
    def levels(self) -> dict[str, Level]:
        return {level.key: level for name, level in self.tables.rows.items() if name.startswith("level/")}

    def live(self) -> dict[str, int]:
        """Units that are held for orders, by level."""
        held: dict[str, int] = {}
        for row in self.tables.rows.values():
            for one in row.held if isinstance(row, StockOrder) else ():
                if one.state in LIVE:
                    held[one.key] = held.get(one.key, 0) + one.quantity
        return held


def copied(order: StockOrder | None) -> StockOrder | None:
    return order and replace(order, held=list(order.held), shortages=list(order.shortages))


def _shipped(one: Reserved) -> Movement:
    return Movement(one.key, MovementKind.SHIPPED, one.quantity, CauseKind.SHIPMENT, f"shp_{one.order_id}", one.line_id)
