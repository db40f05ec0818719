"""The facts told anew from real Kafka, beside the consumers that wrote them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from metrics_svc.app import SERVICE
from metrics_svc.events_in import PROJECT, TRAFFIC
from metrics_svc.rebuild.commands import rebuild, rebuilding_url
from metrics_svc.rebuild.reading import Reader
from metrics_svc.rebuild.rules import Difference, Report, may_swap, sentences
from metrics_svc.rebuild.store import TABLES
from svc_contracts.events import Event
from svc_contracts.ids import Ids
from svc_kit import topics
from svc_kit.assembly import Runtime
from svc_kit.clock import SystemClock
from svc_kit.consuming import ConsumerRunner
from svc_kit.settings import KitSettings
from svc_kit.testing import runtime_of
from svc_kit.transaction import Database
from svc_local.testing import KafkaForTests, eventually

pytestmark = pytest.mark.anyio
SECONDS = 30


@dataclass
class Suite:
    """metrics-svc with its consumers on a broker, and whoever writes the topics."""

    runtime: Runtime
    owner_url: str
    kafka: KafkaForTests
    producer: AIOKafkaProducer

    async def say(self, *events: tuple[int, Event], twice: bool = False) -> None:
        """Each with its sequence; twice: as a relay does that died between sending and noting it down."""
        for seq, event in events:
            headers = {
                "ce_id": str(self.runtime.ids.uuid7()), "ce_type": event.type, "ce_dataversion": "1",
                "ce_subject": event.key, "ce_time": self.runtime.clock.now().isoformat(), "ce_seq": str(seq),
                "ce_timeline": "1",
            }  # fmt: skip
            sent = [(name, value.encode()) for name, value in headers.items()]
            for _ in range(2 if twice else 1):
                await self.producer.send_and_wait(event.topic.name, event.data(), key=event.key.encode(), headers=sent)

    async def rebuilt(self, *, swap: bool = False) -> Report:
        clock = SystemClock()
        url = rebuilding_url(self.owner_url)
        async with (
            Database.open(url, source="metrics-rebuild", clock=clock, ids=Ids(now=clock.now), size=3) as db,
            Reader.open(self.kafka.bootstrap, clock) as reader,
        ):
            return await rebuild(db, reader, cluster="c1", swap=swap)

    async def count(self, query: str) -> int:
        async with self.runtime.db.read() as con:
            return int(await con.fetchval(query))

    async def until(self, query: str, expected: int) -> None:
        async def there() -> None:
            assert await self.count(query) == expected

        await eventually(there, within_seconds=SECONDS, because=query)

    async def structure(self) -> list[tuple[Any, ...]]:
        async with self.runtime.db.read() as con:
            indexes = await con.fetch(
                "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
                "AND tablename = ANY($1::text[])",
                list(TABLES),
            )
            rights = await con.fetch(
                "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
                "WHERE table_schema = 'public' AND table_name = ANY($1::text[]) AND grantee = current_user",
                list(TABLES),
            )
        return sorted(tuple(row) for row in (*indexes, *rights))


@asynccontextmanager
async def running(runners: Sequence[ConsumerRunner]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(runner.run(stop)) for runner in runners]
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)


@pytest.fixture
async def suite_of_metrics(database_of: Callable[[str], Any], kafka: KafkaForTests) -> AsyncIterator[Suite]:
    await topics.ensure(kafka.bootstrap)
    urls = database_of("metrics_svc")
    settings = KitSettings(yunying_env="test", kafka_bootstrap_servers=kafka.bootstrap, kafka_cluster="c1")
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    await producer.start()
    try:
        async with runtime_of(SERVICE, urls) as runtime:
            runners = [ConsumerRunner(one, runtime.db, settings, runtime.metrics) for one in (PROJECT, TRAFFIC)]
            async with running(runners):
                yield Suite(runtime, urls.owner, kafka, producer)
    finally:
        await producer.stop()


async def tell_a_day(suite: Suite, make: Any) -> None:
    """Late, repeated and out of order, as it comes."""
    await suite.say((2, make.paid("ord_reb_1", "2026-02-01 10:01", 2_000)), twice=True)
    await suite.say(
        (1, make.placed("ord_reb_1", "2026-02-01 10:00", [make.line("T-1", 2, 2_000)], shop="rebuilt")), twice=True
    )
    for n in range(2, 40):
        lines = [make.line(f"T-{k}", k, 100 * k, product=f"prd_{k}") for k in range(1, 4)]
        await suite.say((1, make.placed(f"ord_reb_{n}", "2026-02-01 12:00", lines, shop="rebuilt", person=f"per_{n}")))
    await suite.say((3, make.refunded("ord_reb_1", "2026-02-02 10:00", 500)), twice=True)
    await suite.say((2, make.rejected("ord_reb_2", "2026-02-01 12:01")))
    again = make.placed("ord_reb_3", "2026-02-01 12:00", [make.line("T-9", 1, 900)], shop="rebuilt", attempt=2)
    await suite.say((4, again))
    await suite.say((7, make.shop_changed("rebuilt", time_zone="Asia/Shanghai")), (6, make.shop_changed("rebuilt")))
    await suite.say((1, make.product_changed("prd_1", "cat_reb_1")), (2, make.product_changed("prd_1", "cat_reb_2")))
    await suite.say((0, make.viewed("vis_reb", "2026-02-01 09:00", id="v1")), twice=True)
    await suite.say((0, make.viewed("vis_reb", "2026-02-01 09:01", id="v2", bot=True)))
    await suite.until("SELECT count(*) FROM fact_order WHERE shop = 'rebuilt'", 39)
    await suite.until("SELECT count(*) FROM fact_order WHERE order_id = 'ord_reb_3' AND attempt = 2", 1)
    await suite.until("SELECT count(*) FROM product_copy WHERE category_id = 'cat_reb_2'", 1)
    await suite.until("SELECT count(*) FROM fact_traffic WHERE visitor_id = 'vis_reb'", 1)


async def test_the_rebuilt_rows_are_the_rows_in_use(suite_of_metrics: Suite, desk: Any) -> None:
    suite = suite_of_metrics
    await tell_a_day(suite, desk)
    old = suite.runtime.clock.now() - timedelta(days=40)
    async with suite.runtime.db.read() as con:
        await con.execute(
            "INSERT INTO fact_traffic (visitor_id, id, event_id, kind, shop, session_id, utm, at, recorded_at) "
            "VALUES ('vis_old', 'o1', gen_random_uuid(), 'page_viewed', 'rebuilt', 's', '{}', $1, $1)",
            old,
        )

    report = await suite.rebuilt()

    assert report.is_equal, report
    assert report.traffic_copied == 1
    assert report.tables["fact_order_line"].rows == await suite.count("SELECT count(*) FROM fact_order_line")
    assert report.tables["fact_order"].rows >= 39
    assert not report.swapped
    assert await suite.count("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'metrics_%'") == 0


async def test_a_wrong_row_is_found_and_replaced_while_events_go_on_coming(suite_of_metrics: Suite, desk: Any) -> None:
    suite = suite_of_metrics
    await tell_a_day(suite, desk)
    before = await suite.structure()
    async with suite.runtime.db.read() as con:
        await con.execute("UPDATE fact_order SET total_minor = 1 WHERE order_id = 'ord_reb_1'")
        await con.execute(
            "DELETE FROM fact_order_line WHERE order_n = (SELECT n FROM fact_order WHERE order_id = 'ord_reb_4')"
        )

    found = await suite.rebuilt()
    swapped = await suite.rebuilt(swap=True)

    for report in (found, swapped):
        assert (report.tables["fact_order"].missing, report.tables["fact_order"].extra) == (1, 1)
        assert (report.tables["fact_order_line"].missing, report.tables["fact_order_line"].extra) == (0, 3)
    assert (found.swapped, swapped.swapped) == (False, True)
    assert await suite.count("SELECT total_minor FROM fact_order WHERE order_id = 'ord_reb_1'") == 2_000
    assert await suite.structure() == before
    await suite.say((1, desk.placed("ord_reb_after", "2026-02-02 12:00", shop="rebuilt")))
    await suite.until("SELECT count(*) FROM fact_order WHERE order_id = 'ord_reb_after'", 1)
    assert (await suite.rebuilt()).is_equal


async def test_traffic_that_only_the_tables_in_use_have_is_not_thrown_away(suite_of_metrics: Suite, desk: Any) -> None:
    suite = suite_of_metrics
    await suite.say((0, desk.viewed("vis_reb_2", "2026-02-01 09:00", id="v1")))
    await suite.until("SELECT count(*) FROM fact_traffic WHERE visitor_id = 'vis_reb_2'", 1)
    async with suite.runtime.db.read() as con:
        await con.execute(
            "INSERT INTO fact_traffic (visitor_id, id, event_id, kind, shop, session_id, utm, at, recorded_at) "
            "VALUES ('vis_lost', 'o1', gen_random_uuid(), 'page_viewed', 'rebuilt', 's', '{}', now(), now())"
        )

    report = await suite.rebuilt(swap=True)

    assert report.tables["fact_traffic"] == Difference(report.tables["fact_traffic"].rows, 1, 0)
    assert not report.swapped
    assert await suite.count("SELECT count(*) FROM fact_traffic WHERE visitor_id = 'vis_lost'") == 1


def test_a_report_says_what_differs() -> None:
    tables = {"fact_order": Difference(3, 0, 0), "fact_traffic": Difference(2, 1, 0)}
    report = Report(10, ("ord_x",), 4, tables)

    assert sentences(report) == [
        "10 records read, 4 older traffic rows copied",
        "1 keys cannot be read, as when they were parked",
        "fact_order: 3 rows rebuilt, the same",
        "fact_traffic: 2 rows rebuilt, 1 missing, 0 extra",
        "not put in use: traffic is missing that only the tables in use still have",
    ]
    assert (report.is_equal, may_swap(tables)) == (False, False)
    assert may_swap({"fact_traffic": Difference(2, 0, 5)})
