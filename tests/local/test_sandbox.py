"""The payment sandbox against a real receiver of callbacks."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from svc_local.sandbox import create_app
from svc_local.testing import eventually

pytestmark = pytest.mark.anyio
SECRET = "test-secret"


class Receiver:
    """A listener that takes one request per connection and answers 200."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        names = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(names["content-length"]))
        self.calls.append((names["x-signature"], body))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def provider() -> AsyncIterator[tuple[httpx.AsyncClient, Receiver]]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    app = create_app(callback_url=f"http://127.0.0.1:{port}/", secret=SECRET)
    async with (
        server,
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sandbox") as client,
    ):
        yield client, receiver


def asked(outcome: str, key: str = "k1") -> dict[str, object]:
    return {"key": key, "order_id": "ord_1", "amount_minor": 1290, "currency": "CNY", "outcome": outcome}


@pytest.mark.parametrize(
    ("outcome", "state", "amount", "calls"),
    [
        ("succeed", "succeeded", 1290, 1),
        ("fail", "failed", 1290, 1),
        ("wrong_amount", "succeeded", 1289, 1),
        ("callback_twice", "succeeded", 1290, 2),
    ],
)
async def test_each_outcome_answers_and_calls_back(outcome: str, state: str, amount: int, calls: int) -> None:
    async with provider() as (client, receiver):
        answer = (await client.post("/charges", json=asked(outcome))).json()
        again = (await client.post("/charges", json=asked("succeed"))).json()
        await eventually(lambda: len(receiver.calls) == calls, within_seconds=5, because="it calls back")

    assert (answer["state"], answer["amount_minor"]) == (state, amount)
    assert again == answer


async def test_a_callback_is_signed_over_its_bytes() -> None:
    async with provider() as (client, receiver):
        await client.post("/refunds", json=asked("succeed"))
        await eventually(lambda: len(receiver.calls) == 1, within_seconds=5, because="it calls back")

    [(given, body)] = receiver.calls
    at, _, digest = given.partition(",v1=")
    expected = hmac.new(SECRET.encode(), f"{at.removeprefix('t=')}.".encode() + body, hashlib.sha256).hexdigest()
    assert digest == expected


async def test_a_caller_that_gave_up_finds_the_outcome_by_asking() -> None:
    async with provider() as (client, receiver):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.post("/charges", json=asked("timeout_then_fail")), 0.2)
        assert (await client.get("/charges/k1")).json()["state"] == "pending"
        await eventually(lambda: len(receiver.calls) == 1, within_seconds=10, because="it settles later")
        assert (await client.get("/charges/k1")).json()["state"] == "failed"
        assert (await client.get("/charges/never")).status_code == 404
