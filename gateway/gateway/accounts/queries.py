"""What others ask about accounts."""

import asyncpg

from gateway.accounts import store
from gateway.accounts.rules import Account


async def with_password(con: asyncpg.Connection, login: str) -> tuple[Account, str] | None:
    """Whom a log-in belongs to, and the hash that a password has to match."""
    return await store.by_login(con, login)


async def held(con: asyncpg.Connection, id: str) -> Account | None:
    """The account, unchanged until the transaction ends."""
    return await store.share(con, id)


async def staff(con: asyncpg.Connection, id: str) -> tuple[Account, list[str]] | None:
    """With the log-ins."""
    found = await store.by_id(con, id, kind="staff")
    return (found, (await store.logins_of(con, [id]))[id]) if found else None


async def page_of_staff(con: asyncpg.Connection, *, after: str, limit: int) -> list[tuple[Account, list[str]]]:
    found = await store.page_of_staff(con, after=after, limit=limit)
    logins = await store.logins_of(con, [one.id for one in found])
    return [(one, logins[one.id]) for one in found]
