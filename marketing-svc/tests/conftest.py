"""What the tests of marketing-svc share: the running service on a database of its own, and how to speak to it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest

from marketing_svc.app import SERVICE
from marketing_svc.benefits.queries.counters import off_the_ledger
from marketing_svc.events_in import DECIDE, PROJECT
from marketing_svc.timers import TIMERS
from svc_contracts.events import Event
from svc_contracts.events.base import Region
from svc_contracts.events.catalog import ListingChanged, ShopChanged
from svc_contracts.events.order import (
    Benefit,
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
from svc_kit.clock import FixedClock
from svc_kit.consumer import Received
from svc_kit.testing import SentEvent, client_of, deliver, outbox_of, runtime_of
from svc_kit.timers import TimerRunner

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ENDS: dict[str, type[OrderEnded]] = {
    "rejected": OrderRejected,
    "expired": OrderExpired,
    "cancelling": OrderCancelling,
    "cancelled": OrderCancelled,
}
PEOPLE: tuple[dict[str, Any], ...] = (
    {"id": "stf_merchant", "scopes": ("marketing:*",)},
    {"kind": "svc", "id": "order-svc", "scopes": ("internal:benefit-quotes",)},
    {"kind": "visitor", "id": "anonymous", "scopes": ("store",)},
)
NUMBERS = (
    "SELECT used, locked, reserved_minor, spent_minor FROM usage_counter WHERE subject_id = $1"  # as `counter` tells
)


def money(amount_minor: int, currency: str = "CNY") -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": currency}


def done(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, slug: str) -> dict[str, str]:
    """{pointer: code} of its faults."""
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), answer.text
    return {one["pointer"]: one["code"] for one in answer.json().get("errors", [])}


def benefit(promotion: Any, amount_minor: int, code: str | None = None) -> Benefit:
    id = promotion if isinstance(promotion, str) else promotion["id"]
    return Benefit(promotion_id=id, coupon_code=code, amount_minor=amount_minor)


def placed(
    order_id: str, *benefits: Benefit, attempt: int = 1, person_id: str | None = None, at: datetime = NOW
) -> OrderPlaced:
    amounts = {"gross_minor": 100_000, "discount_minor": 0, "net_minor": 100_000}
    return OrderPlaced(
        order_id=order_id,
        attempt=attempt,
        number=1,
        shop="tea",
        channel="web",
        person_id=person_id or f"per_{order_id}",
        region=Region(country="CN", province="Shanghai", city="Shanghai"),
        currency="CNY",
        lines=[PlacedLine(line_id="l1", sku="A", product_id=None, quantity=1, **amounts)],
        delivery_fee_minor=0,
        total_minor=100_000,
        payment_method="sandbox",
        benefits=list(benefits),
        placed_at=at,
        received_at=at,
    )


def confirmed(order_id: str) -> OrderConfirmed:
    promise = Promise(ship_by=NOW, deliver_from=NOW, deliver_until=NOW)
    return OrderConfirmed(order_id=order_id, at=NOW, promise=promise, allocations=[], address_ref=f"adr_{order_id}")


def ended(order_id: str, how: str = "expired") -> OrderEnded:
    return ENDS[how](order_id=order_id, reason="test", at=NOW)


def shop_changed(shop: str = "tea", **facts: Any) -> ShopChanged:
    given = {
        "shop": shop,
        "name": {"en": shop},
        "channel": "web",
        "currency": "CNY",
        "time_zone": "Asia/Shanghai",
        "locales": ["en"],
        "delivery_methods": [],
        "payment_methods": ["sandbox"],
        "unpaid_expiry_seconds": 900,
        "state": "open",
    }
    return ShopChanged.model_validate({**given, **facts})


def price(amount_minor: int, **facts: Any) -> dict[str, Any]:
    return {"list_id": "prl_1", "position": 1, "amount_minor": amount_minor, "currency": "CNY", **facts}


def listing_changed(product: str, prices: dict[str, list[dict[str, Any]]], **facts: Any) -> ListingChanged:
    """`prices`: {sku: prices}."""
    given = {
        "listing_id": f"lst_{product}",
        "shop": "tea",
        "product_id": f"prd_{product}",
        "category_path": ["cat_root", "cat_tea"],
        "brand": "Yun",
        "title": {"en": product},
        "slug": product,
        "state": "live",
        "skus": [{"sku": sku, "prices": some} for sku, some in prices.items()],
    }
    return ListingChanged.model_validate({**given, **facts})


@dataclass
class Marketing:
    """`merchant` writes, `orders` is order-svc, `visitor` looks; `staff(...)` is anybody else."""

    runtime: Runtime
    clock: FixedClock
    merchant: httpx.AsyncClient
    orders: httpx.AsyncClient
    visitor: httpx.AsyncClient
    stack: AsyncExitStack
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    done = staticmethod(done)
    refused = staticmethod(refused)
    money = staticmethod(money)
    benefit = staticmethod(benefit)
    placed = staticmethod(placed)
    confirmed = staticmethod(confirmed)
    ended = staticmethod(ended)
    shop_changed = staticmethod(shop_changed)
    listing_changed = staticmethod(listing_changed)
    price = staticmethod(price)
    now = NOW

    async def staff(self, scopes: Sequence[str], shops: Sequence[str] | None = None) -> httpx.AsyncClient:
        client = client_of(self.runtime).as_(id="stf_other", scopes=tuple(scopes), shops=shops)
        return await self.stack.enter_async_context(client)

    async def campaign(self, **body: Any) -> Any:
        given = {"shop": "tea", "name": {"en": "Spring"}, "planned": money(500_000), **body}
        return done(await self.merchant.post("/v1/admin/campaigns", json=given), 201)

    async def promotion(self, *, active: bool = True, **body: Any) -> Any:
        given = {
            "shop": "tea",
            "name": {"en": "Ten off"},
            "trigger": "automatic",
            "scope": "order",
            "reward": {"rate_bp": 1_000},
            **body,
        }
        made = done(await self.merchant.post("/v1/admin/promotions", json=given), 201)
        return await self.step("promotions", made, "activate") if active else made

    async def coupon(self, code: str = "WELCOME", *, total: int = 10, **promotion: Any) -> tuple[Any, Any]:
        """A coupon of 20.00 off and its promotion: (promotion, batch)."""
        per_customer = promotion.pop("each", 1)
        given = {"trigger": "code", "reward": {"amount_minor": 2_000}, **promotion}
        made = await self.promotion(**given)
        return made, await self.batch(made, code, total=total, per_customer=per_customer)

    async def batch(self, promotion: Any, code: str, **body: Any) -> Any:
        given = {"promotion_id": promotion["id"], "code": code, "total": 10, **body}
        return done(await self.merchant.post("/v1/admin/coupon-batches", json=given), 201)

    async def step(self, noun: str, one: Any, verb: str) -> Any:
        path = f"/v1/admin/{noun}/{one['id']}/{verb}"
        return done(await self.merchant.post(path, json={"version": one["version"]}))

    async def get(self, noun: str, one: Any) -> Any:
        return done(await self.merchant.get(f"/v1/admin/{noun}/{one['id']}"))

    async def deliver(self, *events: Event, ids: Sequence[UUID] | None = None, **headers: str) -> None:
        """One batch through the deciding consumer, as Kafka would bring it."""
        await deliver(self.runtime, DECIDE, events, ids=ids, headers=headers)

    async def project(self, *events: Event) -> None:
        await deliver(self.runtime, PROJECT, events)

    async def decide(self, *events: Event) -> None:
        """One batch in a transaction of its own: for tests that run many at once."""
        async with self.runtime.db.transaction() as tx:
            await DECIDE.handle(tx, [self.received(event) for event in events])

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

    async def tick(self, *, passed_seconds: float = 0) -> None:
        """Let time pass, and what is due fall due."""
        self.clock.advance(passed_seconds)
        # A token lives for a minute.
        for client, who in zip((self.merchant, self.orders, self.visitor), PEOPLE, strict=True):
            client.headers = client_of(self.runtime).as_(**who).headers
        runner = TimerRunner(TIMERS, self.runtime.db)
        for timer in TIMERS:
            await runner.fire_due(timer)
        assert runner.failed == 0

    async def quote(self, *lines: tuple[str, int, int], status: int = 200, **body: Any) -> Any:
        """`lines`: (sku, quantity, unit price); the ids are l1, l2, …"""
        asked = [
            {"line_id": f"l{n}", "sku": sku, "quantity": units, "unit_minor": each, "gross_minor": units * each}
            for n, (sku, units, each) in enumerate(lines, start=1)
        ]
        given = {"shop": "tea", "channel": "web", "currency": "CNY", "lines": asked, "delivery_fee_minor": 0, **body}
        return done(await self.orders.post("/internal/v1/benefit-quotes", json=given), status)

    async def counter(self, one: Any) -> tuple[int, int, int, int]:
        """(used, locked, reserved_minor, spent_minor)."""
        async with self.runtime.db.read() as con:
            return tuple(await con.fetchrow(NUMBERS, one["id"]))

    async def rows(self, table: str) -> int:
        async with self.runtime.db.read() as con:
            return int(await con.fetchval(f"SELECT count(*) FROM {table}"))

    async def said(self, *, about: str | None = None, type: str | None = None) -> list[SentEvent]:
        """What was emitted, in order; of one key, of one type."""
        return [
            event
            for event in await outbox_of(self.runtime)
            if about in (None, event.key) and type in (None, event.type)
        ]

    async def types(self, about: str) -> list[str]:
        return [event.type for event in await self.said(about=about)]

    async def audit(self) -> None:
        """Σ ledger = counters = live uses; the events of each key are numbered without gaps."""
        async with self.runtime.db.read() as con:
            assert await off_the_ledger(con) == []
        seqs: dict[str, list[int]] = {}
        for event in await self.said():
            seqs.setdefault(event.key, []).append(event.seq)
        assert all(found == list(range(1, len(found) + 1)) for found in seqs.values()), "a key's events have gaps"


@pytest.fixture
async def marketing(database_of: Callable[[str], Any]) -> AsyncIterator[Marketing]:
    """marketing-svc on an empty database that has heard of one open shop, `tea`."""
    clock = FixedClock(NOW)
    async with runtime_of(SERVICE, database_of("marketing_svc"), clock=clock) as runtime, AsyncExitStack() as stack:
        client = client_of(runtime)
        people = [await stack.enter_async_context(client.as_(**who)) for who in PEOPLE]
        made = Marketing(runtime, clock, *people, stack)
        await made.project(shop_changed())
        yield made
