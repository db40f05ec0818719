"""The only SQL on listings and their log. Listings are locked by id, always."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import asyncpg

from catalog_svc.conditions import Conditions
from catalog_svc.documents import dump, load
from catalog_svc.listings.rules import GateCheck, Listing, State

COLUMNS = (
    "id, product_id, shop, state, publish_at, unpublish_at, submitted_by, approved_by, published_at, created_at, "
    "version, event_seq"
)


@dataclass(frozen=True, slots=True)
class LogEntry:
    listing_id: str
    action: str
    from_state: State
    to_state: State
    reason: str | None


def _listing(row: asyncpg.Record) -> Listing:
    return Listing(**{**dict(row), "state": State(row["state"])})


def _gates(gates: Mapping[str, Sequence[GateCheck]], ids: Sequence[str]) -> list[str | None]:
    return [dump([asdict(check) for check in gates[one]]) if one in gates else None for one in ids]


async def insert(
    con: asyncpg.Connection, listings: Sequence[Listing], gates: Mapping[str, Sequence[GateCheck]]
) -> set[str]:
    """Ids of those that went in; where the product is listed in the shop already, the new one stays out."""
    rows = await con.fetch(
        f"INSERT INTO listing ({COLUMNS}, gate) SELECT {COLUMNS}, coalesce(gate::jsonb, '[]') "  # noqa: S608
        "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], "
        "$7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[], $11::bigint[], $12::bigint[], $13::text[]) "
        f"AS t({COLUMNS}, gate) ORDER BY product_id, shop ON CONFLICT DO NOTHING RETURNING id",
        [one.id for one in listings],
        [one.product_id for one in listings],
        [one.shop for one in listings],
        [one.state.value for one in listings],
        [one.publish_at for one in listings],
        [one.unpublish_at for one in listings],
        [one.submitted_by for one in listings],
        [one.approved_by for one in listings],
        [one.published_at for one in listings],
        [one.created_at for one in listings],
        [one.version for one in listings],
        [one.event_seq for one in listings],
        _gates(gates, [one.id for one in listings]),
    )
    return {row["id"] for row in rows}


async def update(
    con: asyncpg.Connection, listings: Sequence[Listing], gates: Mapping[str, Sequence[GateCheck]]
) -> None:
    """Locked listings as they now are; a gate result stays where no new one is given."""
    await con.execute(
        "UPDATE listing AS l SET state = t.state, publish_at = t.publish_at, unpublish_at = t.unpublish_at, "
        "submitted_by = t.submitted_by, approved_by = t.approved_by, published_at = t.published_at, "
        "version = t.version, event_seq = t.event_seq, gate = coalesce(t.gate::jsonb, l.gate) "
        "FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], "
        "$7::timestamptz[], $8::bigint[], $9::bigint[], $10::text[]) AS t(id, state, publish_at, unpublish_at, "
        "submitted_by, approved_by, published_at, version, event_seq, gate) WHERE l.id = t.id",
        [one.id for one in listings],
        [one.state.value for one in listings],
        [one.publish_at for one in listings],
        [one.unpublish_at for one in listings],
        [one.submitted_by for one in listings],
        [one.approved_by for one in listings],
        [one.published_at for one in listings],
        [one.version for one in listings],
        [one.event_seq for one in listings],
        _gates(gates, [one.id for one in listings]),
    )


async def append_log(
    con: asyncpg.Connection, entries: Sequence[LogEntry], *, actor: tuple[str, str], at: datetime
) -> None:
    await con.execute(
        "INSERT INTO listing_log (listing_id, action, from_state, to_state, reason, actor_kind, actor_id, at) "
        "SELECT t.*, $6, $7, $8 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS t",
        [entry.listing_id for entry in entries],
        [entry.action for entry in entries],
        [entry.from_state.value for entry in entries],
        [entry.to_state.value for entry in entries],
        [entry.reason for entry in entries],
        *actor,
        at,
    )


async def lock(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, Listing]:
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM listing WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE",  # noqa: S608
        sorted(ids),
    )
    return {row["id"]: _listing(row) for row in rows}


async def lock_of_products(con: asyncpg.Connection, product_ids: Collection[str], shop: str | None) -> list[Listing]:
    """Listings of the products that are not archived, in one shop or in all."""
    asked = Conditions()
    asked.add("product_id = ANY({}::text[])", sorted(product_ids))
    asked.clauses.append("state <> 'archived'")
    if shop is not None:
        asked.add("shop = {}", shop)
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM listing {asked.where} ORDER BY id FOR NO KEY UPDATE",  # noqa: S608
        *asked.values,
    )
    return [_listing(row) for row in rows]


async def by_id(con: asyncpg.Connection, listing_id: str) -> Listing | None:
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM listing WHERE id = $1", listing_id)  # noqa: S608
    return _listing(row) if row else None


async def page(
    con: asyncpg.Connection,
    *,
    shops: Collection[str] | None,
    product_id: str | None,
    states: Sequence[str],
    after: str,
    limit: int,
) -> list[Listing]:
    asked = Conditions()
    asked.add("id > {}", after)
    if shops is not None:
        asked.add("shop = ANY({}::text[])", sorted(shops))
    if product_id is not None:
        asked.add("product_id = {}", product_id)
    if states:
        asked.add("state = ANY({}::text[])", list(states))
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM listing {asked.where} ORDER BY id LIMIT {asked.place(limit)}",  # noqa: S608
        *asked.values,
    )
    return [_listing(row) for row in rows]


async def gate_of(con: asyncpg.Connection, listing_id: str) -> list[GateCheck]:
    """The stored result of the last submission or publication."""
    found = await con.fetchval("SELECT gate::text FROM listing WHERE id = $1", listing_id)
    return [GateCheck(**check) for check in load(found)]


async def log_of(con: asyncpg.Connection, listing_id: str, *, limit: int) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await con.fetch(
        "SELECT action, from_state, to_state, reason, actor_kind, actor_id, at FROM listing_log "
        "WHERE listing_id = $1 ORDER BY id DESC LIMIT $2",
        listing_id,
        limit,
    )
    return rows
