"""What the tests of the gateway share: the gateway behind a real server, services before it, and how to speak to it."""

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import pytest
import uvicorn
from httpx_aiohttp import AiohttpTransport

from gateway.accounts.commands.registering import create_owner
from gateway.accounts.rules import Login
from gateway.app import SERVICE
from svc_contracts.suite import SERVICES
from svc_kit.assembly import Runtime
from svc_kit.testing import runtime_of
from svc_local.testing import PostgresForTests

ACCESS_KEY = base64.b64encode(bytes(range(1, 33))).decode()
OWNER, PASSWORD = "owner", "correct horse battery"
VISITOR = "v" * 32
CARTS = "/v1/store/sample/carts"
# Nobody listens on the discard port.
NOWHERE = "http://127.0.0.1:9"
FINISH_SECONDS = 0.5


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The address of an ASGI application behind the server that production has.

    Ended by hand: uvicorn's own stop sleeps, which hundreds of tests would pay for.
    """
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(128)
        config = uvicorn.Config(
            app, lifespan="off", access_log=False, log_config=None, http="httptools", server_header=False,
            date_header=False,
        )  # fmt: skip
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[sock])
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            for listener in server.servers:
                listener.close()
            for connection in list(server.server_state.connections):
                connection.shutdown()
            if running := list(server.server_state.tasks):
                _, late = await asyncio.wait(running, timeout=FINISH_SECONDS)
                for task in late:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
            await asyncio.sleep(0)


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(answer: Answering) -> AsyncIterator[str]:
    """A server that behaves as badly as `answer` does: it gets each connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await answer(reader, writer)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def head_of(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")


def simple(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


@dataclass(slots=True)
class Gateway:
    """The running gateway. `http`: a client nobody has signed in."""

    runtime: Runtime
    url: str
    http: httpx.AsyncClient
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, **headers: str) -> httpx.AsyncClient:
        made = client_at(self.url, **headers)
        self.clients.append(made)
        return made

    async def owner(self) -> httpx.AsyncClient:
        """The first owner, signed in."""
        hashed = await self.runtime.state.passwords.hash(PASSWORD)
        async with self.runtime.db.transaction() as tx:
            await create_owner(tx, login=Login(OWNER, "name"), password_hash=hashed)
        return self.signed(await self.sign_in(OWNER, PASSWORD))

    async def sign_in(self, login: str, password: str) -> dict[str, Any]:
        answer = await self.http.post("/v1/auth/sessions", json={"login": login, "password": password})
        assert answer.status_code == 201, answer.text
        session: dict[str, Any] = answer.json()
        return session

    def signed(self, session: dict[str, Any]) -> httpx.AsyncClient:
        return self.client(Authorization=f"Bearer {session['access_token']}")

    async def member(self, email: str = "chen@example.com") -> dict[str, Any]:
        body = {"email": email, "password": PASSWORD, "name": "Chen"}
        answer = await self.http.post("/v1/auth/members", json=body)
        assert answer.status_code == 201, answer.text
        return await self.sign_in(email, PASSWORD)

    async def hire(self, owner: httpx.AsyncClient, login: str, *roles: str, **more: Any) -> dict[str, Any]:
        body = {"login": login, "password": PASSWORD, "roles": list(roles), **more}
        answer = await owner.post("/v1/admin/staff", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def count(self, table: str) -> int:
        async with self.runtime.db.read() as con:
            return int(await con.fetchval(f"SELECT count(*) FROM {table}"))


def client_at(url: str, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=AiohttpTransport(), base_url=url, headers=headers, timeout=20.0)


Opened = Callable[..., Awaitable[Gateway]]


@pytest.fixture(scope="session")
def shared_database(postgres: PostgresForTests) -> Any:
    """One for the run: a clone per test would cost more than most of the tests."""
    _, urls = postgres.clone_of("gateway")
    return urls


@pytest.fixture
async def database(shared_database: Any) -> Any:
    """Its address, nobody in it."""
    con = await asyncpg.connect(shared_database.app)
    try:
        await con.execute("DELETE FROM account")
    finally:
        await con.close()
    return shared_database


@pytest.fixture
async def gateway_of(database: Any) -> AsyncIterator[Opened]:
    """`gateway_of(services={"catalog-svc": url}, **settings)`: one that runs; services not named are away."""
    async with AsyncExitStack() as stack:

        async def open_one(*, services: dict[str, str] | None = None, **more: Any) -> Gateway:
            clock = more.pop("clock", None)
            urls = {name: NOWHERE for name in SERVICES if name != "gateway"} | (services or {})
            given = {"access_signing_key": ACCESS_KEY, "service_urls": urls} | more
            runtime = await stack.enter_async_context(runtime_of(SERVICE, database, clock=clock, **given))
            url = await stack.enter_async_context(served(runtime.app.state.front))
            found = Gateway(runtime, url, client_at(url))
            stack.push_async_callback(close, found)
            return found

        yield open_one


async def close(gateway: Gateway) -> None:
    for client in (gateway.http, *gateway.clients):
        await client.aclose()


@pytest.fixture
async def gateway(gateway_of: Opened) -> Gateway:
    return await gateway_of()
