"""Reading pictures."""

from collections.abc import Collection

import asyncpg

from catalog_svc.media import store


async def media(con: asyncpg.Connection, sha256: str) -> tuple[str, bytes] | None:
    """(kind, bytes)."""
    return await store.by_digest(con, sha256)


async def known_digests(con: asyncpg.Connection, digests: Collection[str]) -> set[str]:
    return await store.known(con, digests) if digests else set()
