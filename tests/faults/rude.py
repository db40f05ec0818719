"""Clients as they are: most ask and listen; others leave at any byte of what they say or hear, are slow, or talk
nonsense.
"""

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.rig.people import ADDRESS, CONTACT, REGION, World, key, money
from tests.rig.wire import Broken, Line, request_of

PRICE_MINOR = 10_000
PICTURE_BYTES = 150_000
WRONG = "not-the-password"
PLACES = ("Shanghai", "Beijing", "Guangdong", "Sichuan", "Yunnan", "Zhejiang")
PATIENCE_SECONDS = 20.0
MANNERS = {
    "listens": 46,
    "leaves while speaking": 16,
    "leaves at once": 10,
    "leaves while waiting": 8,
    "leaves while hearing": 8,
    "speaks slowly": 4,
    "hears slowly": 2,
    "talks nonsense": 6,
}
ROUTES = {
    "page": 30, "list": 12, "shop": 8, "cart": 9, "quote": 7, "checkout": 4, "order": 6, "stock": 5, "figures": 3,
    "promotions": 3, "products": 3, "staff": 3, "track": 4, "document": 1, "picture": 1, "sign in": 1,
}  # fmt: skip
NONSENSE = (
    b"GET /v1/store/x HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    b'POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"events"',
    b"BREW /coffee HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/admin/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nonsense\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET " + b"/a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /v1/store/x/carts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
)


@dataclass(slots=True)
class Tally:
    manners: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    unheard: int = 0

    @property
    def requests(self) -> int:
        return sum(self.manners.values())


@dataclass(slots=True)
class Rude:
    """One client after another, never the same."""

    world: World
    skus: Sequence[str]
    chance: random.Random
    tally: Tally
    line: Line = field(init=False)
    known: tuple[str, dict[str, str]] | None = None

    def __post_init__(self) -> None:
        self.line = Line(self.world.gateway, {"X-Visitor-Id": secrets.token_urlsafe(24)})

    async def go_on(self, over: asyncio.Event, every_seconds: float) -> None:
        due = time.monotonic() + self.chance.uniform(0, every_seconds)
        while not over.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + every_seconds * self.chance.uniform(0.5, 1.5), time.monotonic() - 5 * every_seconds)
            [manner] = self.chance.choices(list(MANNERS), weights=list(MANNERS.values()))
            self.tally.manners[manner] += 1
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self.ask(manner)
            except (Broken, OSError, TimeoutError, ValueError):
                # Whoever talks nonsense, or leaves, is told nothing; for the others it counts.
                self.tally.unheard += manner in ("listens", "speaks slowly", "hears slowly")
                self.line.close()
        self.line.close()

    async def ask(self, manner: str) -> None:
        chance, line = self.chance, self.line
        if manner == "talks nonsense":
            await line.connect()
            await line.send(chance.choice(NONSENSE))
            assert line.reader is not None
            await asyncio.wait_for(line.reader.read(200), 0.5)
            line.close()
            return
        [route] = chance.choices(list(ROUTES), weights=list(ROUTES.values()))
        self.tally.routes[route] += 1
        request = self.request(route)
        await line.connect()
        if manner == "leaves while speaking":
            await line.send(request[: chance.randrange(1, len(request))])
            await asyncio.sleep(chance.choice((0.0, 0.0, chance.uniform(0, 0.1))))
            self.leave()
        elif manner == "speaks slowly":
            await self.speak_slowly(request)
            self.hear(route, await line.answer())
        elif manner == "hears slowly":
            await line.send(request)
            await asyncio.sleep(chance.uniform(0.2, 1.0))
            self.hear(route, await line.answer())
        else:
            await line.send(request)
            await self.listen(manner, route)

    async def listen(self, manner: str, route: str) -> None:
        line = self.line
        if manner == "listens":
            self.hear(route, await line.answer())
        elif manner == "leaves at once":
            self.leave()
        elif manner == "leaves while waiting":
            await asyncio.sleep(self.chance.choice((0.002, 0.02, 0.1, 0.4)) * self.chance.random())
            self.leave()
        else:
            assert line.reader is not None
            await line.reader.read(self.chance.randrange(1, 600))
            self.leave()

    async def speak_slowly(self, request: bytes) -> None:
        parts = sorted(self.chance.randrange(len(request)) for _ in range(4))
        for begin, end in zip([0, *parts], [*parts, len(request)], strict=True):
            await self.line.send(request[begin:end])
            await asyncio.sleep(self.chance.uniform(0, 0.3))

    def leave(self) -> None:
        """By a goodbye or without one."""
        if self.line.writer is not None and self.chance.random() < 0.5:
            self.line.writer.close()
            self.line.reader = self.line.writer = None
        else:
            self.line.close()

    def hear(self, route: str, answer: Any) -> None:
        self.tally.statuses[answer.status] += 1
        if route == "checkout" and answer.status in (201, 202):
            placed = answer.json()
            self.known = placed["id"], {"X-Order-Token": placed["order_token"]}

    def request(self, route: str) -> bytes:
        if route == "order" and self.known is None:
            route = "cart"
        base, sku = f"/v1/store/{self.world.shop}", self.chance.choice(self.skus)
        lines = [{"sku": sku, "quantity": 1}]
        wanted = {"lines": lines, "region": REGION, "delivery_method": "standard"}
        owner = {"Authorization": self.world.owner.authorization}
        stranger = {"X-Visitor-Id": secrets.token_urlsafe(24)}
        order_id, token = self.known or ("", {})
        order = {
            **wanted, "expected_total": money(PRICE_MINOR), "contact": CONTACT, "address": ADDRESS,
            "payment_method": "sandbox",
        }  # fmt: skip
        event = {
            "id": secrets.token_hex(16), "type": "page_view", "at": datetime.now(UTC).isoformat(), "session_id": "s",
            "shop": self.world.shop, "sku": sku,
        }  # fmt: skip
        reads = {
            "page": (f"{base}/products/{sku.lower()}?region={self.chance.choice(PLACES)}", {}),
            "list": (f"{base}/products?limit={self.chance.randint(1, 20)}", {}),
            "shop": (base, {}),
            "order": (f"{base}/orders/{order_id}", token),
            "stock": (f"/v1/admin/stock-levels?sku={sku}", owner),
            "figures": ("/v1/admin/kpis?keys=orders&from=2026-01-01&to=2026-01-31&grain=day", owner),
            "promotions": (f"{base}/products/{sku.lower()}/promotions", {}),
            "products": ("/v1/admin/products?limit=20", owner),
            "staff": ("/v1/admin/staff?limit=5", owner),
            "document": ("/openapi.json", {}),
        }
        if route in reads:
            path, headers = reads[route]
            return self.whole("GET", path, headers)
        if route == "picture":
            told = owner | {"Content-Type": "image/png"}
            return self.whole("POST", "/v1/admin/media", told, secrets.token_bytes(PICTURE_BYTES))
        writes: dict[str, tuple[str, dict[str, str], Any]] = {
            "cart": (f"{base}/carts", {}, {"lines": lines}),
            "quote": (f"{base}/quotes", {}, wanted),
            "checkout": (f"{base}/checkout", key() | stranger, order),
            "track": ("/v1/track", {}, {"events": [event]}),
            "sign in": ("/v1/auth/sessions", {}, {"login": f"{secrets.token_hex(6)}@example.com", "password": WRONG}),
        }
        path, headers, body = writes[route]
        return self.whole("POST", path, headers, body)

    def whole(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> bytes:
        return request_of(method, path, host=self.line.host, headers={**self.line.headers, **headers}, body=body)
