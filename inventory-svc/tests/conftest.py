"""What the tests of inventory-svc share: the running service on a database of its own, and how to speak to it."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from inventory_svc.app import SERVICE
from inventory_svc.events_in import DECIDE, decide
from inventory_svc.fulfilment import queries as fulfilments
from inventory_svc.fulfilment.commands.steps import Step, take_steps
from inventory_svc.fulfilment.rules import Action, Fulfilment
from inventory_svc.reservations import store as reservations_store
from inventory_svc.stock import store as stock_store
from inventory_svc.stock.commands.receipts import Receipt, ReceiptLine, receive
from inventory_svc.stock.rules import Level
from inventory_svc.warehouses.commands import open_warehouse
from inventory_svc.warehouses.rules import Warehouse
from svc_contracts.events import Event
from svc_contracts.events.base import Components, Region
from svc_contracts.events.order import (
    OrderCancelled,
    OrderCancelling,
    OrderConfirmed,
    OrderEnded,
    OrderExpired,
    OrderPlaced,
    OrderRejected,
    PlacedLine,
    Promise,
)
from svc_kit.assembly import Runtime
from svc_kit.consumer import Received
from svc_kit.testing import SentEvent, deliver, outbox_of, runtime_of

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ENDS: dict[str, type[OrderEnded]] = {
    "rejected": OrderRejected,
    "expired": OrderExpired,
    "cancelling": OrderCancelling,
    "cancelled": OrderCancelled,
}


def line(line_id: str, sku: str, quantity: int, components: dict[str, int] | None = None) -> PlacedLine:
    parts = [Components(sku=part, quantity=units) for part, units in (components or {}).items()]
    amounts = {"gross_minor": 100, "discount_minor": 0, "net_minor": 100}
    return PlacedLine(line_id=line_id, sku=sku, product_id=None, quantity=quantity, components=parts, **amounts)


def placed(order_id: str, lines: Sequence[PlacedLine], *, attempt: int = 1, channel: str = "web") -> OrderPlaced:
    return OrderPlaced(
        order_id=order_id,
        attempt=attempt,
        number=1,
        shop="sample",
        channel=channel,
        person_id="per_1",
        region=Region(country="CN", province="Shanghai", city="Shanghai"),
        currency="CNY",
        lines=list(lines),
        delivery_fee_minor=0,
        total_minor=100,
        payment_method="sandbox",
        placed_at=NOW,
        received_at=NOW,
    )


def confirmed(order_id: str) -> OrderConfirmed:
    promise = Promise(ship_by=NOW, deliver_from=NOW, deliver_until=NOW)
    return OrderConfirmed(order_id=order_id, at=NOW, promise=promise, allocations=[], address_ref=f"adr_{order_id}")


def ended(order_id: str, how: str = "cancelling") -> OrderEnded:
    return ENDS[how](order_id=order_id, reason="test", at=NOW)


@dataclass
class Inventory:
    """The service, spoken to through its commands and its deciding consumer."""

    runtime: Runtime
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    line = staticmethod(line)
    placed = staticmethod(placed)
    confirmed = staticmethod(confirmed)
    ended = staticmethod(ended)

    async def open(self, code: str = "main", *, priority: int = 1, channels: Sequence[str] = ("web",)) -> None:
        about = ("own", "CN", priority, tuple(channels), "16:00", 24, "every_day", "Asia/Shanghai", "active")
        async with self.runtime.db.transaction() as tx:
            await open_warehouse(tx, Warehouse(code, *about, tx.now, 1, 1))  # type: ignore[arg-type]

    async def receive(self, units: dict[str, int], *, warehouse: str = "main", reference: str | None = None) -> Receipt:
        reference = reference or f"R-{next(self.numbers)}"
        lines = [ReceiptLine(sku, quantity) for sku, quantity in units.items()]
        async with self.runtime.db.transaction() as tx:
            return await receive(tx, warehouse=warehouse, reference=reference, lines=lines)

    async def deliver(self, *events: Event) -> None:
        """One batch through the consumer, as Kafka would bring it."""
        await deliver(self.runtime, DECIDE, events)

    async def decide(self, *events: Event) -> None:
        """One batch in a transaction of its own: for tests that run many at once."""
        async with self.runtime.db.transaction() as tx:
            await decide(tx, [self.received(event) for event in events])

    def received(self, event: Event) -> Received:
        return Received(
            event=event,
            event_id=UUID(int=next(self.numbers)),
            type=event.type,
            key=event.key,
            seq=1,
            timeline=1,
            at=NOW,
            correlation_id="cor_1",
            causation_id=None,
            headers={},
            topic=event.topic.name,
            partition=0,
            offset=0,
        )

    async def steps(self, action: Action, *steps: Step) -> list[Any]:
        async with self.runtime.db.transaction() as tx:
            return await take_steps(tx, action, steps)

    async def fulfilments_of(self, order_id: str) -> list[Fulfilment]:
        async with self.runtime.db.read() as con:
            return await fulfilments.fulfilments(con, states=[], warehouse=None, order_id=order_id, after="", limit=10)

    async def packed(self, order_id: str, units: dict[str, int]) -> Fulfilment:
        """An order that is reserved, confirmed, accepted, picked and packed."""
        lines = [line(f"l{n}", sku, quantity) for n, (sku, quantity) in enumerate(units.items(), start=1)]
        await self.deliver(placed(order_id, lines))
        await self.deliver(confirmed(order_id))
        [fulfilment] = await self.fulfilments_of(order_id)
        actions: tuple[Action, ...] = ("accept", "pick", "pack")
        for action in actions:
            [result] = await self.steps(action, Step(fulfilment.id))
            assert isinstance(result, Fulfilment), result
        return fulfilment

    async def level(self, sku: str, warehouse: str = "main") -> Level:
        async with self.runtime.db.read() as con:
            [found] = await stock_store.page_of_levels(con, skus=[sku], warehouse=warehouse, after="", limit=1)
            return found

    async def counts(self, sku: str, warehouse: str = "main") -> tuple[int, int]:
        """(on_hand, reserved)."""
        level = await self.level(sku, warehouse)
        return level.on_hand, level.reserved

    async def said(self, *, about: str | None = None) -> list[SentEvent]:
        """What was emitted, in order; with `about`, on that key alone."""
        return [event for event in await outbox_of(self.runtime) if about is None or event.key == about]

    async def types(self, about: str) -> list[str]:
        return [event.type for event in await self.said(about=about)]

    async def audit(self) -> None:
        """The invariant of the ledger: Σ live reservations = reserved = Σ movements, for every counter."""
        async with self.runtime.db.read() as con:
            assert await stock_store.levels_off_the_ledger(con) == {}
            assert await reservations_store.live_off_the_levels(con) == {}
        seqs: dict[str, list[int]] = {}
        for event in await self.said():
            seqs.setdefault(event.key, []).append(event.seq)
        assert all(found == list(range(1, len(found) + 1)) for found in seqs.values()), "a key's events have gaps"


@pytest.fixture
async def inventory(database_of: Callable[[str], Any]) -> AsyncIterator[Inventory]:
    """inventory-svc on an empty database with one open warehouse, `main`, that serves the channel `web`."""
    async with runtime_of(SERVICE, database_of("inventory_svc")) as runtime:
        stock = Inventory(runtime)
        await stock.open()
        yield stock


def by_type(events: Iterable[SentEvent], type_: str) -> list[SentEvent]:
    return [event for event in events if event.type == type_]
