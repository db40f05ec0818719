"""One database and two roles per service: the owner migrates, the app reads and writes rows and nothing else."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import asyncpg

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """`app` has no DDL; `owner` is for migrations."""

    app: str
    owner: str


@dataclass(frozen=True, slots=True)
class Passwords:
    app: str
    owner: str


class Databases:
    """Makes, clones and drops databases on one server; may be called from any thread, also inside a running loop.

    It holds two connections of the superuser on an event loop of its own: one for what the caller waits for, one for
    dropping, which nobody waits for.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="databases", daemon=True)
        self._connections: dict[str, asyncpg.Connection[asyncpg.Record]] = {}
        self._roles: dict[str, Passwords] = {}
        self._drops: set[asyncio.Task[None]] = set()
        self._dropping = asyncio.Lock()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def ensure(self, database: str, *, roles_of: str | None = None, passwords: Passwords) -> DatabaseUrls:
        """The database and its roles exist afterwards, with these passwords and rights; nothing in it is lost."""
        return self._run(self._ensure(database, roles_of or database, passwords))

    def clone(self, template: str, database: str, *, roles_of: str) -> DatabaseUrls:
        """A copy of a database that nobody is connected to, with the same rights."""
        return self._run(self._clone(template, database, roles_of))

    def drop(self, database: str) -> None:
        """Ends its connections too; returns at once."""
        self._loop.call_soon_threadsafe(self._begin_drop, database)

    def fetchval(self, sql: str, *arguments: object) -> Any:
        """One value, read as the superuser from the maintenance database."""
        return self._run(self._fetchval(sql, arguments))

    def urls(self, database: str, roles_of: str) -> DatabaseUrls:
        passwords = self._roles[roles_of]
        return DatabaseUrls(
            app=url_as(self._url, f"{roles_of}_app", passwords.app, database),
            owner=url_as(self._url, f"{roles_of}_owner", passwords.owner, database),
        )

    async def _ensure(self, database: str, roles: str, passwords: Passwords) -> DatabaseUrls:
        con = await self._connection("ask")
        for role, password in ((f"{roles}_owner", passwords.owner), (f"{roles}_app", passwords.app)):
            await ensure_role(con, role, password)
        self._roles[roles] = passwords
        if not await con.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
            await con.execute(f'GRANT "{roles}_owner" TO CURRENT_USER')
            await con.execute(f'CREATE DATABASE "{database}" OWNER "{roles}_owner"')
        await con.execute(rights_on_database(database, roles))
        inside = await asyncpg.connect(url_in(self._url, database), timeout=10)
        try:
            await inside.execute(rights_inside(roles))
        finally:
            await inside.close()
        return self.urls(database, roles)

    async def _clone(self, template: str, database: str, roles: str) -> DatabaseUrls:
        con = await self._connection("ask")
        await con.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}" OWNER "{roles}_owner"')
        await con.execute(rights_on_database(database, roles))
        return self.urls(database, roles)

    async def _fetchval(self, sql: str, arguments: Iterable[object]) -> Any:
        con = await self._connection("ask")
        return await con.fetchval(sql, *arguments)

    def _begin_drop(self, database: str) -> None:
        task = self._loop.create_task(self._drop(database))
        self._drops.add(task)
        task.add_done_callback(self._drops.discard)

    async def _drop(self, database: str) -> None:
        async with self._dropping:
            con = await self._connection("drop")
            await con.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    async def _connection(self, purpose: str) -> "asyncpg.Connection[asyncpg.Record]":
        con = self._connections.get(purpose)
        if con is None or con.is_closed():
            con = self._connections[purpose] = await asyncpg.connect(self._url, timeout=10)
        return con

    async def _close(self) -> None:
        if self._drops:
            await asyncio.wait(set(self._drops), timeout=10)
        for con in self._connections.values():
            await con.close(timeout=5)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=120)


def ensure_all(
    server_url: str, passwords: Mapping[str, Passwords], *, databases: Iterable[str]
) -> dict[str, DatabaseUrls]:
    """Database name → addresses, for every service of the suite."""
    with Databases(server_url) as server:
        return {name: server.ensure(name, passwords=passwords[name]) for name in databases}


async def ensure_role(con: "asyncpg.Connection[asyncpg.Record]", role: str, password: str) -> None:
    """A role that may sign in and nothing more, with this password."""
    verb = "ALTER" if await con.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role) else "CREATE"
    await con.execute(f"{verb} ROLE \"{role}\" LOGIN NOCREATEDB NOCREATEROLE PASSWORD '{quoted(password)}'")


def rights_on_database(database: str, roles: str) -> str:
    """These do not travel with a template."""
    return f"""
        REVOKE ALL ON DATABASE "{database}" FROM PUBLIC;
        GRANT CONNECT ON DATABASE "{database}" TO "{roles}_app";
    """


def rights_inside(roles: str) -> str:
    """What the owner's migrations create, now and later, in any schema: rows for the app, structure for the owner."""
    return f"""
        GRANT ALL ON SCHEMA public TO "{roles}_owner";
        GRANT USAGE ON SCHEMA public TO "{roles}_app";
        ALTER DEFAULT PRIVILEGES FOR ROLE "{roles}_owner" GRANT USAGE ON SCHEMAS TO "{roles}_app";
        ALTER DEFAULT PRIVILEGES FOR ROLE "{roles}_owner"
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{roles}_app";
        ALTER DEFAULT PRIVILEGES FOR ROLE "{roles}_owner" GRANT USAGE, SELECT ON SEQUENCES TO "{roles}_app";
    """


def quoted(literal: str) -> str:
    return literal.replace("'", "''")


def url_in(url: str, database: str) -> str:
    """The same server and role, another database."""
    return urlsplit(url)._replace(path=f"/{quote(database)}").geturl()


def url_as(url: str, role: str, password: str, database: str) -> str:
    """The same server, another role and database."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return parts._replace(
        netloc=f"{quote(role)}:{quote(password, safe='')}@{address}", path=f"/{quote(database)}"
    ).geturl()
