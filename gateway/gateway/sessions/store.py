"""The only SQL on sessions and refresh tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from gateway.sessions.rules import Session

COLUMNS = "id, account_id, created_at, expires_at, ended_at"


async def insert(con: asyncpg.Connection, session: Session) -> None:
    await con.execute(
        "INSERT INTO session (id, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        session.id,
        session.account_id,
        session.created_at,
        session.expires_at,
    )


async def insert_token(con: asyncpg.Connection, digest: bytes, *, session_id: str, at: datetime) -> None:
    await con.execute(
        "INSERT INTO refresh_token (digest, session_id, issued_at) VALUES ($1, $2, $3)", digest, session_id, at
    )


async def owner_of(con: asyncpg.Connection, digest: bytes) -> tuple[str, str] | None:
    """The session and the account of a token."""
    row = await con.fetchrow(
        "SELECT s.id, s.account_id FROM refresh_token t JOIN session s ON s.id = t.session_id WHERE t.digest = $1",
        digest,
    )
    return (row["id"], row["account_id"]) if row else None


async def lock(con: asyncpg.Connection, id: str) -> Session | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM session WHERE id = $1 FOR UPDATE", id)  # noqa: S608
    return Session(**row) if row else None


async def used_at(con: asyncpg.Connection, digest: bytes) -> datetime | None:
    """Read it after the session was locked: until then another request may be exchanging the same token."""
    found: datetime | None = await con.fetchval("SELECT used_at FROM refresh_token WHERE digest = $1", digest)
    return found


async def use(con: asyncpg.Connection, digest: bytes, *, at: datetime) -> None:
    await con.execute("UPDATE refresh_token SET used_at = $2 WHERE digest = $1", digest, at)


async def end(con: asyncpg.Connection, id: str, *, why: str, at: datetime) -> bool:
    """False where it had ended before."""
    found = await con.fetchval(
        "UPDATE session SET ended_at = $2, ended_why = $3 WHERE id = $1 AND ended_at IS NULL RETURNING true",
        id,
        at,
        why,
    )
    return bool(found)


async def end_all_of(con: asyncpg.Connection, account_id: str, *, why: str, at: datetime) -> list[str]:
    rows = await con.fetch(
        "WITH open AS (SELECT id FROM session WHERE account_id = $1 AND ended_at IS NULL ORDER BY id FOR UPDATE) "
        "UPDATE session s SET ended_at = $2, ended_why = $3 FROM open WHERE s.id = open.id RETURNING s.id",
        account_id,
        at,
        why,
    )
    return [row["id"] for row in rows]


async def ended_since(con: asyncpg.Connection, since: datetime) -> Sequence[tuple[str, datetime]]:
    rows = await con.fetch("SELECT id, ended_at FROM session WHERE ended_at > $1 ORDER BY ended_at, id", since)
    return [(row["id"], row["ended_at"]) for row in rows]


async def purge(con: asyncpg.Connection, *, now: datetime, kept: timedelta, limit: int) -> int:
    """Sessions that are long over, with their tokens. Returns how many."""
    done: str = await con.execute(
        "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        now - kept,
        limit,
    )
    return int(done.rpartition(" ")[2])
