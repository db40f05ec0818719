"""How many orders a second inventory-svc decides on real PostgreSQL: `python bench/stock.py [orders] [batch] [lines]`.

Starts nothing: give it an empty database that was migrated for inventory-svc in DATABASE_URL. No Kafka is involved;
each batch is one transaction of the deciding command with its ledger, reservations and outbox rows.
"""

import asyncio
import os
import random
import sys
import time
from datetime import UTC, datetime
from uuid import UUID

from inventory_svc.app import SERVICE
from inventory_svc.events_in import decide
from inventory_svc.stock.commands.receipts import ReceiptLine, receive
from inventory_svc.warehouses.commands import open_warehouse
from inventory_svc.warehouses.rules import Warehouse
from svc_contracts.events.base import Region
from svc_contracts.events.order import OrderPlaced, PlacedLine
from svc_kit.consumer import Received
from svc_kit.testing import runtime_of
from svc_local.databases import DatabaseUrls

SKU_COUNT = 1_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def placed(n: int, lines: int, hot: bool) -> Received:
    skus = ["S0"] if hot else [f"S{sku}" for sku in random.sample(range(SKU_COUNT), lines)]
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
    about = {"type": event.type, "key": event.key, "seq": 1, "timeline": 1, "at": NOW, "correlation_id": "bench"}
    place = {"causation_id": None, "headers": {}, "topic": "order.events", "partition": 0, "offset": n}
    return Received(event=event, event_id=UUID(int=n), **about, **place)


async def main(orders: int, batch: int, lines: int) -> None:
    url = os.environ["DATABASE_URL"]
    async with runtime_of(SERVICE, DatabaseUrls(app=url, owner=url)) as runtime:
        async with runtime.db.transaction() as tx:
            about = ("own", "CN", 1, ("bench",), "16:00", 24, "every_day", "UTC", "active")
            await open_warehouse(tx, Warehouse("bench", *about, tx.now, 1, 1))
            goods = [ReceiptLine(f"S{n}", 1_000_000) for n in range(SKU_COUNT)]
            await receive(tx, warehouse="bench", reference="bench", lines=goods)
        numbers = iter(range(1, 10 * orders))
        for name, hot in (("uniform over 1,000 skus", False), ("one hot sku", True)):
            batches = [[placed(next(numbers), lines, hot) for _ in range(batch)] for _ in range(orders // batch)]
            start = time.perf_counter()
            for events in batches:
                async with runtime.db.transaction() as tx:
                    await decide(tx, events)
            seconds = time.perf_counter() - start
            count = len(batches) * batch
            print(f"{name}: {count} orders × {1 if hot else lines} lines, batches of {batch}: {count / seconds:,.0f}/s")


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:4]]
    asyncio.run(main(*(arguments + [5_000, 200, 2][len(arguments) :])))
