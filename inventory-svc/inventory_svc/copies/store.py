"""The only SQL on the copies of shops."""

from collections.abc import Collection, Sequence

import asyncpg


async def upsert_shops(con: asyncpg.Connection, shops: Sequence[tuple[str, str, str, int, int]]) -> None:
    """`shops`: (shop, channel, state, timeline, seq), one each; an older one never replaces a later one."""
    await con.execute(
        "INSERT INTO shop_copy (shop, channel, state, timeline, seq) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) "
        "ON CONFLICT (shop) DO UPDATE SET channel = excluded.channel, state = excluded.state, "
        "timeline = excluded.timeline, seq = excluded.seq "
        "WHERE (excluded.timeline, excluded.seq) > (shop_copy.timeline, shop_copy.seq)",
        [shop[0] for shop in shops],
        [shop[1] for shop in shops],
        [shop[2] for shop in shops],
        [shop[3] for shop in shops],
        [shop[4] for shop in shops],
    )


async def shops_on(con: asyncpg.Connection, channels: Collection[str]) -> list[tuple[str, str]]:
    """(shop, channel) of the open shops that sell on any of the channels."""
    rows = await con.fetch(
        "SELECT shop, channel FROM shop_copy WHERE state = 'open' AND channel = ANY($1::text[]) ORDER BY shop",
        sorted(channels),
    )
    return [(row["shop"], row["channel"]) for row in rows]
