"""The only SQL on coupon batches."""

from collections.abc import Collection
from dataclasses import astuple, fields

import asyncpg

from marketing_svc.conditions import Conditions
from marketing_svc.coupons.rules import Batch, State

NAMES = [field.name for field in fields(Batch)]
SELECT = f"SELECT {', '.join(NAMES)} FROM coupon_batch "  # noqa: S608


def _batch(row: asyncpg.Record) -> Batch:
    return Batch(**{**dict(row), "state": State(row["state"])})


async def insert(con: asyncpg.Connection, batch: Batch) -> bool:
    """False where the code is taken in the shop."""
    places = ", ".join(f"${n}" for n in range(1, len(NAMES) + 1))
    found = await con.fetchval(
        f"INSERT INTO coupon_batch ({', '.join(NAMES)}) VALUES ({places}) "  # noqa: S608
        "ON CONFLICT DO NOTHING RETURNING true",
        *astuple(batch),
    )
    return bool(found)


async def lock(con: asyncpg.Connection, batch_id: str) -> Batch | None:
    row = await con.fetchrow(SELECT + "WHERE id = $1 FOR NO KEY UPDATE", batch_id)
    return _batch(row) if row else None


async def update_state(con: asyncpg.Connection, batch: Batch) -> None:
    await con.execute(
        "UPDATE coupon_batch SET state = $2, version = $3 WHERE id = $1", batch.id, batch.state.value, batch.version
    )


async def by_id(con: asyncpg.Connection, batch_id: str) -> Batch | None:
    row = await con.fetchrow(SELECT + "WHERE id = $1", batch_id)
    return _batch(row) if row else None


async def by_codes(con: asyncpg.Connection, codes: Collection[tuple[str, str]]) -> dict[tuple[str, str], Batch]:
    """{(shop, code): batch}."""
    asked = sorted(codes)
    rows = await con.fetch(
        SELECT + "WHERE (shop, code) IN (SELECT * FROM unnest($1::text[], $2::text[]))",  # noqa: S608
        [shop for shop, _ in asked],
        [code for _, code in asked],
    )
    return {(row["shop"], row["code"]): _batch(row) for row in rows}


async def of_promotions(con: asyncpg.Connection, promotion_ids: Collection[str]) -> list[Batch]:
    rows = await con.fetch(SELECT + "WHERE promotion_id = ANY($1::text[])", sorted(promotion_ids))
    return [_batch(row) for row in rows]


async def page(
    con: asyncpg.Connection,
    *,
    shops: Collection[str] | None,
    promotion_id: str | None,
    code: str | None,
    after: str,
    limit: int,
) -> list[Batch]:
    """`shops` None: of all."""
    asked = Conditions()
    asked.add("id > {}", after)
    if shops is not None:
        asked.add("shop = ANY({}::text[])", sorted(shops))
    if promotion_id is not None:
        asked.add("promotion_id = {}", promotion_id)
    if code is not None:
        asked.add("code = {}", code)
    rows = await con.fetch(f"{SELECT} {asked.where} ORDER BY id LIMIT {asked.place(limit)}", *asked.values)
    return [_batch(row) for row in rows]


async def promotions_of(con: asyncpg.Connection, batch_ids: Collection[str]) -> set[str]:
    rows = await con.fetch(
        "SELECT DISTINCT promotion_id FROM coupon_batch WHERE id = ANY($1::text[])", sorted(batch_ids)
    )
    return {row["promotion_id"] for row in rows}
