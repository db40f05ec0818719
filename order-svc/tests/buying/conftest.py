"""What the tests of carts, quotes and promises share: the running service, a shop it knows, a marketing-svc to ask."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from aiohttp import web

from order_svc.app import SERVICE
from order_svc.events_in import PROJECT
from svc_contracts.events import Event
from svc_contracts.events.base import Components
from svc_contracts.events.campaign import PromotionChanged
from svc_contracts.events.catalog import DeliveryMethod, ListingChanged, ListingWindow, OfferSku, Price, ShopChanged
from svc_contracts.events.stock import StockLevelChanged, WarehouseChanged
from svc_kit.assembly import Runtime
from svc_kit.clock import FixedClock
from svc_kit.testing import client_of, deliver, runtime_of

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in Shanghai
REGION = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
BASE = "/v1/store/demo"


def money(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": "CNY"}


def shop(slug: str = "demo", **changes: Any) -> ShopChanged:
    given: dict[str, Any] = {
        "shop": slug,
        "name": {"en": "Demo"},
        "channel": "web",
        "currency": "CNY",
        "time_zone": "Asia/Shanghai",
        "locales": ["en"],
        "delivery_methods": [
            DeliveryMethod(id="standard", name={"en": "Standard"}, fee_minor=800, free_from_minor=9_900),
            DeliveryMethod(id="express", name={"en": "Express"}, fee_minor=1_800),
        ],
        "payment_methods": ["sandbox"],
        "unpaid_expiry_seconds": 900,
        "state": "open",
    }
    return ShopChanged(**{**given, **changes})


def listing(
    sku: str, each: int = 1_000, *, of: str = "demo", parts: Mapping[str, int] | None = None, **changes: Any
) -> ListingChanged:
    prices = [Price(list_id="plt_1", position=1, amount_minor=each, currency="CNY")]
    components = [Components(sku=part, quantity=count) for part, count in (parts or {}).items()]
    given: dict[str, Any] = {
        "listing_id": f"lst_{of}_{sku}",
        "shop": of,
        "product_id": f"prd_{sku}",
        "category_path": ["cat_1"],
        "brand": None,
        "title": {"zh": f"商品 {sku}", "en": f"Goods {sku}"},
        "slug": sku.lower(),
        "state": "live",
        "window": ListingWindow(),
        "skus": [OfferSku(sku=sku, components=components, prices=prices)],
    }
    return ListingChanged(**{**given, **changes})


def warehouse(code: str = "main", **changes: Any) -> WarehouseChanged:
    given = {
        "code": code,
        "kind": "own",
        "region": "CN-SH",
        "priority": 1,
        "channels": ["web"],
        "cut_off": "17:00",
        "handling_hours": 24,
        "calendar": "every_day",
        "state": "active",
    }
    return WarehouseChanged(**{**given, **changes})


def level(sku: str, available: int, warehouse: str = "main") -> StockLevelChanged:
    return StockLevelChanged(
        sku=sku, warehouse=warehouse, on_hand=available, available=available, availability="in_stock", at=NOW
    )


def promotion(state: str = "active", *, trigger: str = "automatic") -> PromotionChanged:
    return PromotionChanged(
        promotion_id="pro_1",
        shop="demo",
        name={"en": "Ten off"},
        trigger=trigger,  # type: ignore[arg-type]
        scope="order",
        state=state,  # type: ignore[arg-type]
    )


@dataclass
class Marketing:
    """A marketing-svc of this test: keeps what it was asked, answers what it was told to."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Any = None
    status: int = 200
    wait: Any = None

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        if self.wait is not None:
            await self.wait.wait()
        return web.json_response(self.answer, status=self.status)

    def takes_off(self, amounts: Mapping[str, int], *, code: str | None = None) -> None:
        """A promotion that takes these amounts off these lines."""
        total = sum(amounts.values())
        name = {"zh": "满减", "en": "Ten off"}
        parts = [{"line_id": line, "amount_minor": amount} for line, amount in amounts.items()]
        entry = {"promotion_id": "pro_1", "name": name}
        self.answer = {
            "benefits": [{**entry, "coupon_code": code, "amount_minor": total, "lines": parts}],
            "lines": [
                {"line_id": line, "discount_minor": amount, "trace": [{**entry, "amount_minor": amount}]}
                for line, amount in amounts.items()
            ],
            "discount_minor": total,
            "coupon": None,
        }

    def refuses(self, code: str, why: str) -> None:
        self.answer = {"benefits": [], "lines": [], "discount_minor": 0, "coupon": {"code": code, "why": why}}

    def grants_nothing(self) -> None:
        self.answer = {"benefits": [], "lines": [], "discount_minor": 0, "coupon": None}


@dataclass
class Store:
    """order-svc with a shop `demo`, a warehouse `main` and what `sell` put on the shelf."""

    runtime: Runtime
    clock: FixedClock
    marketing: Marketing
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    base = BASE
    money = staticmethod(money)
    shop = staticmethod(shop)
    listing = staticmethod(listing)
    warehouse = staticmethod(warehouse)
    level = staticmethod(level)
    promotion = staticmethod(promotion)

    async def hears(self, *events: Event) -> None:
        """As the projecting consumer would."""
        await deliver(self.runtime, PROJECT, events)

    async def sell(self, sku: str, each: int = 1_000, *, units: int = 100, **changes: Any) -> None:
        await self.hears(listing(sku, each, **changes), level(sku, units))

    def guest(self, visitor_id: str | None = None) -> httpx.AsyncClient:
        given = visitor_id or secrets.token_urlsafe(24)
        return self._keep(client_of(self.runtime).as_("visitor", id="anonymous", scopes=["store"], visitor_id=given))

    def member(self, person_id: str = "per_1", *, visitor_id: str | None = None) -> httpx.AsyncClient:
        return self._keep(client_of(self.runtime).as_("person", id=person_id, scopes=["store"], visitor_id=visitor_id))

    def nobody(self) -> httpx.AsyncClient:
        return self._keep(client_of(self.runtime).as_("visitor", id="anonymous", scopes=["store"]))

    def _keep(self, client: httpx.AsyncClient) -> httpx.AsyncClient:
        self.clients.append(client)
        return client

    async def quote(self, http: httpx.AsyncClient, *lines: tuple[str, int], **more: Any) -> httpx.Response:
        body: dict[str, Any] = {"region": REGION, "delivery_method": "standard", **more}
        if lines:
            body["lines"] = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
        return await http.post(f"{BASE}/quotes", json=body)

    async def cart(self, http: httpx.AsyncClient, *lines: tuple[str, int]) -> Any:
        body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}
        answer = await http.post(f"{BASE}/carts", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def rows(self, table: str) -> int:
        async with self.runtime.db.read() as con:
            return int(await con.fetchval(f"SELECT count(*) FROM {table}"))


@pytest.fixture
async def marketing() -> AsyncIterator[Marketing]:
    """On a port of its own, over HTTP as in production."""
    told = Marketing()
    told.grants_nothing()
    app = web.Application()
    app.router.add_post("/internal/v1/benefit-quotes", told.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.url = "http://{}:{}".format(*runner.addresses[0])
    yield told
    if told.wait is not None:
        told.wait.set()
    await runner.cleanup()


@pytest.fixture
async def store(database_of: Callable[[str], Any], marketing: Marketing) -> AsyncIterator[Store]:
    clock = FixedClock(at=NOW)
    urls: Mapping[str, str] = {"marketing-svc": marketing.url}
    async with runtime_of(SERVICE, database_of("order_svc"), clock=clock, service_urls=urls) as runtime:
        found = Store(runtime, clock, marketing)
        await found.hears(shop(), warehouse())
        yield found
        for client in found.clients:
            await client.aclose()


def titles(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return [line["title"]["en"] for line in lines]
