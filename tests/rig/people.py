"""A shop of its own on a running suite, and the people in it. They know the gateway's address and no more."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport

from svc_local.sample.door import Door
from svc_local.sample.pictures import picture
from svc_local.testing import SuiteForTests, eventually

CURRENCY = "CNY"
REGION = {"country": "CN", "province": "Shanghai", "city": "Shanghai", "district": "Xuhui"}
CONTACT = {"name": "陈小雨", "phone": "+8613800138000", "email": "chen@example.com"}
ADDRESS = {**REGION, "street": "漕溪北路 18 号", "postcode": "200030"}
SECONDS = 20.0


def money(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": CURRENCY}


def new_sku() -> str:
    return f"J-{secrets.token_hex(5)}"


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


@dataclass(slots=True)
class Caller:
    """Somebody with a connection of their own to the gateway."""

    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, *, status: int = 200, **what: Any) -> Any:
        """The body of an answer that has to have this status."""
        answer = await self.http.request(method, path, **what)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:1500]}"
        return answer.json() if answer.content else None


@dataclass(slots=True)
class Buyer(Caller):
    """A visitor of one shop; signed in where the client carries a token."""

    shop: str
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"/v1/store/{self.shop}"

    async def cart(self, *lines: tuple[str, int]) -> Any:
        body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}
        return await self.ask("POST", f"{self.base}/carts", status=201, json=body)

    async def quote(self, *lines: tuple[str, int], status: int = 201, **more: Any) -> Any:
        given = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]} if lines else {}
        body = {"region": REGION, "delivery_method": "standard", **given, **more}
        return await self.ask("POST", f"{self.base}/quotes", status=status, json=body)

    async def checkout(self, body: dict[str, Any], *, headers: dict[str, str] | None = None) -> httpx.Response:
        whole = {"contact": CONTACT, "address": ADDRESS, "payment_method": "sandbox", **body}
        answer = await self.http.post(f"{self.base}/checkout", json=whole, headers=key() | (headers or {}))
        if answer.status_code in (201, 202) and (token := answer.json().get("order_token")):
            self.tokens[answer.json()["id"]] = token
        return answer

    async def order_of(self, quote: Any, **more: Any) -> Any:
        """The accepted order."""
        answer = await self.checkout({"quote_id": quote["id"], "expected_total": quote["total"], **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def buy_now(
        self, *lines: tuple[str, int], total_minor: int, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        wanted = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
        body = {"lines": wanted, "region": REGION, "delivery_method": "standard", "expected_total": money(total_minor)}
        return await self.checkout(body | more, headers=headers)

    def token_of(self, order_id: str) -> dict[str, str]:
        return {"X-Order-Token": self.tokens[order_id]} if order_id in self.tokens else {}

    async def order(self, order_id: str) -> Any:
        return await self.ask("GET", f"{self.base}/orders/{order_id}", headers=self.token_of(order_id))

    async def tracking(self, order_id: str) -> Any:
        return await self.ask("GET", f"{self.base}/orders/{order_id}/tracking", headers=self.token_of(order_id))

    async def pay(self, order_id: str, **more: Any) -> Any:
        path = f"{self.base}/orders/{order_id}/payments"
        headers = key() | self.token_of(order_id)
        return await self.ask("POST", path, status=201, json={"method": "sandbox", **more}, headers=headers)

    async def cancel(self, order_id: str) -> httpx.Response:
        path = f"{self.base}/orders/{order_id}/cancel"
        return await self.http.post(path, json={"reason": "changed_mind"}, headers=key() | self.token_of(order_id))

    async def until(self, order_id: str, *statuses: str, within_seconds: float = SECONDS) -> Any:
        """The order once its status is one of these."""

        async def reached() -> Any:
            order = await self.order(order_id)
            assert order["status"] in statuses, order["status"]
            return order

        because = f"the order becomes {' or '.join(statuses)}"
        return await eventually(reached, within_seconds=within_seconds, because=because)


@dataclass(slots=True)
class Staff(Caller):
    """The owner: every scope but the second person's."""

    async def level(self, sku: str) -> Any:
        [level] = (await self.ask("GET", "/v1/admin/stock-levels", params={"sku": sku}))["items"]
        return level

    async def movements(self, sku: str) -> list[Any]:
        found: list[Any] = []
        params: dict[str, Any] = {"sku": sku, "limit": 200}
        while True:
            page = await self.ask("GET", "/v1/admin/stock-movements", params=params)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            params["cursor"] = page["next_cursor"]

    async def fulfilment_of(self, order_id: str) -> Any:
        async def found() -> Any:
            items = (await self.ask("GET", "/v1/admin/fulfilments", params={"order_id": order_id}))["items"]
            return items[0] if items else None or False

        return await eventually(found, within_seconds=SECONDS, because="the confirmed order has a fulfilment")

    async def step(self, action: str, *items: dict[str, Any]) -> list[Any]:
        body = {"action": action, "items": list(items)}
        answer = await self.ask("POST", "/v1/admin/fulfilments/bulk", json=body, headers=key())
        return list(answer["results"])

    async def ship(self, fulfilment_id: str, *, tracking_no: str) -> None:
        """All steps up to the parcel's leaving; each has to succeed."""
        for action in ("accept", "pick", "pack"):
            [done] = await self.step(action, {"id": fulfilment_id})
            assert done["http_status"] == 200, done
        [done] = await self.step("ship", {"id": fulfilment_id, "carrier": "sf", "tracking_no": tracking_no})
        assert done["http_status"] == 200, done


@dataclass(slots=True)
class World:
    """A shop with a warehouse, made through the public API. Journeys add goods of their own."""

    gateway: str
    suite: SuiteForTests
    owner: Door
    approver: Door
    name: str
    category_id: str
    image_url: str
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    street: AiohttpTransport | None = None

    @property
    def shop(self) -> str:
        return f"{self.name}-shop"

    @property
    def warehouse(self) -> str:
        return f"{self.name}-wh"

    def client(self, **headers: str) -> httpx.AsyncClient:
        made = httpx.AsyncClient(transport=AiohttpTransport(), base_url=self.gateway, headers=headers, timeout=60.0)
        self.clients.append(made)
        return made

    async def close(self) -> None:
        """Every connection of everybody."""
        for client in self.clients:
            await client.aclose()
        self.clients.clear()
        if self.street is not None:
            await self.street.aclose()
            self.street = None

    def passer_by(self, shop: str | None = None) -> Buyer:
        """A guest who takes the connections that all passers-by share: a thousand cost no more than one."""
        if self.street is None:
            self.street = AiohttpTransport(limits=httpx.Limits(max_connections=None))
        headers = {"X-Visitor-Id": secrets.token_urlsafe(24)}
        http = httpx.AsyncClient(transport=self.street, base_url=self.gateway, headers=headers, timeout=60.0)
        return Buyer(http, shop or self.shop)

    def buyer(self, shop: str | None = None) -> Buyer:
        """A guest nobody has seen before."""
        return Buyer(self.client(**{"X-Visitor-Id": secrets.token_urlsafe(24)}), shop or self.shop)

    async def member(self) -> Buyer:
        """Somebody who has just registered and signed in."""
        login, password = f"{secrets.token_hex(8)}@example.com", secrets.token_urlsafe(12)
        http = self.client(**{"X-Visitor-Id": secrets.token_urlsafe(24)})
        found = Buyer(http, self.shop)
        await found.ask(
            "POST", "/v1/auth/members", status=201, json={"email": login, "password": password, "name": "Chen"}
        )
        session = await found.ask("POST", "/v1/auth/sessions", status=201, json={"login": login, "password": password})
        http.headers["Authorization"] = f"Bearer {session['access_token']}"
        return found

    def staff(self) -> Staff:
        return Staff(self.client(Authorization=self.owner.authorization))

    async def goods(self, units: int, *, price_minor: int = 10_000, shop: str | None = None) -> str:
        """A new product with one variant: published, in stock, known to whoever quotes. Returns its sku."""
        sku = new_sku()
        self.offer({sku: {}}, price_minor=price_minor, shop=shop)
        self.receive({sku: units})
        await self.quotable(sku, shop=shop)
        return sku

    def offer(
        self, goods: Mapping[str, Mapping[str, int]], *, price_minor: int = 10_000, shop: str | None = None
    ) -> None:
        """One product with a variant per sku; what a bundle consists of ({}: it is no bundle) is offered before."""
        prices = [{"sku": sku, "amount": money(price_minor)} for sku in goods]
        name = next(iter(goods))
        variants = [
            {
                "sku": sku,
                "options": {"No": str(n)} if len(goods) > 1 else {},
                "components": [{"sku": part, "quantity": quantity} for part, quantity in parts.items()],
            }
            for n, (sku, parts) in enumerate(goods.items())
        ]
        item = {
            "category_id": self.category_id,
            "title": {"zh": f"旅程商品 {name}", "en": f"Journey goods {name}"},
            "slug": name.lower(),
            "media": [{"url": self.image_url, "alt": {"en": name}}],
            "variants": variants,
            "listing": {"shop": shop or self.shop, "prices": prices, "publish": True},
        }
        [made] = self.owner.ask("POST", "/v1/admin/products/bulk", json={"items": [item]}, headers=key())["results"]
        assert made.get("problem") is None, made
        body = {"action": "approve_and_publish", "items": [{"id": made["listing_id"]}]}
        [done] = self.approver.ask("POST", "/v1/admin/listings/bulk", json=body, headers=key())["results"]
        assert done.get("problem") is None, done

    def receive(self, units: Mapping[str, int], *, warehouse: str | None = None) -> None:
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in units.items() if quantity]
        if lines:
            body = {"warehouse": warehouse or self.warehouse, "reference": secrets.token_hex(12), "lines": lines}
            self.owner.ask("POST", "/v1/admin/stock-receipts", json=body, headers=key())

    async def quotable(self, sku: str, *, shop: str | None = None) -> None:
        """Until whoever quotes has heard of it, and so of all that were offered with or before it."""
        buyer = self.passer_by(shop)

        async def known() -> bool:
            body = {"lines": [{"sku": sku, "quantity": 1}], "region": REGION, "delivery_method": "standard"}
            return (await buyer.http.post(f"{buyer.base}/quotes", json=body)).status_code == 201

        await eventually(known, within_seconds=SECONDS, because="order-svc hears of the new offer")

    async def coupon(self, code: str, *, shop: str, total: int, amount_minor: int, planned_minor: int) -> None:
        """Of a promotion within a campaign with a budget."""
        name = {"zh": code, "en": code}
        staff, keyed = self.staff(), key()

        async def campaign() -> Any:
            body = {"shop": shop, "name": name, "planned": money(planned_minor)}
            return await staff.ask("POST", "/v1/admin/campaigns", status=201, json=body, headers=keyed)

        made = await eventually(campaign, within_seconds=SECONDS, because="marketing-svc hears of the shop")
        promotion = {
            "shop": shop, "campaign_id": made["id"], "name": name, "trigger": "code", "scope": "order",
            "conditions": {"spend_min_minor": 1}, "reward": {"amount_minor": amount_minor},
        }  # fmt: skip
        made = await staff.ask("POST", "/v1/admin/promotions", status=201, json=promotion, headers=key())
        await staff.ask("POST", f"/v1/admin/promotions/{made['id']}/activate", json={"version": made["version"]})
        batch = {"promotion_id": made["id"], "code": code, "total": total, "per_customer": 1}
        await staff.ask("POST", "/v1/admin/coupon-batches", status=201, json=batch, headers=key())

    def add_warehouse(self, *, priority: int) -> str:
        """One more that serves the shops of this world, asked after those of lower numbers."""
        code = f"{self.name}-wh{priority}"
        body = {"code": code, "region": "CN-SH", "priority": priority, "channels": [self.name], "cut_off": "17:00"}
        self.owner.ask("POST", "/v1/admin/warehouses", json=body)
        return code

    def open_shop(self, slug: str, **more: Any) -> str:
        body = {
            "slug": slug,
            "name": {"zh": "旅程", "en": "Journeys"},
            "channel": self.name,
            "payment_methods": ["sandbox", "bank_transfer", "cod"],
            "delivery_methods": [{"id": "standard", "name": {"en": "Standard", "zh": "标准"}, "fee": money(0)}],
            **more,
        }
        shop = self.owner.ask("POST", "/v1/admin/shops", json=body)
        self.owner.ask("POST", f"/v1/admin/shops/{slug}/open", json={"version": shop["version"]})
        return slug


@contextmanager
def opened(suite: SuiteForTests) -> Iterator[World]:
    """Shop, warehouse, category, a second person who approves."""
    name = f"j{secrets.token_hex(4)}"
    login, password = f"{name}-approver", secrets.token_urlsafe(18)
    with Door(suite.gateway_url) as owner, Door(suite.gateway_url) as approver:
        owner.sign_in(suite.credentials["login"], suite.credentials["password"])
        owner.ask("POST", "/v1/admin/staff", json={"login": login, "password": password, "roles": ["approver"]})
        approver.sign_in(login, password)
        category = owner.ask("POST", "/v1/admin/categories", json={"name": {"zh": "旅程", "en": "Journeys"}})
        image = picture("tin", "#5e8c61", "#d9e8c5").encode()
        uploaded = owner.ask("POST", "/v1/admin/media", content=image, headers={"Content-Type": "image/svg+xml"})
        world = World(suite.gateway_url, suite, owner, approver, name, category["id"], uploaded["url"])
        warehouse = {"code": world.warehouse, "region": "CN-SH", "priority": 1, "channels": [name], "cut_off": "17:00"}
        owner.ask("POST", "/v1/admin/warehouses", json=warehouse)
        world.open_shop(world.shop)
        yield world
