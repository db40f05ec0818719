"""The only SQL on accounts and log-ins."""

from collections.abc import Sequence

import asyncpg

from gateway.accounts.rules import OWNER, Account, Kind, Login

COLUMNS = "id, kind, name, roles, shops, state, visitor, created_at, version"
INSERT = """
INSERT INTO account (id, kind, name, password_hash, roles, shops, state, visitor, created_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
INSERT_LOGINS = """
INSERT INTO login (login, account_id, kind)
SELECT login, $2, kind FROM unnest($1::text[], $3::text[]) AS l(login, kind) ORDER BY login
ON CONFLICT DO NOTHING RETURNING login
"""


def account_of(row: asyncpg.Record) -> Account:
    shops = row["shops"]
    return Account(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        roles=tuple(row["roles"]),
        shops=None if shops is None else tuple(shops),
        state=row["state"],
        visitor=row["visitor"],
        created_at=row["created_at"],
        version=row["version"],
    )


async def insert(
    con: asyncpg.Connection, account: Account, *, password_hash: str, logins: Sequence[Login]
) -> list[Login]:
    """Those of the log-ins that somebody else has; with any, the caller takes everything back."""
    a = account
    own = (a.id, a.kind, a.name, password_hash, list(a.roles), a.shops, a.state, a.visitor, a.created_at, a.version)
    await con.execute(INSERT, *own)
    texts = [one.text for one in logins]
    rows = await con.fetch(INSERT_LOGINS, texts, account.id, [one.kind for one in logins])
    kept = {row["login"] for row in rows}
    return [one for one in logins if one.text not in kept]


async def by_login(con: asyncpg.Connection, text: str) -> tuple[Account, str] | None:
    """The account and its password's hash."""
    row = await con.fetchrow(
        f"SELECT {', '.join(f'a.{name}' for name in COLUMNS.split(', '))}, a.password_hash "  # noqa: S608
        "FROM login l JOIN account a ON a.id = l.account_id WHERE l.login = $1",
        text,
    )
    return (account_of(row), row["password_hash"]) if row else None


async def by_id(con: asyncpg.Connection, id: str, *, kind: Kind) -> Account | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM account WHERE id = $1 AND kind = $2", id, kind)  # noqa: S608
    return account_of(row) if row else None


async def share(con: asyncpg.Connection, id: str) -> Account | None:
    """Stays as it is until the transaction ends."""
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM account WHERE id = $1 FOR SHARE", id)  # noqa: S608
    return account_of(row) if row else None


async def lock_staff(con: asyncpg.Connection, id: str) -> tuple[Account | None, list[Account]]:
    """That account and every owner, locked by id in order: two owners cannot remove each other at once."""
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM account WHERE kind = 'staff' AND (id = $1 OR $2 = ANY(roles)) "  # noqa: S608
        "ORDER BY id FOR NO KEY UPDATE",
        id,
        OWNER,
    )
    found = [account_of(row) for row in rows]
    return next((one for one in found if one.id == id), None), found


async def update(con: asyncpg.Connection, account: Account, *, password_hash: str | None) -> None:
    await con.execute(
        "UPDATE account SET name = $2, roles = $3, shops = $4, state = $5, version = $6, "
        "password_hash = coalesce($7, password_hash) WHERE id = $1",
        account.id,
        account.name,
        list(account.roles),
        account.shops,
        account.state,
        account.version,
        password_hash,
    )


async def page_of_staff(con: asyncpg.Connection, *, after: str, limit: int) -> list[Account]:
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM account WHERE kind = 'staff' AND id > $1 ORDER BY id LIMIT $2",  # noqa: S608
        after,
        limit,
    )
    return [account_of(row) for row in rows]


async def logins_of(con: asyncpg.Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    rows = await con.fetch("SELECT account_id, login FROM login WHERE account_id = ANY($1) ORDER BY login", list(ids))
    found: dict[str, list[str]] = {id: [] for id in ids}
    for row in rows:
        found[row["account_id"]].append(row["login"])
    return found
