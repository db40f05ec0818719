"""Connections that break: services that are away, silent or talk nonsense, and clients who leave half way."""

import asyncio

import httpx
import pytest

from svc_local.testing import eventually

from .conftest import CARTS, Gateway, Opened, head_of, raw_server, simple
from .test_sign_in import refusal

pytestmark = pytest.mark.anyio


async def test_a_service_that_is_away_is_told_of_and_when_to_come_back(gateway: Gateway) -> None:
    answer = await gateway.http.post(CARTS, json={})

    assert refusal(answer) == (503, "upstream-unavailable")
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["part"] == "order-svc"


async def test_a_service_that_is_silent_runs_into_the_deadline(gateway_of: Opened) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with raw_server(silent) as url:
        gateway = await gateway_of(services={"order-svc": url}, upstream_time_box_seconds=0.3)
        read = await gateway.http.get(f"{CARTS}/crt_1")
        write = await gateway.http.post(CARTS, json={})

    assert refusal(read) == (504, "deadline-exceeded")
    assert refusal(write) == (504, "deadline-exceeded")


class Flaky:
    """Breaks the first connections it gets after reading a request, then answers."""

    def __init__(self, breaks: int) -> None:
        self.left = breaks
        self.requests = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        self.requests += 1
        if self.left:
            self.left -= 1
            return
        writer.write(simple(b"{}"))
        await writer.drain()


@pytest.mark.parametrize(
    ("method", "headers", "status", "requests"),
    [
        ("GET", {}, 200, 2),
        ("POST", {"Idempotency-Key": "one-of-a-kind-key"}, 200, 2),
        ("POST", {}, 503, 1),
        ("PATCH", {}, 503, 1),
    ],
)
async def test_what_may_be_asked_twice_is_asked_once_more_where_the_connection_broke(
    gateway_of: Opened, method: str, headers: dict[str, str], status: int, requests: int
) -> None:
    flaky = Flaky(1)
    async with raw_server(flaky) as url:
        gateway = await gateway_of(services={"order-svc": url})
        answer = await gateway.http.request(method, f"{CARTS}/crt_1", headers=headers)

    assert (answer.status_code, flaky.requests) == (status, requests)


async def test_an_answer_that_breaks_off_is_not_mistaken_for_a_whole_one(gateway_of: Opened) -> None:
    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 200_000)
        await writer.drain()

    async with raw_server(breaks) as url:
        gateway = await gateway_of(services={"order-svc": url})
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await gateway.http.get(f"{CARTS}/crt_1")


@pytest.mark.parametrize("nonsense", [b"not http at all\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"])
async def test_a_service_that_talks_nonsense_counts_as_away(gateway_of: Opened, nonsense: bytes) -> None:
    async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(nonsense)
        await writer.drain()

    async with raw_server(talks) as url:
        gateway = await gateway_of(services={"order-svc": url})
        answer = await gateway.http.get(f"{CARTS}/crt_1")

    assert refusal(answer) == (503, "upstream-unavailable")


class Watched:
    """Holds every request, and notices when its connection is closed from the other side."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.closed = 0
        self.go_on = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await head_of(reader))
        closing, going = asyncio.create_task(reader.read(-1)), asyncio.create_task(self.go_on.wait())
        await asyncio.wait([closing, going], return_when=asyncio.FIRST_COMPLETED)
        if going.done():
            writer.write(simple(b"{}"))
            await writer.drain()
            closing.cancel()
        else:
            self.bodies.append(closing.result())
            self.closed += 1
            going.cancel()


async def gone_client(gateway: Gateway, request: bytes) -> None:
    """Sends a request and leaves once it has arrived."""
    host, port = gateway.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    await writer.wait_closed()


async def test_whoever_leaves_takes_the_read_along_and_the_gateway_lives_on(gateway_of: Opened) -> None:
    watched = Watched()
    async with raw_server(watched) as url:
        gateway = await gateway_of(services={"order-svc": url})
        request = f"GET {CARTS}/crt_1 HTTP/1.1\r\nhost: x\r\n\r\n".encode()
        await asyncio.gather(*(gone_client(gateway, request) for _ in range(20)))

        await eventually(lambda: watched.closed == 20, within_seconds=5, because="nobody waits for these answers")

        watched.go_on.set()
        answers = await asyncio.gather(*(gateway.http.get(f"{CARTS}/crt_1") for _ in range(20)))
        assert [answer.status_code for answer in answers] == [200] * 20


async def test_a_write_that_was_sent_runs_to_its_end(gateway_of: Opened) -> None:
    watched = Watched()
    async with raw_server(watched) as url:
        gateway = await gateway_of(services={"order-svc": url})
        await gone_client(gateway, f"POST {CARTS} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        await eventually(lambda: len(watched.heads) == 1, within_seconds=5, because="it arrived")

        await asyncio.sleep(0.5)
        assert watched.closed == 0
        watched.go_on.set()
        assert (await gateway.http.get(f"{CARTS}/crt_1")).status_code == 200


async def test_an_upload_that_stops_half_way_reaches_nobody_as_a_whole_one(gateway_of: Opened) -> None:
    watched = Watched()
    async with raw_server(watched) as url:
        gateway = await gateway_of(services={"order-svc": url})
        head = f"POST {CARTS} HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n".encode()
        await gone_client(gateway, head + b"x" * 100_000)

        await eventually(lambda: watched.closed == 1, within_seconds=5, because="the connection is given up")
        assert len(watched.bodies[0]) <= 100_000
