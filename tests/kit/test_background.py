"""What works in the background never ends in silence: the relay outlives its client, a process outlives nothing."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from inventory_svc.app import SERVICE
from svc_contracts.events.stock import StockReleased
from svc_contracts.ids import Ids
from svc_contracts.suite import SERVICES
from svc_kit import topics
from svc_kit.assembly import create_app
from svc_kit.clock import SystemClock
from svc_kit.process import BackgroundEnded, serve
from svc_kit.relay import Relay
from svc_kit.telemetry import Metrics
from svc_kit.testing import PUBLIC, SEED
from svc_kit.transaction import Database
from svc_local.processes import free_ports
from svc_local.testing import KafkaForTests, eventually

pytestmark = pytest.mark.anyio


async def say(db: Database, key: str) -> None:
    async with db.transaction() as tx:
        tx.emit(StockReleased(order_id=key), seq=1)


async def test_a_client_that_gave_itself_up_takes_the_relay_with_it_no_longer(
    database_of: Callable[[str], Any], kafka: KafkaForTests
) -> None:
    await topics.ensure(kafka.bootstrap)
    clock, urls, stop = SystemClock(), database_of("inventory_svc"), asyncio.Event()
    async with Database.open(urls.app, source="inventory-svc", clock=clock, ids=Ids(now=clock.now)) as db:
        relay = Relay(db, kafka.bootstrap, Metrics())
        working = asyncio.create_task(relay.run(stop))
        await say(db, "ord_before")
        await eventually(lambda: relay.published == 1, within_seconds=20, because="it works")

        # As after a frozen machine: closing was not waited for to its end, so aiokafka's own future is cancelled.
        for connection in relay.producer.client._conns.values():
            connection._closed_fut.cancel()
        await relay._drop_producer()
        await say(db, "ord_after")

        await eventually(lambda: relay.published == 2, within_seconds=20, because="it works with a new client")
        assert not working.done()
        stop.set()
        await asyncio.wait_for(working, 20)


async def test_a_process_whose_background_work_ended_ends_itself(database_of: Callable[[str], Any]) -> None:
    settings = SERVICE.settings(
        yunying_env="test",
        port=free_ports(1)[0],
        database_url=database_of("inventory_svc").app,
        internal_signing_key=SEED,
        internal_verify_keys=dict.fromkeys(SERVICES, PUBLIC),
        service_urls={name: f"http://127.0.0.1:{entry.port}" for name, entry in SERVICES.items()},
    )
    app = create_app(SERVICE, settings)
    serving = asyncio.create_task(serve(app, SERVICE, settings, frozenset({"api", "timers"}), None))
    await eventually(lambda: bool(named("TimerRunner.run")), within_seconds=20, because="the timers run")

    [timers] = named("TimerRunner.run")
    timers.cancel()

    with pytest.raises(BackgroundEnded):
        await asyncio.wait_for(serving, 20)


def named(work: str) -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == work]
