"""Reading counters."""

from collections.abc import Collection

import asyncpg

from marketing_svc.benefits import store
from marketing_svc.benefits.rules.counting import Counter


async def counters(con: asyncpg.Connection, subject_ids: Collection[str]) -> dict[str, Counter]:
    return await store.counters(con, subject_ids) if subject_ids else {}


async def counter(con: asyncpg.Connection, subject_id: str) -> Counter:
    return (await store.counters(con, [subject_id]))[subject_id]


async def off_the_ledger(con: asyncpg.Connection) -> list[str]:
    """Counters that the ledger or the live uses contradict: always none."""
    return await store.counters_off_the_ledger(con)
