"""The only SQL on campaigns. Locked after their shop, before their promotions."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields

import asyncpg

from marketing_svc.campaigns.rules import Campaign, State
from marketing_svc.conditions import Conditions
from marketing_svc.documents import dump, load

NAMES = [field.name for field in fields(Campaign)]
DOCUMENTS = ("name", "goals")
SELECT = (
    f"SELECT {', '.join(f'{name}::text AS {name}' if name in DOCUMENTS else name for name in NAMES)} "  # noqa: S608
    "FROM campaign "
)
PLACES = ", ".join(f"${n}::text::jsonb" if name in DOCUMENTS else f"${n}" for n, name in enumerate(NAMES, start=1))


def _campaign(row: asyncpg.Record) -> Campaign:
    own = {name: load(row[name]) for name in DOCUMENTS}
    return Campaign(**{**dict(row), **own, "state": State(row["state"])})


def _values(campaign: Campaign) -> list[object]:
    facts = asdict(campaign)
    own = {name: dump(facts[name]) for name in DOCUMENTS}
    return list({**facts, **own, "state": campaign.state.value}.values())


async def insert(con: asyncpg.Connection, campaign: Campaign) -> None:
    await con.execute(
        f"INSERT INTO campaign ({', '.join(NAMES)}) VALUES ({PLACES})",  # noqa: S608
        *_values(campaign),
    )


async def update(con: asyncpg.Connection, campaign: Campaign) -> None:
    await con.execute(
        f"UPDATE campaign SET ({', '.join(NAMES)}) = ({PLACES}) WHERE id = $1",  # noqa: S608
        *_values(campaign),
    )


async def lock(con: asyncpg.Connection, campaign_id: str) -> Campaign | None:
    row = await con.fetchrow(SELECT + "WHERE id = $1 FOR NO KEY UPDATE", campaign_id)
    return _campaign(row) if row else None


async def by_id(con: asyncpg.Connection, campaign_id: str) -> Campaign | None:
    row = await con.fetchrow(SELECT + "WHERE id = $1", campaign_id)
    return _campaign(row) if row else None


async def page(
    con: asyncpg.Connection, *, shops: Collection[str] | None, states: Sequence[str], after: str, limit: int
) -> list[Campaign]:
    """`shops` None: of all."""
    asked = Conditions()
    asked.add("id > {}", after)
    if shops is not None:
        asked.add("shop = ANY({}::text[])", sorted(shops))
    if states:
        asked.add("state = ANY({}::text[])", list(states))
    rows = await con.fetch(f"{SELECT} {asked.where} ORDER BY id LIMIT {asked.place(limit)}", *asked.values)
    return [_campaign(row) for row in rows]
