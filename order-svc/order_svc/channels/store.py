"""The only SQL on channel buyers."""

from collections.abc import Collection, Mapping
from datetime import datetime

import asyncpg

Name = tuple[str, str]  # channel, buyer_ref


async def persons(con: asyncpg.Connection, fresh: Mapping[Name, str], *, at: datetime) -> dict[Name, str]:
    """`fresh`: a person id for each buyer in case it is a new one. Returns whose they are."""
    names = sorted(fresh)
    known = await _known(con, names)
    missing = [name for name in names if name not in known]
    if missing:
        await con.execute(
            "INSERT INTO channel_buyer (channel, buyer_ref, person_id, created_at) "
            "SELECT c, b, p, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS t(c, b, p) ORDER BY c, b "
            "ON CONFLICT (channel, buyer_ref) DO NOTHING",
            [name[0] for name in missing],
            [name[1] for name in missing],
            [fresh[name] for name in missing],
            at,
        )
        # Another transaction may have been first: what stands there counts.
        known = await _known(con, names)
    return known


async def _known(con: asyncpg.Connection, names: Collection[Name]) -> dict[Name, str]:
    rows = await con.fetch(
        "SELECT channel, buyer_ref, person_id FROM channel_buyer "
        "WHERE (channel, buyer_ref) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        [name[0] for name in names],
        [name[1] for name in names],
    )
    return {(row["channel"], row["buyer_ref"]): row["person_id"] for row in rows}
