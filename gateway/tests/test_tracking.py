"""Events of front ends: judged one by one, on real Kafka."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from gateway.tracking.rules import AGE_MAX, AHEAD_MAX, Visit, event_id_of, is_bot, judged
from svc_contracts.events.traffic import PageViewed
from svc_contracts.topics import TRAFFIC
from svc_kit import topics
from svc_kit.access import visitor_key
from svc_kit.consumer import Record, received_of
from svc_kit.relay import partition_of
from svc_local.testing import KafkaForTests, eventually

from .conftest import VISITOR, Gateway, Opened
from .test_sign_in import refusal

pytestmark = pytest.mark.anyio

TRACK = "/v1/track"
NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
VISIT = Visit("vis_1", None, False)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"


def event(n: int = 1, *, at: datetime | None = None, **more: Any) -> dict[str, Any]:
    moment = (at or datetime.now(UTC)).isoformat()
    return {"id": f"e-{n}", "type": "page_view", "at": moment, "session_id": "s-1", "shop": "sample", **more}


def test_every_event_is_judged_by_itself() -> None:
    given = [
        event(1, at=NOW),
        event(2, at=NOW, type="purchase"),
        event(3, at=NOW, email="chen@example.com"),
        {"id": "e-4"},
        "nonsense",
        event(6, at=NOW, type="add_to_cart", sku="TEA-1", utm={"source": "mail"}),
        event(7, at=NOW, type="checkout_started", product_id="prd_1"),
        {**event(8), "at": "yesterday"},
        event(9, at=NOW, sku="not a sku"),
    ]

    clicks, dropped = judged(given, VISIT, shop=None, now=NOW)

    events = [one.kind.parse(one.value) for one in clicks]
    assert [event.data() for event in events] == [one.value for one in clicks]
    assert [(one.type, one.sku, one.product_id, one.utm) for one in events] == [
        ("traffic.page_viewed", None, None, {}),
        ("traffic.cart_added", "TEA-1", None, {"source": "mail"}),
        ("traffic.checkout_started", None, "prd_1", {}),
    ]
    assert [one.pointer for one in dropped] == [
        "/events/1/type", "/events/2/email", "/events/3/type", "/events/4", "/events/7/at", "/events/8/sku",
    ]  # fmt: skip
    assert dropped[1].code == "extra-forbidden"
    assert not any("chen@example.com" in one.message for one in dropped)


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        (NOW - AGE_MAX, True),
        (NOW - AGE_MAX - timedelta(seconds=1), False),
        (NOW + AHEAD_MAX, True),
        (NOW + AHEAD_MAX + timedelta(seconds=1), False),
    ],
)
def test_times_nobody_can_have_are_dropped(at: datetime, counts: bool) -> None:
    events, dropped = judged([event(at=at)], VISIT, shop=None, now=NOW)

    assert (len(events), [one.code for one in dropped]) == ((1, []) if counts else (0, ["out-of-time"]))


def test_the_shop_is_the_events_or_the_batchs_or_unknown() -> None:
    bare = {name: value for name, value in event(at=NOW).items() if name != "shop"}

    with_one, _ = judged([event(at=NOW), bare], VISIT, shop="other", now=NOW)
    without, _ = judged([bare], VISIT, shop=None, now=NOW)

    assert [orjson.loads(one.value)["shop"] for one in with_one + without] == ["sample", "other", "unknown"]


def test_an_id_is_a_visitors_own_and_the_same_each_time() -> None:
    [mine], _ = judged([event(at=NOW)], VISIT, shop=None, now=NOW)
    [again], _ = judged([event(at=NOW)], VISIT, shop=None, now=NOW)
    [theirs], _ = judged([event(at=NOW)], Visit("vis_2", None, False), shop=None, now=NOW)

    assert mine == again
    assert mine.event_id != theirs.event_id
    assert orjson.loads(mine.value)["id"] != orjson.loads(theirs.value)["id"]
    assert (UUID(mine.event_id).version, UUID(mine.event_id).variant) == (8, RFC_4122)


@pytest.mark.parametrize(
    ("agent", "bot"),
    [
        (CHROME, False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1", False),
        ("Mozilla/5.0 (Linux; Android 16) MicroMessenger/8.0 NetType/WIFI Language/zh_CN", False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0)", True),
        ("Mozilla/5.0 HeadlessChrome/142.0", True),
        ("curl/8.5.0", True),
        ("python-requests/2.32", True),
        ("", True),
        (None, True),
    ],
)
def test_bots_say_who_they_are_or_nothing(agent: str | None, bot: bool) -> None:
    assert is_bot(agent) is bot


class Reader:
    """Everything that is in the topic, of one visitor."""

    def __init__(self, kafka: KafkaForTests) -> None:
        self.kafka = kafka

    async def of(self, visitor: str) -> list[Record]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            parts = [TopicPartition(TRAFFIC.name, n) for n in range(TRAFFIC.partitions)]
            consumer.assign(parts)
            ends = await consumer.end_offsets(parts)
            found: list[Record] = []
            while any([await consumer.position(part) < ends[part] for part in parts]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    for one in batch:
                        headers = {name: value.decode() for name, value in one.headers}
                        found.append(Record(one.topic, one.partition, one.offset, headers, one.value))
            return [one for one in found if one.key == visitor_key(visitor)]
        finally:
            await consumer.stop()


@pytest.fixture
async def reader(kafka: KafkaForTests) -> Reader:
    await topics.ensure(kafka.bootstrap)
    return Reader(kafka)


async def sent(gateway: Gateway) -> None:
    await eventually(
        lambda: gateway.runtime.metrics.registry.get_sample_value("traffic_waiting_events") == 0,
        within_seconds=10,
        because="the broker takes them",
    )


async def test_events_reach_the_topic_as_the_contract_says(
    gateway_of: Opened, kafka: KafkaForTests, reader: Reader
) -> None:
    gateway = await gateway_of(kafka_bootstrap_servers=kafka.bootstrap)
    member = await gateway.member()
    visitor = "a" * 32
    headers = {"X-Visitor-Id": visitor, "User-Agent": CHROME}
    at = datetime.now(UTC).replace(microsecond=0)
    body = {"events": [event(1, at=at, sku="TEA-1", url="https://shop.example/?email=chen@example.com"), {"id": "e-2"}]}

    answer = await gateway.signed(member).post(TRACK, json=body, headers=headers)

    assert answer.status_code == 202, answer.text
    counted = answer.json()
    assert (counted["accepted"], counted["dropped"]) == (1, 1)
    assert [one["pointer"] for one in counted["errors"]] == ["/events/1/type"]
    await sent(gateway)
    [record] = await reader.of(visitor)
    received = received_of(record)
    assert isinstance(received.event, PageViewed)
    assert received.event.model_dump(exclude={"id"}) == {
        "visitor_id": visitor_key(visitor), "session_id": "s-1", "person_id": member["person_id"], "shop": "sample",
        "product_id": None, "sku": "TEA-1", "utm": {}, "is_bot": False, "at": at,
    }  # fmt: skip
    assert record.partition == partition_of(visitor_key(visitor), TRAFFIC.partitions)
    assert str(received.event_id) == event_id_of(received.event.id.removeprefix("evt_"))
    assert record.headers["ce_source"] == "/gateway"
    assert received.correlation_id == answer.headers["x-request-id"]
    everything = record.value + orjson.dumps(dict(record.headers))
    assert visitor.encode() not in everything
    assert b"chen@example.com" not in everything


async def test_five_hundred_at_once_arrive_in_order_and_one_more_is_refused(
    gateway_of: Opened, kafka: KafkaForTests, reader: Reader
) -> None:
    gateway = await gateway_of(kafka_bootstrap_servers=kafka.bootstrap)
    visitor = "b" * 32
    headers = {"X-Visitor-Id": visitor}
    batch = [event(n, session_id=f"s-{n}") for n in range(501)]

    full = await gateway.http.post(TRACK, json={"events": batch[:500]}, headers=headers)
    more = await gateway.http.post(TRACK, json={"events": batch}, headers=headers)

    assert full.json() == {"accepted": 500, "dropped": 0, "errors": []}
    assert refusal(more) == (422, "validation-failed")
    await sent(gateway)
    records = await reader.of(visitor)
    assert [orjson.loads(one.value)["session_id"] for one in records] == [f"s-{n}" for n in range(500)]
    assert {orjson.loads(one.value)["is_bot"] for one in records} == {True}


async def test_what_waits_leaves_before_the_gateway_stops(
    gateway_of: Opened, kafka: KafkaForTests, reader: Reader
) -> None:
    gateway = await gateway_of(kafka_bootstrap_servers=kafka.bootstrap)
    visitors = [f"{n:032}" for n in range(20)]

    async def views(visitor: str) -> None:
        answer = await gateway.http.post(TRACK, json={"events": [event()]}, headers={"X-Visitor-Id": visitor})
        assert answer.status_code == 202

    await asyncio.gather(*(views(visitor) for visitor in visitors))
    await sent(gateway)

    assert len({one.headers["ce_id"] for visitor in visitors for one in await reader.of(visitor)}) == 20


async def test_without_a_visitor_nothing_is_accepted(gateway: Gateway) -> None:
    body = {"events": [event()]}

    for headers in ({}, {"X-Visitor-Id": "short"}, {"X-Visitor-Id": "x" * 257}):
        answer = await gateway.http.post(TRACK, json=body, headers=headers)
        assert refusal(answer) == (400, "malformed-request")
        [fault] = answer.json()["errors"]
        assert (fault["pointer"], fault["code"]) == ("/headers/X-Visitor-Id", "visitor-id-missing")


async def test_without_a_broker_events_are_refused_and_drops_are_told_of(gateway: Gateway) -> None:
    headers = {"X-Visitor-Id": VISITOR}

    away = await gateway.http.post(TRACK, json={"events": [event()]}, headers=headers)
    nothing = await gateway.http.post(TRACK, json={"events": [{"id": "e-1"}]}, headers=headers)
    forged = await gateway.client(Authorization="Bearer forged").post(TRACK, json={"events": []}, headers=headers)

    assert refusal(away) == (503, "upstream-unavailable")
    assert away.headers["retry-after"] == "5"
    assert (nothing.status_code, nothing.json()["dropped"]) == (202, 1)
    assert refusal(forged) == (401, "unauthenticated")


async def test_a_broker_that_is_away_fills_the_queue_and_then_refuses(gateway_of: Opened) -> None:
    gateway = await gateway_of(kafka_bootstrap_servers="127.0.0.1:9", tracking_queue_max=500)
    headers = {"X-Visitor-Id": VISITOR}
    body = {"events": [event(n) for n in range(400)]}

    first = await gateway.http.post(TRACK, json=body, headers=headers)
    second = await gateway.http.post(TRACK, json=body, headers=headers)

    assert first.status_code == 202
    assert refusal(second) == (503, "overloaded")
    gateway.runtime.state.traffic._queue.clear()
