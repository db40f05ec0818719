"""The only SQL that writes traffic."""

from collections.abc import Sequence

import asyncpg


async def insert(con: asyncpg.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """By visitor and id; what is there already stays."""
    await con.execute(
        "INSERT INTO fact_traffic (visitor_id, id, event_id, kind, shop, session_id, person_id, product_id, sku, "
        "campaign, utm, at, recorded_at) SELECT v, i, e, k, s, se, p, pr, sk, c, u::jsonb, a, r FROM unnest("
        "$1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], "
        "$10::text[], $11::text[], $12::timestamptz[], $13::timestamptz[]) "
        "AS t(v, i, e, k, s, se, p, pr, sk, c, u, a, r) ON CONFLICT (visitor_id, id) DO NOTHING",
        *zip(*rows, strict=True),
    )
