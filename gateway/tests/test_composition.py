"""The product page: one part decides, the others may be away or slow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson
import pytest

from gateway.composition.rules import UNAVAILABLE, Part, first_sku, product_page

from .conftest import Gateway, Opened, served
from .test_sign_in import refusal

pytestmark = pytest.mark.anyio

PAGE = "/v1/store/sample/products/tea"
PRODUCT = {
    "product": {"product_id": "prd_1", "slug": "tea", "title": {"en": "Tea", "zh": "茶"}},
    "variants": [
        {"sku": "TEA-1", "availability": "sold_out"},
        {"sku": "TEA-2", "availability": "low"},
        {"sku": "TEA-3", "availability": "in_stock"},
    ],
}
PROMOTIONS = {"items": [{"promotion_id": "prm_1", "name": {"en": "Spring"}, "reward": {"rate_bp": 1000}}]}
PROMISE = {
    "ship_by": "2026-03-02T08:00:00Z", "deliver_from": "2026-03-03T08:00:00Z", "deliver_until": "2026-03-05T08:00:00Z",
}  # fmt: skip


class Service:
    """A service with one answer, which may take its time."""

    def __init__(self, body: Any, *, status: int = 200, seconds: float = 0.0) -> None:
        self.body, self.status, self.seconds = body, status, seconds
        self.targets: list[str] = []
        self.running = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.targets.append(scope["path"] + "?" + scope["query_string"].decode())
        self.running += 1
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
        own = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self.status, "headers": own})
        await send({"type": "http.response.body", "body": orjson.dumps(self.body)})


@asynccontextmanager
async def composed(gateway_of: Opened, **parts: Service) -> AsyncIterator[Gateway]:
    """A gateway before these services; those not named are away."""
    names = {"catalogue": "catalog-svc", "marketing": "marketing-svc", "orders": "order-svc"}
    async with AsyncExitStack() as stack:
        services = {names[name]: await stack.enter_async_context(served(part)) for name, part in parts.items()}
        yield await gateway_of(services=services, part_time_box_ms=300, page_time_box_ms=600)


async def test_the_page_has_all_its_parts(gateway_of: Opened) -> None:
    catalogue, marketing, orders = Service(PRODUCT), Service(PROMOTIONS), Service(PROMISE)
    async with composed(gateway_of, catalogue=catalogue, marketing=marketing, orders=orders) as gateway:
        answer = await gateway.http.get(PAGE, params={"region": "浙江"})

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        **PRODUCT, "promotions": PROMOTIONS["items"], "delivery_promise": PROMISE, "unavailable_parts": [],
    }  # fmt: skip
    assert answer.headers["cache-control"] == "public, max-age=2"
    assert catalogue.targets == [f"{PAGE}?"]
    assert marketing.targets == [f"{PAGE}/promotions?"]
    # Delivery is promised for the first variant that can be had.
    assert orders.targets == ["/v1/store/sample/delivery-promise?sku=TEA-2&region=%E6%B5%99%E6%B1%9F"]


async def test_a_complete_page_is_remembered_and_an_incomplete_one_is_not(gateway_of: Opened) -> None:
    catalogue, marketing, orders = Service(PRODUCT), Service(PROMOTIONS), Service(PROMISE)
    async with composed(gateway_of, catalogue=catalogue, marketing=marketing, orders=orders) as gateway:
        whole = [await gateway.http.get(PAGE) for _ in range(3)]
        marketing.status = 500
        broken = [await gateway.http.get(PAGE, params={"sku": "TEA-3"}) for _ in range(2)]

    assert len({one.headers["etag"] for one in whole}) == 1
    assert [one.headers["cache-control"] for one in broken] == ["no-store"] * 2
    assert all("etag" not in one.headers for one in broken)
    assert len(catalogue.targets) == 3
    assert orders.targets[-1] == "/v1/store/sample/delivery-promise?sku=TEA-3"


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ({"marketing": Service(PROMOTIONS)}, ["delivery_promise"]),
        ({"orders": Service(PROMISE)}, ["promotions"]),
        ({}, ["delivery_promise", "promotions"]),
        ({"marketing": Service(PROMOTIONS, seconds=10), "orders": Service(PROMISE)}, ["promotions"]),
        ({"marketing": Service(PROMOTIONS), "orders": Service(PROMISE, seconds=10)}, ["delivery_promise"]),
        ({"marketing": Service({}, status=500), "orders": Service({}, status=422)}, ["delivery_promise", "promotions"]),
        ({"marketing": Service({}, status=404), "orders": Service({}, status=404)}, []),
    ],
    ids=["orders away", "marketing away", "both away", "marketing slow", "orders slow", "both broken", "nothing known"],
)
async def test_parts_that_are_away_or_slow_are_named_and_the_rest_is_there(
    gateway_of: Opened, parts: dict[str, Service], missing: list[str]
) -> None:
    slow = any(part.seconds for part in parts.values())
    async with composed(gateway_of, catalogue=Service(PRODUCT), **parts) as gateway:
        began = asyncio.get_running_loop().time()
        answer = await gateway.http.get(PAGE)
        took = asyncio.get_running_loop().time() - began

    page = answer.json()
    assert answer.status_code == 200, answer.text
    assert (page["product"], page["variants"]) == (PRODUCT["product"], PRODUCT["variants"])
    assert page["unavailable_parts"] == missing
    if "promotions" in missing or parts["marketing"].status == 404:
        assert page["promotions"] == []
    if "delivery_promise" in missing or parts["orders"].status == 404:
        assert page["delivery_promise"] is None
    assert took < 6 or not slow


async def test_the_required_part_decides(gateway_of: Opened) -> None:
    others = {"marketing": Service(PROMOTIONS), "orders": Service(PROMISE)}
    async with composed(gateway_of, **others) as gateway:
        away = await gateway.http.get(PAGE)
    async with composed(gateway_of, catalogue=Service({}, status=404), **others) as gateway:
        unknown = await gateway.http.get(PAGE)
    async with composed(gateway_of, catalogue=Service(PRODUCT, seconds=10), **others) as gateway:
        slow = await gateway.http.get(PAGE)
    async with composed(gateway_of, catalogue=Service({}, status=500), **others) as gateway:
        broken = await gateway.http.get(PAGE)

    assert refusal(away) == (503, "upstream-unavailable")
    assert away.headers["retry-after"] == "1"
    assert refusal(unknown) == (404, "not-found")
    assert refusal(slow) == (504, "deadline-exceeded")
    assert refusal(broken) == (503, "upstream-unavailable")
    assert broken.json()["part"] == "catalog-svc"


async def test_parts_are_fetched_side_by_side(gateway_of: Opened) -> None:
    catalogue, marketing, orders = (Service(body, seconds=0.2) for body in (PRODUCT, PROMOTIONS, PROMISE))
    async with composed(gateway_of, catalogue=catalogue, marketing=marketing, orders=orders) as gateway:
        request = asyncio.create_task(gateway.http.get(PAGE, params={"sku": "TEA-1"}))
        while not (catalogue.running and marketing.running and orders.running):
            assert not request.done()
            await asyncio.sleep(0.005)
        assert (await request).json()["unavailable_parts"] == []


def test_a_page_without_variants_promises_nothing() -> None:
    empty = {"product": {}, "variants": []}

    assert first_sku(empty) is None
    assert first_sku({"variants": [{"sku": "A", "availability": "sold_out"}]}) == "A"
    assert product_page(empty, UNAVAILABLE, Part()) == {
        **empty, "promotions": [], "delivery_promise": None, "unavailable_parts": ["promotions"],
    }  # fmt: skip
