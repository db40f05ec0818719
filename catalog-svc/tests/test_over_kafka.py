"""What the shop front shows of other services' words, and what it tells itself, over real Kafka."""

import asyncio
from typing import Any

import pytest

from catalog_svc.events_in import PROJECT
from catalog_svc.settings import CatalogSettings
from svc_kit import topics
from svc_kit.consuming import ConsumerRunner
from svc_kit.relay import Relay
from svc_kit.telemetry import Metrics
from svc_local.testing import KafkaForTests, eventually

pytestmark = pytest.mark.anyio


async def test_a_level_told_over_kafka_is_shown_and_every_offer_is_sent(demo: Any, kafka: KafkaForTests) -> None:
    await demo.live(await demo.item(await demo.category(), "KAFKA-1"))
    await topics.ensure(kafka.bootstrap)
    settings = CatalogSettings(yunying_env="test", kafka_bootstrap_servers=kafka.bootstrap, kafka_cluster="c1")
    db, stop = demo.runtime.db, asyncio.Event()
    runners = (Relay(db, kafka.bootstrap, Metrics()), ConsumerRunner(PROJECT, db, settings, Metrics()))
    running = [asyncio.create_task(runner.run(stop)) for runner in runners]

    async with db.transaction() as tx:
        tx.emit(demo.warehouse_changed("kafka"), seq=1)
        tx.emit(demo.level_changed("KAFKA-1", 7, "in_stock", "kafka"), seq=1)

    async def in_stock() -> bool:
        return (await demo.products())["items"][0]["availability"] == "in_stock"

    async def nothing_waits() -> bool:
        return await demo.said() == []

    await eventually(in_stock, within_seconds=30, because="inventory said so")
    await eventually(nothing_waits, within_seconds=30, because="the relay sends what catalog-svc told")
    stop.set()
    await asyncio.wait_for(asyncio.gather(*running), 20)
