"""A process that is told to stop: every request that it took is answered, every connection learns that it ends."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from tests.rig.wire import Broken, Line, request_of

from svc_kit import serving
from svc_local.testing import eventually

pytestmark = pytest.mark.anyio
SOON = 5.0


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop of production: sockets and transports are its own."""
    return "asyncio", {"use_uvloop": True}


@dataclass(slots=True)
class App:
    """Answers when it may. `begun`: requests that arrived."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    begun: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        await receive()
        if scope["path"] == "/slow":
            await self.go_on.wait()
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


@dataclass(slots=True)
class Running:
    server: serving.Server
    app: App
    url: str
    task: "asyncio.Task[None]"
    lines: list[Line] = field(default_factory=list)

    def line(self) -> Line:
        self.lines.append(Line(self.url))
        return self.lines[-1]

    async def ended(self) -> None:
        await asyncio.wait_for(self.task, SOON)


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    app = App()
    # Whoever started us holds the socket: what waits in its queue outlives us.
    with socket.create_server(("127.0.0.1", 0)) as held:
        config = uvicorn.Config(app, lifespan="off", http="httptools", log_config=None, timeout_graceful_shutdown=3)
        server = serving.Server(config)
        task = asyncio.create_task(server.serve(sockets=[held.dup()]))
        await eventually(lambda: server.started, within_seconds=SOON, because="it listens")
        it = Running(server, app, f"http://127.0.0.1:{held.getsockname()[1]}", task)
        try:
            yield it
        finally:
            for line in it.lines:
                line.close()
            app.go_on.set()
            server.should_exit = True
            await asyncio.wait_for(task, SOON)


async def test_within_the_notice_every_answer_ends_its_connection() -> None:
    async with running() as it:
        line = it.line()
        before = await line.ask("GET", "/")
        it.server.say_goodbye()
        await asyncio.sleep(1.2)  # uvicorn makes its headers anew every second
        after = await line.ask("GET", "/")
        again = await line.ask("GET", "/")

        assert "connection" not in before.headers
        assert (after.headers["connection"], again.headers["connection"]) == ("close", "close")
        assert line.opened == 2


async def test_what_is_being_answered_is_answered() -> None:
    async with running() as it:
        line = it.line()
        asking = asyncio.create_task(line.ask("GET", "/slow"))
        await eventually(lambda: it.app.begun == 1, within_seconds=SOON, because="it arrived")
        it.server.should_exit = True
        await asyncio.sleep(0.3)
        it.app.go_on.set()
        answer = await asking
        await it.ended()

        assert (answer.status, answer.headers["connection"]) == (200, "close")


async def test_what_has_begun_to_arrive_is_answered() -> None:
    """Over a kept connection, the head not yet whole when the stop begins."""
    async with running() as it:
        line = it.line()
        await line.ask("GET", "/")
        request = request_of("GET", "/", host=line.host)
        await line.send(request[:9])
        await asyncio.sleep(0.05)
        it.server.should_exit = True
        await asyncio.sleep(0.3)
        await line.send(request[9:])

        assert (await line.answer()).status == 200
        await it.ended()


async def test_what_was_sent_and_not_yet_read_is_answered() -> None:
    async with running() as it:
        lines = [it.line() for _ in range(20)]
        await asyncio.gather(*(line.ask("GET", "/") for line in lines))
        it.server.should_exit = True
        # Nothing is read between the sending and the stop: both happen within one turn of the loop.
        stopping = asyncio.create_task(it.server.shutdown([]))
        for line in lines:
            assert line.writer is not None
            line.writer.write(request_of("GET", "/", host=line.host))
        answers = await asyncio.gather(*(line.answer() for line in lines))
        await stopping

        assert [answer.status for answer in answers] == [200] * 20


async def test_a_new_connection_whose_request_is_on_its_way_is_answered() -> None:
    async with running() as it:
        line = it.line()
        await line.connect()
        await asyncio.sleep(0.05)
        it.server.should_exit = True
        await asyncio.sleep(0.4)

        assert (await line.ask("GET", "/")).status == 200
        assert line.opened == 1
        await it.ended()


async def test_an_idle_connection_is_closed_and_holds_nobody_up() -> None:
    async with running() as it:
        line, silent = it.line(), it.line()
        await line.ask("GET", "/")
        await silent.connect()
        it.server.should_exit = True
        await it.ended()

        assert line.reader is not None
        assert await line.reader.read() == b""


async def test_a_request_that_never_ends_is_cut_off_at_last() -> None:
    async with running() as it:
        line = it.line()
        asking = asyncio.create_task(line.ask("GET", "/slow"))
        await eventually(lambda: it.app.begun == 1, within_seconds=SOON, because="it arrived")
        it.server.should_exit = True

        await it.ended()
        # It may have been done or not: an answer would be a lie.
        with pytest.raises(Broken):
            await asking


async def test_connections_that_nobody_took_wait_for_the_next_process() -> None:
    async with running() as it:
        it.server.should_exit = True
        await it.ended()
        line = it.line()
        asking = asyncio.create_task(line.ask("GET", "/"))
        await asyncio.sleep(0.2)

        assert not asking.done()
        asking.cancel()
