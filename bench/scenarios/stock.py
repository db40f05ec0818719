"""Stock decisions alone: inventory-svc's own command on real PostgreSQL, without HTTP and Kafka.

Each batch is one transaction with its ledger, reservations, inbox and outbox rows, as the consumer does it.
"""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

from bench.stand import REPEATS, Figure, Stand
from inventory_svc.app import SERVICE
from inventory_svc.events_in import decide
from inventory_svc.stock.commands.receipts import ReceiptLine, receive
from inventory_svc.warehouses.commands import open_warehouse
from inventory_svc.warehouses.rules import Warehouse
from svc_contracts.events.base import Region
from svc_contracts.events.order import OrderPlaced, PlacedLine
from svc_kit.assembly import Runtime
from svc_kit.consumer import Received
from svc_kit.testing import runtime_of
from svc_local.databases import Databases, DatabaseUrls, Passwords
from svc_local.postgres import new_password
from svc_local.testing import migrate

DATABASE = "bench_stock"
SKU_COUNT = 1_000
ORDERS, BATCH, LINES = 6_000, 200, 2
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASE = "order_insert_16"


async def stock(stand: Stand) -> list[Figure]:
    """Orders per second: one hot sku, and two lines of a thousand skus."""
    with database(str(stand.report["postgres_url"])) as urls:
        async with runtime_of(SERVICE, urls) as runtime:
            await fill(runtime)
            numbers = count(1)
            return [
                await rate(runtime, stand.chance, numbers, "hot_sku_decisions_per_second", hot=True, aim="≥ 1.3"),
                await rate(runtime, stand.chance, numbers, "full_orders_per_second", hot=False, aim="≥ 0.8"),
            ]


@contextmanager
def database(server_url: str) -> Iterator[DatabaseUrls]:
    with Databases(server_url) as server:
        urls = server.ensure(DATABASE, passwords=Passwords(app=new_password(), owner=new_password()))
        try:
            # A thread of its own: migrations run an event loop, and we are inside one.
            with ThreadPoolExecutor(max_workers=1) as aside:
                aside.submit(migrate, "inventory_svc", urls.owner).result()
            yield urls
        finally:
            server.drop(DATABASE)


async def fill(runtime: Runtime) -> None:
    async with runtime.db.transaction() as tx:
        await open_warehouse(
            tx,
            Warehouse("bench", "own", "CN", 1, ("bench",), "16:00", 24, "every_day", "UTC", "active", tx.now, 1, 1),
        )
        goods = [ReceiptLine(f"S{n}", 1_000_000) for n in range(SKU_COUNT)]
        await receive(tx, warehouse="bench", reference="bench", lines=goods)


async def rate(
    runtime: Runtime, chance: random.Random, numbers: Iterator[int], figure: str, *, hot: bool, aim: str
) -> Figure:
    rates = []
    for _ in range(REPEATS):
        batches = [[placed(next(numbers), chance, hot=hot) for _ in range(BATCH)] for _ in range(ORDERS // BATCH)]
        began = time.perf_counter()
        for events in batches:
            async with runtime.db.transaction() as tx:
                await decide(tx, events)
        rates.append(ORDERS / (time.perf_counter() - began))
    rates.sort()
    return Figure("stock", figure, rates[len(rates) // 2], BASE, aim, tuple(rates))


def placed(n: int, chance: random.Random, *, hot: bool) -> Received:
    skus = ["S0"] if hot else [f"S{sku}" for sku in chance.sample(range(SKU_COUNT), LINES)]
    amounts = {"gross_minor": 100, "discount_minor": 0, "net_minor": 100}
    event = OrderPlaced(
        order_id=f"ord_bench_{n}",
        number=n,
        shop="bench",
        channel="bench",
        person_id="per_1",
        region=Region(country="CN", province="Shanghai", city="Shanghai"),
        currency="CNY",
        lines=[
            PlacedLine(line_id=f"l{i}", sku=sku, product_id=None, quantity=1, **amounts) for i, sku in enumerate(skus)
        ],
        delivery_fee_minor=0,
        total_minor=100,
        payment_method="sandbox",
        placed_at=NOW,
        received_at=NOW,
    )
    return Received(
        event=event, event_id=UUID(int=n), type=event.type, key=event.key, seq=1, timeline=1, at=NOW,
        correlation_id="bench", causation_id=None, headers={}, topic="order.events", partition=0, offset=n,
    )  # fmt: skip
