"""The only SQL on warehouses."""

from collections.abc import Collection
from dataclasses import astuple, fields

import asyncpg

from inventory_svc.warehouses.rules import Warehouse

NAMES = [field.name for field in fields(Warehouse)]
COLUMNS = ", ".join(NAMES)
PLACES = ", ".join(f"${n}" for n in range(1, len(NAMES) + 1))


def _warehouse(row: asyncpg.Record) -> Warehouse:
    return Warehouse(**{**dict(row), "channels": tuple(row["channels"])})


async def insert(con: asyncpg.Connection, warehouse: Warehouse) -> bool:
    """False where the code is taken."""
    found = await con.fetchval(
        f"INSERT INTO warehouse ({COLUMNS}) VALUES ({PLACES}) ON CONFLICT DO NOTHING RETURNING true",  # noqa: S608
        *astuple(warehouse),
    )
    return bool(found)


async def lock(con: asyncpg.Connection, code: str) -> Warehouse | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM warehouse WHERE code = $1 FOR NO KEY UPDATE", code)  # noqa: S608
    return _warehouse(row) if row else None


async def update(con: asyncpg.Connection, warehouse: Warehouse) -> None:
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(NAMES, start=1))
    await con.execute(f"UPDATE warehouse SET {sets} WHERE code = $1", *astuple(warehouse))  # noqa: S608


async def by_code(con: asyncpg.Connection, code: str) -> Warehouse | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM warehouse WHERE code = $1", code)  # noqa: S608
    return _warehouse(row) if row else None


async def page(con: asyncpg.Connection, *, after: str, limit: int) -> list[Warehouse]:
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM warehouse WHERE code > $1 ORDER BY code LIMIT $2",  # noqa: S608
        after,
        limit,
    )
    return [_warehouse(row) for row in rows]


async def serving_channels(con: asyncpg.Connection, channels: Collection[str]) -> list[Warehouse]:
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM warehouse WHERE state = 'active' AND channels && $1::text[]",  # noqa: S608
        sorted(channels),
    )
    return [_warehouse(row) for row in rows]


async def known_codes(con: asyncpg.Connection, codes: Collection[str]) -> set[str]:
    rows = await con.fetch("SELECT code FROM warehouse WHERE code = ANY($1::text[])", sorted(codes))
    return {row["code"] for row in rows}
