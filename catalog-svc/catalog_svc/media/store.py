"""The only SQL on pictures."""

from collections.abc import Collection
from datetime import datetime

import asyncpg


async def insert(con: asyncpg.Connection, sha256: str, kind: str, content: bytes, at: datetime) -> None:
    """The same bytes are there once."""
    await con.execute(
        "INSERT INTO media (sha256, kind, content, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        sha256,
        kind,
        content,
        at,
    )


async def by_digest(con: asyncpg.Connection, sha256: str) -> tuple[str, bytes] | None:
    row = await con.fetchrow("SELECT kind, content FROM media WHERE sha256 = $1", sha256)
    return (row["kind"], row["content"]) if row else None


async def known(con: asyncpg.Connection, digests: Collection[str]) -> set[str]:
    rows = await con.fetch("SELECT sha256 FROM media WHERE sha256 = ANY($1::text[])", sorted(digests))
    return {row["sha256"] for row in rows}
