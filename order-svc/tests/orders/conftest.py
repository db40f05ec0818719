"""What the tests of orders share: order-svc on a database of its own, a shop, buyers; `neighbours`: what others say."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from order_svc.app import SERVICE
from order_svc.events_in import DECIDE, PROJECT
from order_svc.orders.rules.order import Case, Order
from order_svc.orders.store import details
from order_svc.orders.store import orders as order_store
from svc_contracts.events import Event
from svc_contracts.events.order import Benefit, Promise
from svc_kit.assembly import Runtime
from svc_kit.clock import FixedClock
from svc_kit.effects import EffectRunner
from svc_kit.testing import SentEvent, client_of, deliver, outbox_of, runtime_of
from svc_kit.timers import TimerRunner

from .neighbours import NOW, Neighbours, listing, shop, warehouse

STORE = "/v1/store/demo"
REGION = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
CONTACT = {"name": "Lin Daiyu", "phone": "+86 138 0000 0000"}
ADDRESS = {**REGION, "street": "Huaihai Road 1", "postcode": "200030"}
PROMISE = Promise(ship_by=NOW, deliver_from=NOW, deliver_until=NOW)


def amount(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "CNY"}


def an_order(**changes: Any) -> Order:
    """As placing leaves it: two units of one line, 2,800 to be paid."""
    given: dict[str, Any] = {
        "id": "ord_1",
        "number": 1,
        "shop": "demo",
        "channel": "web",
        "external_id": None,
        "person_id": "per_1",
        "visitor_id": None,
        "session_id": None,
        "cart_id": None,
        "currency": "CNY",
        "gross_minor": 2_000,
        "discount_minor": 0,
        "delivery_fee_minor": 800,
        "total_minor": 2_800,
        "payment_method": "sandbox",
        "region": REGION,
        "benefits": [],
        "bundles": {},
        "units": 2,
        "address_ref": "adr_1",
        "address_missing": (),
        "unpaid_expiry_seconds": 900,
        "placed_at": NOW,
        "received_at": NOW,
    }
    return Order(**{**given, **changes})


def a_case(*, now: datetime = NOW, **changes: Any) -> Case:
    return Case(an_order(**changes), now, lambda order, at: PROMISE)


@dataclass
class House(Neighbours):
    """The service with an open shop `demo` that sells A and B at 1,000 and a bundle K (2 A, 1 B) at 2,500, and one on
    the channel `mall`.
    """

    runtime: Runtime
    clock: FixedClock
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    amount = staticmethod(amount)
    an_order = staticmethod(an_order)
    a_case = staticmethod(a_case)

    def member(self, person_id: str = "per_1") -> httpx.AsyncClient:
        return self._keep(client_of(self.runtime).as_("person", id=person_id, scopes=["store"]))

    def guest(self, visitor_id: str | None = None) -> httpx.AsyncClient:
        given = visitor_id or secrets.token_urlsafe(24)
        return self._keep(client_of(self.runtime).as_("visitor", id="anonymous", scopes=["store"], visitor_id=given))

    def staff(self, *scopes: str, shops: Sequence[str] | None = None) -> httpx.AsyncClient:
        return self._keep(client_of(self.runtime).as_(scopes=scopes or ("orders:*",), shops=shops))

    def inventory(self) -> httpx.AsyncClient:
        """The warehouse's service at the internal door."""
        return self._keep(client_of(self.runtime).as_("svc", id="inventory-svc", scopes=("internal:addresses",)))

    def _keep(self, client: httpx.AsyncClient) -> httpx.AsyncClient:
        self.clients.append(client)
        return client

    # What buyers do.

    @staticmethod
    def wish(*lines: tuple[str, int], total: int | None = None, **changes: Any) -> dict[str, Any]:
        """The body of a "buy now"; without a total, that of goods at 1,000 each with the delivery fee."""
        expected = 800 + 1_000 * sum(units for _, units in lines) if total is None else total
        body = {
            "lines": [{"sku": sku, "quantity": units} for sku, units in lines],
            "region": REGION,
            "delivery_method": "standard",
            "expected_total": amount(expected),
            "contact": CONTACT,
            "address": ADDRESS,
            "payment_method": "sandbox",
        }
        return {name: value for name, value in {**body, **changes}.items() if value is not None}

    async def buy(
        self, http: httpx.AsyncClient, body: dict[str, Any], *, key: str | None = None, wait: float | None = 0
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        return await http.post(f"{STORE}/checkout", json=body, headers=headers)

    async def placed(self, http: httpx.AsyncClient | None = None, **changes: Any) -> str:
        """An order for two A that nobody has decided about."""
        answer = await self.buy(http or self.member(), self.wish(("A", 2), **changes))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def awaiting(self, http: httpx.AsyncClient | None = None, **changes: Any) -> str:
        order_id = await self.placed(http, **changes)
        await self.hears(self.reserved(order_id))
        return order_id

    async def quoted(self, http: httpx.AsyncClient, *lines: tuple[str, int]) -> Any:
        body = {
            "region": REGION,
            "delivery_method": "standard",
            "lines": [{"sku": sku, "quantity": units} for sku, units in lines],
        }
        answer = await http.post(f"{STORE}/quotes", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    # What a channel says.

    @staticmethod
    def channel_order(**changes: Any) -> dict[str, Any]:
        """Two A, paid at the channel."""
        line = {"sku": "A", "quantity": 2, "gross": amount(2_000), "discount": amount(0), "net": amount(2_000)}
        given = {
            "shop": "mall",
            "buyer_ref": "buyer-7",
            "placed_at": "2026-02-01T08:00:00Z",
            "paid_at": "2026-02-01T08:01:00Z",
            "region": REGION,
            "lines": [line],
            "delivery_fee": amount(800),
            "total": amount(2_800),
            "address": {**CONTACT, **ADDRESS},
        }
        return {**given, **changes}

    async def imported(self, external_id: str, **changes: Any) -> httpx.Response:
        path = f"/v1/admin/channel-orders/mall/{external_id}"
        return await self.staff("orders:import").put(path, json=self.channel_order(**changes))

    async def paid(self, order_id: str, minor: int = 2_800) -> None:
        """Staff records what the bank statement says."""
        await self._transfer(order_id, minor)

    async def paid_back(self, order_id: str) -> None:
        answer = await self.staff().get(f"/v1/admin/orders/{order_id}/payments")
        for refund in answer.json()["refunds"]:
            await self._transfer(order_id, refund["amount"]["amount_minor"], refund_id=refund["id"])

    async def _transfer(self, order_id: str, minor: int, **more: str) -> None:
        body = {"reference": secrets.token_hex(8), "amount": amount(minor), "at": self.clock.now().isoformat(), **more}
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        answer = await self.staff().post(f"/v1/admin/orders/{order_id}/transfers", json=body, headers=headers)
        assert answer.status_code == 201, answer.text

    async def confirmed(self, http: httpx.AsyncClient | None = None, **changes: Any) -> str:
        order_id = await self.awaiting(http, **changes)
        await self.paid(order_id)
        return order_id

    async def cancel(self, http: httpx.AsyncClient, order_id: str, *, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        return await http.post(f"{STORE}/orders/{order_id}/cancel", json={}, headers=headers)

    async def act(self, order_id: str, verb: str, **body: Any) -> httpx.Response:
        """As staff, upon the order's present version."""
        given = {"version": (await self.seen(order_id)).version, **body}
        return await self.staff().post(f"/v1/admin/orders/{order_id}/{verb}", json=given)

    # What the other services say.

    async def hears(self, *events: Event) -> None:
        """One batch through the deciding consumer."""
        await deliver(self.runtime, DECIDE, events)

    async def copies(self, *events: Event, seqs: Sequence[int] | None = None) -> None:
        await deliver(self.runtime, PROJECT, events, seqs=seqs)

    @asynccontextmanager
    async def stock(self, units: Mapping[str, int]) -> AsyncIterator[dict[str, int]]:
        """Answers every order.placed as inventory-svc would, all or nothing. Yields what is left."""
        left, stop = dict(units), asyncio.Event()

        async def answer() -> None:
            seen = 0
            while not stop.is_set():
                sent = await outbox_of(self.runtime)
                for event in sent[seen:]:
                    if event.type == "order.placed":
                        await self.hears(self.decision(event.data, left))
                seen = len(sent)
                await asyncio.sleep(0.005)

        running = asyncio.create_task(answer())
        try:
            yield left
        finally:
            stop.set()
            await running

    # What is there afterwards.

    async def fire(self) -> None:
        """What has fallen due."""
        timers = TimerRunner(SERVICE.timers, self.runtime.db)
        for timer in SERVICE.timers:
            await timers.fire_due(timer)

    async def fold(self) -> None:
        """Calls to the outside, until none is due."""
        runner = EffectRunner(SERVICE.effects, self.runtime)
        while await runner.run_due():
            pass

    def later(self, **time: float) -> None:
        self.clock.advance(timedelta(**time).total_seconds())

    async def seen(self, order_id: str) -> Order:
        async with self.runtime.db.read() as con:
            return (await order_store.read(con, [order_id]))[order_id]

    async def status(self, order_id: str) -> str:
        return (await self.seen(order_id)).status.value

    async def types(self, order_id: str) -> list[str]:
        return [event.type for event in await outbox_of(self.runtime) if event.key == order_id]

    async def said(self, order_id: str, type_: str) -> list[SentEvent]:
        return [event for event in await outbox_of(self.runtime) if event.key == order_id and event.type == type_]

    async def kinds(self, order_id: str) -> list[str]:
        """The timeline."""
        async with self.runtime.db.read() as con:
            return [entry["kind"] for entry in await details.timeline(con, order_id, after=0, limit=100)]

    async def open_compensations(self, order_id: str) -> list[str]:
        async with self.runtime.db.read() as con:
            found = await details.compensations(con, order_id)
        return [one["what"] for one in found if one["settled_at"] is None]

    async def deadlines(self, order_id: str) -> dict[str, datetime]:
        async with self.runtime.db.read() as con:
            rows = await con.fetch("SELECT kind, due_at FROM deadline WHERE aggregate_id = $1", order_id)
        return {row["kind"]: row["due_at"] for row in rows}

    async def rows(self, table: str) -> int:
        async with self.runtime.db.read() as con:
            return int(await con.fetchval(f"SELECT count(*) FROM {table}"))

    async def is_untouched(self) -> bool:
        """No order, no address, no event, no deadline."""
        return [await self.rows(name) for name in ("orders", "order_line", "address", "outbox", "deadline")] == [0] * 5

    async def is_whole(self) -> None:
        """Every key's events without a gap, and what each order says of itself equal to its parts."""
        seqs: dict[str, list[int]] = {}
        for event in await outbox_of(self.runtime):
            seqs.setdefault(event.key, []).append(event.seq)
        assert all(found == list(range(1, len(found) + 1)) for found in seqs.values()), "a key's events have gaps"
        async with self.runtime.db.read() as con:
            torn = await con.fetch(
                "SELECT o.id FROM orders o LEFT JOIN (SELECT order_id, sum(net_minor) AS net, sum(quantity) AS units, "
                "sum(shipped) AS shipped, sum(delivered) AS delivered FROM order_line GROUP BY order_id) l "
                "ON l.order_id = o.id WHERE (o.total_minor, o.units, o.shipped_units, o.delivered_units, o.event_seq) "
                "IS DISTINCT FROM (l.net + o.delivery_fee_minor, l.units, l.shipped, l.delivered, "
                "(SELECT count(*) FROM outbox WHERE key = o.id))"
            )
        assert [row["id"] for row in torn] == []


@pytest.fixture
async def house(database_of: Callable[[str], Any]) -> AsyncIterator[House]:
    clock = FixedClock(at=NOW)
    async with runtime_of(SERVICE, database_of("order_svc"), clock=clock) as runtime:
        found = House(runtime, clock)
        mall = shop("mall", channel="mall")
        await found.copies(shop(), mall, warehouse(), listing("A", 1_000), listing("B", 1_000))
        await found.copies(listing("K", 2_500, parts={"A": 2, "B": 1}))
        yield found
        await found.is_whole()
        for client in found.clients:
            await client.aclose()


@pytest.fixture
def benefit() -> Benefit:
    return Benefit(promotion_id="pro_1", coupon_code="TEN", amount_minor=200)


@pytest.fixture
def case_of() -> Callable[..., Case]:
    return a_case
