"""What the tests of payments and holds share: order-svc on a database of its own, beside the real sandbox provider.

`Gateway` stands where the gateway stands: the provider calls it over HTTP, and it hands the raw bytes on.
"""

import asyncio
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from aiohttp import web

from order_svc.app import SERVICE
from order_svc.audit.commands import holds
from order_svc.events_in import PROJECT
from order_svc.orders.commands import book
from order_svc.orders.rules import saga
from order_svc.orders.rules.order import Case, Order
from order_svc.orders.rules.placing import Line, NewOrder
from order_svc.orders.rules.states import Status, StockState
from order_svc.orders.store import details
from order_svc.orders.store import orders as order_store
from order_svc.payments import store as payment_store
from order_svc.payments.queries import Payments, payments_of
from order_svc.payments.rules import balance_minor
from svc_contracts.events.catalog import ShopChanged
from svc_contracts.events.stock import Allocation
from svc_kit.assembly import Runtime
from svc_kit.effects import EffectRunner
from svc_kit.testing import SentEvent, client_of, deliver, outbox_of, runtime_of
from svc_kit.timers import TimerRunner
from svc_local import sandbox

SECRET = "test secret of the sandbox"
SHOP = "demo"
BASE = f"/v1/store/{SHOP}/orders"
TOTAL = 12_900


@dataclass(slots=True)
class ShiftedClock:
    """The machine's time, moved on by the test: providers sign with the machine's."""

    shift_seconds: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.shift_seconds)

    def monotonic(self) -> float:
        return time.monotonic() + self.shift_seconds

    def advance(self, seconds: float) -> None:
        self.shift_seconds += seconds


@contextmanager
def sandbox_at(callback_url: str) -> Iterator[str]:
    """The real provider on a port of its own. Yields its address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        app = sandbox.create_app(callback_url=callback_url, secret=SECRET)
        config = uvicorn.Config(app, log_level="critical", ws="none", timeout_graceful_shutdown=0)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: server.run(sockets=[sock]))
        thread.start()
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@dataclass
class Gateway:
    """Hands callbacks on, or keeps them back while `closed`. `passed`: (status, body) of every answer."""

    client: httpx.AsyncClient | None = None
    closed: bool = False
    passed: list[tuple[int, Any]] = field(default_factory=list)

    async def hand_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.closed or self.client is None:
            return web.Response(status=503)
        headers = {"X-Signature": request.headers["X-Signature"], "Content-Type": "application/json"}
        answer = await self.client.post("/v1/callbacks/sandbox", content=body, headers=headers)
        self.passed.append((answer.status_code, answer.json()))
        return web.Response(status=answer.status_code, body=answer.content)


@asynccontextmanager
async def gateway_at() -> AsyncIterator[tuple[Gateway, str]]:
    gateway = Gateway()
    app = web.Application()
    app.router.add_post("/v1/callbacks/sandbox", gateway.hand_on)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield gateway, f"http://127.0.0.1:{port}/v1/callbacks/sandbox"
    finally:
        await runner.cleanup()


def shop(**changes: Any) -> ShopChanged:
    given: dict[str, Any] = {
        "shop": SHOP,
        "name": {"en": "Demo"},
        "channel": "web",
        "currency": "CNY",
        "time_zone": "Asia/Shanghai",
        "locales": ["en"],
        "delivery_methods": [],
        "payment_methods": ["sandbox", "bank_transfer"],
        "unpaid_expiry_seconds": 900,
        "state": "open",
    }
    return ShopChanged(**{**given, **changes})


@dataclass
class Money:
    """order-svc with one shop, spoken to as a member; orders are laid down as the reply of the stock left them."""

    runtime: Runtime
    clock: ShiftedClock
    gateway: Gateway
    sandbox_url: str
    runner: EffectRunner

    def buyer(self, person_id: str = "per_1") -> httpx.AsyncClient:
        return client_of(self.runtime).as_("person", id=person_id, scopes=("store",))

    def staff(self, *scopes: str, shops: list[str] | None = None) -> httpx.AsyncClient:
        return client_of(self.runtime).as_(scopes=scopes or ("orders:*",), shops=shops)

    async def order(self, **changes: Any) -> str:
        """An order that waits for its money."""
        now, order_id = self.clock.now(), self.runtime.ids.new("ord")
        given: dict[str, Any] = {
            "id": order_id,
            "number": int(secrets.token_hex(6), 16),
            "shop": SHOP,
            "channel": "web",
            "external_id": None,
            "person_id": "per_1",
            "visitor_id": None,
            "session_id": None,
            "cart_id": None,
            "currency": "CNY",
            "gross_minor": TOTAL,
            "discount_minor": 0,
            "delivery_fee_minor": 0,
            "total_minor": TOTAL,
            "payment_method": "sandbox",
            "region": {"country": "CN", "province": "Shanghai", "city": "Shanghai"},
            "benefits": [],
            "bundles": {},
            "units": 1,
            "address_ref": f"adr_{order_id}",
            "address_missing": (),
            "unpaid_expiry_seconds": 900,
            "placed_at": now,
            "received_at": now,
            "status": Status.AWAITING_PAYMENT,
            "stock_state": StockState.RESERVED,
            "allocations": [Allocation(line_id="l1", sku="A", warehouse="main", quantity=1)],
            "expires_at": now + timedelta(seconds=900),
        }
        order = Order(**{**given, **changes})
        line = Line("l1", "A", "prd_1", {"en": "A"}, 1, order.gross_minor, 0)
        async with self.runtime.db.transaction() as tx:
            await order_store.insert(tx.con, [NewOrder(order, (line,))])
            await details.insert_lines(tx.con, [NewOrder(order, (line,))])
        return order.id

    async def pay(
        self, order_id: str, *, key: str | None = None, wait: int | None = None, **body: Any
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        headers |= {} if wait is None else {"Prefer": f"wait={wait}"}
        async with self.buyer() as buyer:
            given = {"method": "sandbox", **body}
            return await buyer.post(f"{BASE}/{order_id}/payments", json=given, headers=headers)

    async def step(self, order_id: str, step: Callable[[Case], None]) -> None:
        """What a command or an event does with the order."""
        async with self.runtime.db.transaction() as tx:
            cases = await book.open_cases(tx, [order_id])
            step(cases[order_id])
            await book.close_cases(tx, list(cases.values()))

    async def cancel(self, order_id: str) -> None:
        await self.step(order_id, lambda case: saga.cancel(case, "changed_mind"))
        await self.step(order_id, saga.stock_released)

    async def hold(self, order_id: str, *held: tuple[str, dict[str, Any]]) -> None:
        async with self.runtime.db.transaction() as tx:
            await book.open_cases(tx, [order_id])
            await holds.open_holds(tx, [(order_id, reason, evidence) for reason, evidence in held])

    async def seen(self, order_id: str) -> Order:
        async with self.runtime.db.read() as con:
            return (await order_store.read(con, [order_id]))[order_id]

    async def status(self, order_id: str) -> tuple[str, str]:
        order = await self.seen(order_id)
        return order.status.value, order.payment_status.value

    async def payments(self, order_id: str) -> Payments:
        async with self.runtime.db.read() as con:
            return await payments_of(con, order_id)

    async def moved(self, order_id: str) -> list[tuple[str, str, int]]:
        """The ledger: (kind, phase, amount)."""
        return [(row.kind, row.phase, row.amount_minor) for row in (await self.payments(order_id)).ledger]

    async def said(self, order_id: str) -> list[SentEvent]:
        return [event for event in await outbox_of(self.runtime) if event.key == order_id]

    async def types(self, order_id: str) -> list[str]:
        return [event.type for event in await self.said(order_id)]

    async def provider(self, path: str) -> Any:
        answer = await self.runtime.client.get(self.sandbox_url + path)
        return answer.json() if answer.status_code == 200 else None

    async def foretell(self, path: str, **body: Any) -> None:
        """The provider is told of a key before we ask, and how it shall end: of us it hears nothing new then."""
        answer = await self.runtime.client.post(self.sandbox_url + path, json=body)
        assert answer.status_code == 200, answer.text

    def patient(self) -> None:
        """Nothing is a time-out on a machine that is busy with other things."""
        self.runtime.settings = self.runtime.settings.model_copy(update={"payment_time_box_ms": 10_000})

    async def fire(self) -> None:
        """What has fallen due."""
        timers = TimerRunner(SERVICE.timers, self.runtime.db)
        for timer in SERVICE.timers:
            await timers.fire_due(timer)

    async def fold(self) -> None:
        """Calls and folds until nothing is due."""
        while await self.runner.run_due():
            pass

    async def balances(self) -> None:
        """Nothing that an order says of its money differs from its ledger; no event is missing."""
        async with self.runtime.db.read() as con:
            orders = await con.fetch("SELECT id, charged_minor, refunded_minor, refunding_minor FROM orders")
            for row in orders:
                ledger = await payment_store.ledger(con, row["id"])
                assert balance_minor(ledger) == row["charged_minor"] - row["refunded_minor"], row["id"]
                backs = await payment_store.refunds(con, row["id"])
                under_way = sum(one.amount_minor for one in backs if one.ended_at is None)
                assert under_way == row["refunding_minor"], row["id"]
        seqs: dict[str, list[int]] = {}
        for event in await outbox_of(self.runtime):
            seqs.setdefault(event.key, []).append(event.seq)
        assert all(found == list(range(1, len(found) + 1)) for found in seqs.values()), "a key's events have gaps"


@asynccontextmanager
async def order_svc(database_of: Callable[[str], Any], gateway: Gateway, sandbox_url: str) -> AsyncIterator[Money]:
    clock = ShiftedClock()
    settings = {
        "payment_sandbox_url": sandbox_url,
        "payment_sandbox_secret": SECRET,
        "payment_time_box_ms": 500,
        "bank_transfer_account": "Yunying, Bank of Shanghai, 6222 0000",
    }
    async with runtime_of(SERVICE, database_of("order_svc"), clock=clock, **settings) as runtime:
        gateway.client = client_of(runtime).as_("svc", id="gateway", scopes=("internal:callbacks",))
        await deliver(runtime, PROJECT, [shop()])
        yield Money(runtime, clock, gateway, sandbox_url, EffectRunner(SERVICE.effects, runtime))
        gateway.closed = True


@pytest.fixture
async def idle(database_of: Callable[[str], Any]) -> AsyncIterator[Money]:
    """Nothing calls a provider unless the test does it with `fold`."""
    async with gateway_at() as (gateway, callback_url):
        with sandbox_at(callback_url) as sandbox_url:
            async with order_svc(database_of, gateway, sandbox_url) as money:
                yield money
                await money.balances()


@pytest.fixture
async def alone(database_of: Callable[[str], Any]) -> AsyncIterator[Money]:
    """Without any provider."""
    async with order_svc(database_of, Gateway(), "") as money:
        yield money


@pytest.fixture
async def money(idle: Money) -> AsyncIterator[Money]:
    """The calls to the provider run beside, as in production."""
    stop = asyncio.Event()
    running = asyncio.create_task(idle.runner.run(stop))
    try:
        yield idle
    finally:
        stop.set()
        await asyncio.wait_for(running, 20)
