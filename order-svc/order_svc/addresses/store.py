"""The only SQL on addresses."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg


async def insert(con: asyncpg.Connection, sealed: Sequence[tuple[str, bytes]], *, at: datetime) -> None:
    await con.execute(
        "INSERT INTO address (id, sealed, created_at) SELECT i, s, $3 FROM unnest($1::text[], $2::bytea[]) AS t(i, s)",
        [one[0] for one in sealed],
        [one[1] for one in sealed],
        at,
    )


async def replace(con: asyncpg.Connection, address_id: str, sealed: bytes) -> None:
    await con.execute("UPDATE address SET sealed = $2 WHERE id = $1", address_id, sealed)


async def sealed(con: asyncpg.Connection, address_id: str) -> bytes | None:
    found: bytes | None = await con.fetchval("SELECT sealed FROM address WHERE id = $1", address_id)
    return found
