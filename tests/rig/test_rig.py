"""The rig does what it says, or its results mean nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.rig.proxy import Mode, Proxy
from tests.rig.schedule import Kind, schedule

pytestmark = pytest.mark.anyio


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1024):
            writer.write(data.upper())
            await writer.drain()
    finally:
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with Proxy(server.sockets[0].getsockname()[1]) as made:
        yield made
    server.close()
    await asyncio.sleep(0)


async def ask(proxy: Proxy, words: bytes, *, within_seconds: float = 2.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(words)
        return await asyncio.wait_for(reader.read(1024), within_seconds)
    finally:
        writer.transport.abort()


async def test_bytes_pass_both_ways(proxy: Proxy) -> None:
    assert await ask(proxy, b"order") == b"ORDER"


async def test_a_held_edge_moves_nothing_and_goes_on_afterwards(proxy: Proxy) -> None:
    proxy.set(Mode.HOLD)
    waiting = asyncio.create_task(ask(proxy, b"order", within_seconds=10))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.2)

    proxy.set(Mode.PASS)

    assert await waiting == b"ORDER"


async def test_who_leaves_a_held_edge_has_left_when_it_moves_again() -> None:
    ended = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            writer.write(b"an answer that nobody waits for")
        writer.close()
        ended.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with Proxy(server.sockets[0].getsockname()[1]) as proxy:
        _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"order")
        await asyncio.sleep(0.1)
        proxy.set(Mode.HOLD)
        writer.write(b"order")
        writer.close()
        await asyncio.sleep(0.1)
        assert not ended.is_set()

        proxy.set(Mode.PASS)

        await asyncio.wait_for(ended.wait(), 5)
        assert await asyncio.wait_for(asyncio.shield(until_none(proxy)), 5)
    server.close()


async def until_none(proxy: Proxy) -> bool:
    while proxy.halves:
        await asyncio.sleep(0.01)
    return True


@pytest.mark.parametrize("mode", [Mode.REFUSE, Mode.LOSE_ANSWERS])
async def test_a_broken_edge_never_answers(proxy: Proxy, mode: Mode) -> None:
    proxy.set(mode)

    try:
        answer = await ask(proxy, b"order")
    except ConnectionError:
        answer = b""
    assert answer == b""


@pytest.mark.parametrize(("mode", "arrives"), [(Mode.LOSE_COMMITS, True), (Mode.STOP_COMMITS, False)])
async def test_a_commit_is_cut_and_nothing_else(mode: Mode, arrives: bool) -> None:
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            heard.extend(data)
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with Proxy(server.sockets[0].getsockname()[1]) as proxy:
        proxy.set(mode)
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"SELECT 1")
        assert await reader.read(1024) == b"SELECT 1"
        writer.write(b"COMMIT;\0")
        try:
            answer = await asyncio.wait_for(reader.read(1024), 2)
        except ConnectionError:
            answer = b""
        writer.transport.abort()

        assert (answer, b"COMMIT" in heard, proxy.commits_cut) == (b"", arrives, 1)
    server.close()
    await asyncio.sleep(0)


async def test_a_reset_breaks_what_stands(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"order")
    assert await reader.read(1024) == b"ORDER"

    proxy.reset()

    try:
        answer = await asyncio.wait_for(reader.read(1024), 2)
    except ConnectionError:
        answer = b""
    assert answer == b""
    writer.transport.abort()


def test_a_seed_gives_the_same_faults_again() -> None:
    kinds = [Kind("kill", ("a", "b"), weight=3), Kind("pause", ("a",), lasts=(1.0, 2.0))]

    first, again, other = (schedule(seed, kinds, seconds=30, count=20) for seed in (7, 7, 8))

    assert first == again != other
    assert [one.at_seconds for one in first] == sorted(one.at_seconds for one in first)
    assert all(0 <= one.at_seconds <= 29 for one in first)
    assert all(1.0 <= one.seconds <= 2.0 for one in first if one.kind == "pause")


def test_a_schedule_without_kinds_is_refused() -> None:
    with pytest.raises(ValueError, match="kinds"):
        schedule(1, [], seconds=1, count=1)
