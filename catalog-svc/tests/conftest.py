"""What the tests of catalog-svc share: the running service on a database of its own, and how to speak to it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest

from catalog_svc.app import SERVICE
from catalog_svc.events_in import PROJECT
from svc_contracts.events import Event
from svc_contracts.events.stock import StockLevelChanged, WarehouseChanged
from svc_kit.assembly import Runtime
from svc_kit.testing import SentEvent, client_of, deliver, outbox_of, runtime_of

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'


def money(amount_minor: int, currency: str = "CNY") -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": currency}


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


def done(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, slug: str) -> list[str]:
    """The pointers of its faults."""
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), answer.text
    return [one["pointer"] for one in answer.json().get("errors", [])]


def warehouse_changed(
    code: str = "main", channels: Sequence[str] = ("web",), state: str = "active"
) -> WarehouseChanged:
    return WarehouseChanged.model_validate(
        {
            "code": code,
            "kind": "own",
            "region": "CN",
            "priority": 1,
            "channels": list(channels),
            "cut_off": "16:00",
            "handling_hours": 24,
            "calendar": "every_day",
            "state": state,
        }
    )


def level_changed(sku: str, available: int, availability: str, warehouse: str = "main") -> StockLevelChanged:
    facts = {"sku": sku, "warehouse": warehouse, "on_hand": available, "available": available}
    return StockLevelChanged.model_validate({**facts, "availability": availability, "at": NOW})


@dataclass
class Catalog:
    """`merchant` submits, `approver` approves, `visitor` looks; `staff(...)` is anybody else."""

    runtime: Runtime
    merchant: httpx.AsyncClient
    approver: httpx.AsyncClient
    visitor: httpx.AsyncClient
    stack: AsyncExitStack
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    seqs: dict[str, int] = field(default_factory=dict)

    done = staticmethod(done)
    refused = staticmethod(refused)
    money = staticmethod(money)
    key = staticmethod(key)
    warehouse_changed = staticmethod(warehouse_changed)
    level_changed = staticmethod(level_changed)

    async def staff(self, id: str, scopes: Sequence[str], shops: Sequence[str] | None = None) -> httpx.AsyncClient:
        client = client_of(self.runtime).as_(id=id, scopes=tuple(scopes), shops=shops)
        return await self.stack.enter_async_context(client)

    async def open_shop(self, slug: str = "demo", **body: Any) -> dict[str, Any]:
        given = {"slug": slug, "name": {"en": slug}, "channel": "web", **body}
        done(await self.merchant.post("/v1/admin/shops", json=given), 201)
        return done(await self.merchant.post(f"/v1/admin/shops/{slug}/open", json={"version": 1}))

    async def category(self, name: str = "Tea", **body: Any) -> str:
        given = {"name": {"en": name}, **body}
        return str(done(await self.merchant.post("/v1/admin/categories", json=given), 201)["id"])

    async def image(self, content: bytes = SVG) -> str:
        return str(done(await self.merchant.post("/v1/admin/media", content=content), 201)["url"])

    async def item(self, category_id: str, sku: str | None = None, price_minor: int = 1000, **body: Any) -> Any:
        """An item of products/bulk for the shop `demo`, in order to be changed."""
        sku = sku or f"SKU-{next(self.numbers)}"
        return {
            "category_id": category_id,
            "title": {"en": f"Article {sku}", "zh": "商品"},
            "media": [{"url": await self.image()}],
            "variants": [{"sku": sku}],
            "listing": {"shop": "demo", "prices": [{"sku": sku, "amount": money(price_minor)}], "publish": True},
            **body,
        }

    async def bring(self, *items: Any, who: httpx.AsyncClient | None = None) -> list[dict[str, Any]]:
        headers = key(f"bring-{next(self.numbers)}")
        answer = await (who or self.merchant).post(
            "/v1/admin/products/bulk", json={"items": list(items)}, headers=headers
        )
        return list(done(answer)["results"])

    async def act(self, action: str, *ids: str, who: httpx.AsyncClient | None = None) -> list[dict[str, Any]]:
        body = {"action": action, "items": [{"id": one} for one in ids]}
        headers = key(f"act-{next(self.numbers)}")
        answer = await (who or self.merchant).post("/v1/admin/listings/bulk", json=body, headers=headers)
        return list(done(answer)["results"])

    async def live(self, *items: Any) -> list[dict[str, Any]]:
        """Brought and published: the results of the bulk."""
        brought = await self.bring(*items)
        assert [one.get("problem") for one in brought] == [None] * len(items)
        acted = await self.act("approve_and_publish", *(one["listing_id"] for one in brought), who=self.approver)
        assert {one["state"] for one in acted} == {"live"}
        return brought

    async def found(self, shop: str = "demo", **params: Any) -> list[str]:
        """Slugs, in order."""
        return [one["slug"] for one in (await self.products(shop, **params))["items"]]

    async def products(self, shop: str = "demo", **params: Any) -> dict[str, Any]:
        return done(await self.visitor.get(f"/v1/store/{shop}/products", params=params))

    async def deliver(self, *events: Event) -> None:
        """One batch through the consumer, as Kafka would bring it; each key's events are numbered."""
        numbers = []
        for event in events:
            self.seqs[event.key] = self.seqs.get(event.key, 0) + 1
            numbers.append(self.seqs[event.key])
        await deliver(self.runtime, PROJECT, events, seqs=numbers)

    async def stock(self, sku: str, available: int, availability: str = "in_stock", warehouse: str = "main") -> None:
        await self.deliver(warehouse_changed(warehouse), level_changed(sku, available, availability, warehouse))

    async def said(self, *, about: str | None = None, type: str | None = None) -> list[SentEvent]:
        """What was emitted, in order; of one key, of one type."""
        return [
            event
            for event in await outbox_of(self.runtime)
            if about in (None, event.key) and type in (None, event.type)
        ]


@pytest.fixture
async def catalog(database_of: Callable[[str], Any]) -> AsyncIterator[Catalog]:
    """catalog-svc on an empty database."""
    async with runtime_of(SERVICE, database_of("catalog_svc")) as runtime, AsyncExitStack() as stack:
        client = client_of(runtime)
        people = [
            await stack.enter_async_context(client.as_(id="stf_merchant", scopes=("*",))),
            await stack.enter_async_context(client.as_(id="stf_approver", scopes=("catalog:read", "listing:approve"))),
            await stack.enter_async_context(client.as_("visitor", id="anonymous", scopes=("store",))),
        ]
        yield Catalog(runtime, *people, stack)


@pytest.fixture
async def demo(catalog: Catalog) -> Catalog:
    """With one open shop, `demo`, on the channel `web`."""
    await catalog.open_shop()
    return catalog
