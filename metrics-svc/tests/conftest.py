"""What the tests of metrics-svc share: the running service on a database of its own, and the events it hears."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest

from metrics_svc.app import SERVICE
from metrics_svc.events_in import PROJECT, TRAFFIC
from metrics_svc.rebuild.store import LIVE, TOLD
from svc_contracts.events import Event
from svc_contracts.events.base import Region
from svc_contracts.events.catalog import ProductChanged, ShopChanged
from svc_contracts.events.order import OrderPaid, OrderPlaced, OrderRefunded, OrderRejected, PlacedLine
from svc_contracts.events.traffic import PageViewed
from svc_kit.assembly import Runtime
from svc_kit.testing import client_of, deliver, runtime_of


def at(text: str) -> datetime:
    """`at("2026-01-31 23:30")` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shop_changed(shop: str = "tea", *, time_zone: str = "UTC", currency: str = "CNY") -> ShopChanged:
    return ShopChanged(
        shop=shop, name={"en": shop}, channel=f"{shop}-web", currency=currency, time_zone=time_zone, locales=["en"],
        delivery_methods=[], payment_methods=["sandbox"], unpaid_expiry_seconds=900, state="open",
    )  # fmt: skip


def product_changed(product_id: str, category_id: str) -> ProductChanged:
    return ProductChanged(
        product_id=product_id, category_id=category_id, category_path=["cat_root", category_id], brand=None,
        title={"en": product_id}, slug=product_id, skus=[product_id],
    )  # fmt: skip


def line(sku: str, quantity: int, net: int, *, discount: int = 0, product: str | None = "prd_tea") -> PlacedLine:
    amounts = {"gross_minor": net + discount, "discount_minor": discount, "net_minor": net}
    return PlacedLine(line_id=f"l-{sku}", sku=sku, product_id=product, quantity=quantity, **amounts)


def placed(
    order_id: str,
    when: str,
    lines: Sequence[PlacedLine] | None = None,
    *,
    person: str = "per_a",
    shop: str = "tea",
    currency: str = "CNY",
    channel: str | None = None,
    fee: int = 0,
    visitor: str | None = None,
    attempt: int = 1,
) -> OrderPlaced:
    lines = [line("T-1", 1, 1_000)] if lines is None else list(lines)
    return OrderPlaced(
        order_id=order_id, attempt=attempt, number=1, shop=shop, channel=channel or f"{shop}-web", person_id=person,
        visitor_id=visitor, region=Region(country="CN", province="SH", city="SH"), currency=currency, lines=lines,
        delivery_fee_minor=fee, total_minor=sum(one.net_minor for one in lines) + fee, payment_method="sandbox",
        placed_at=at(when), received_at=at(when),
    )  # fmt: skip


def paid(order_id: str, when: str, amount: int, *, currency: str = "CNY") -> OrderPaid:
    return OrderPaid(
        order_id=order_id, at=at(when), paid_minor=amount, currency=currency, paid_at=at(when), method="sandbox"
    )


def rejected(order_id: str, when: str) -> OrderRejected:
    return OrderRejected(order_id=order_id, reason="stock-short", at=at(when))


def refunded(order_id: str, when: str, amount: int) -> OrderRefunded:
    return OrderRefunded(
        order_id=order_id, amount_minor=amount, currency="CNY", reason="cancelled", refunded_at=at(when)
    )


def viewed(
    visitor: str,
    when: str,
    *,
    id: str | None = None,
    shop: str = "tea",
    product: str | None = None,
    sku: str | None = None,
    campaign: str | None = None,
    bot: bool = False,
) -> PageViewed:
    return PageViewed(
        id=id or f"{visitor}-{when}", visitor_id=visitor, session_id=f"s-{visitor}", shop=shop, product_id=product,
        sku=sku, utm={"campaign": campaign} if campaign else {}, is_bot=bot, at=at(when),
    )  # fmt: skip


@dataclass
class Desk:
    """metrics-svc, told events and asked for figures. Each key's events have their sequence, as when they were sent."""

    runtime: Runtime
    http: httpx.AsyncClient
    seqs: dict[str, "count[int]"] = field(default_factory=dict)

    line = staticmethod(line)
    shop_changed = staticmethod(shop_changed)
    product_changed = staticmethod(product_changed)
    placed = staticmethod(placed)
    paid = staticmethod(paid)
    rejected = staticmethod(rejected)
    refunded = staticmethod(refunded)
    viewed = staticmethod(viewed)

    async def tell(self, *events: Event, seqs: Sequence[int] | None = None, ids: Sequence[UUID] | None = None) -> None:
        """One batch through the projecting consumer."""
        given = list(seqs) if seqs else [next(self.seqs.setdefault(one.key, count(1))) for one in events]
        await deliver(self.runtime, PROJECT, events, seqs=given, ids=ids)

    async def show(self, *events: Event, ids: Sequence[UUID] | None = None) -> None:
        """One batch through the traffic consumer."""
        await deliver(self.runtime, TRAFFIC, events, ids=ids)

    async def ask(self, keys: str | None = None, *, first: str, last: str, **asked: Any) -> list[dict[str, Any]]:
        params = {"from": first, "to": last, **asked} | ({"keys": keys} if keys else {})
        answer = await self.http.get("/v1/admin/kpis", params=params)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows

    async def values(self, keys: str, *, first: str, last: str, **asked: Any) -> dict[str, Any]:
        """Key → value, where there is one row each."""
        rows = await self.ask(keys, first=first, last=last, **asked)
        found = {row["key"]: row["value"] for row in rows}
        assert len(found) == len(rows), rows
        return found

    async def by(self, key: str, dim: str, *, first: str, last: str, **asked: Any) -> dict[str, Any]:
        """What a dimension says → value."""
        rows = await self.ask(key, first=first, last=last, **asked)
        return {(row["period"] if dim == "period" else row["dims"][dim]): row["value"] for row in rows}

    async def rows_of(self, table: str) -> list[tuple[Any, ...]]:
        """As the rebuild compares them: numbers that are only ours are resolved."""
        async with self.runtime.db.read() as con:
            return sorted((tuple(row) for row in await con.fetch(TOLD[table].format(schema=LIVE))), key=repr)

    async def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table: await self.rows_of(table) for table in TOLD}


@pytest.fixture
async def desk(database_of: Callable[[str], Any]) -> AsyncIterator[Desk]:
    """metrics-svc on an empty database, asked by somebody who may see all shops."""
    async with (
        runtime_of(SERVICE, database_of("metrics_svc")) as runtime,
        client_of(runtime).as_(scopes=("metrics:read",)) as http,
    ):
        yield Desk(runtime, http)
