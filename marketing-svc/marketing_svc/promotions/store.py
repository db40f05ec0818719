"""The only SQL on promotions. Locks in this order: shops by name, then promotions by id."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import asyncpg

from marketing_svc.conditions import Conditions as Where
from marketing_svc.documents import dump, load
from marketing_svc.promotions.rules.engine import Reward
from marketing_svc.promotions.rules.pricing import Shown
from marketing_svc.promotions.rules.promotion import AUTOMATIC, Promotion, State, conditions_of, plain_conditions

TYPES = {
    "id": "text",
    "shop": "text",
    "campaign_id": "text",
    "name": "jsonb",
    "trigger": "text",
    "scope": "text",
    "state": "text",
    "conditions": "jsonb",
    "rate_bp": "bigint",
    "amount_minor": "bigint",
    "currency": "text",
    "priority": "bigint",
    "stacking": "text",
    "exclusive_group": "text",
    "from_at": "timestamptz",
    "until": "timestamptz",
    "total": "bigint",
    "per_customer": "bigint",
    "paused_by_campaign": "boolean",
    "exhausted": "boolean",
    "ended_at": "timestamptz",
    "created_at": "timestamptz",
    "version": "bigint",
    "event_seq": "bigint",
}
COLUMNS = ", ".join(f"{name}::text AS {name}" if kind == "jsonb" else name for name, kind in TYPES.items())
SELECT = f"SELECT {COLUMNS} FROM promotion "  # noqa: S608
GIVEN = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(TYPES.values(), start=1))


def _values(promotion: Promotion) -> dict[str, Any]:
    plain = {name: getattr(promotion, name, None) for name in TYPES}
    return plain | {
        "name": dump(promotion.name),
        "conditions": dump(plain_conditions(promotion.conditions)),
        "rate_bp": promotion.reward.rate_bp,
        "amount_minor": promotion.reward.amount_minor,
        "exclusive_group": promotion.group,
        "state": promotion.state.value,
    }


def _promotion(row: asyncpg.Record) -> Promotion:
    facts = dict(row)
    reward = Reward(facts.pop("rate_bp"), facts.pop("amount_minor"))
    own = {
        "name": load(facts["name"]),
        "conditions": conditions_of(load(facts["conditions"])),
        "state": State(facts["state"]),
        "group": facts.pop("exclusive_group"),
    }
    return Promotion(**{**facts, **own}, reward=reward)


async def lock_shops(con: asyncpg.Connection, shops: Collection[str]) -> set[str]:
    """Locks the rows that are there, by name, and says which."""
    rows = await con.fetch(
        "SELECT shop FROM promotion_shop WHERE shop = ANY($1::text[]) ORDER BY shop FOR NO KEY UPDATE", sorted(shops)
    )
    return {row["shop"] for row in rows}


async def open_shop(con: asyncpg.Connection, shop: str) -> None:
    await con.execute("INSERT INTO promotion_shop (shop) VALUES ($1) ON CONFLICT DO NOTHING", shop)


async def insert(con: asyncpg.Connection, promotion: Promotion) -> None:
    values = _values(promotion)
    places = ", ".join(f"${n}::{kind}" for n, kind in enumerate(TYPES.values(), start=1))
    await con.execute(f"INSERT INTO promotion ({', '.join(TYPES)}) VALUES ({places})", *values.values())  # noqa: S608


async def update(con: asyncpg.Connection, promotions: Sequence[Promotion]) -> None:
    """The present state of locked promotions."""
    values = [_values(promotion) for promotion in promotions]
    sets = ", ".join(f"{name} = t.{name}" for name in TYPES if name != "id")
    await con.execute(
        f"UPDATE promotion AS p SET {sets} FROM unnest({GIVEN}) AS t({', '.join(TYPES)}) WHERE p.id = t.id",  # noqa: S608
        *[[one[name] for one in values] for name in TYPES],
    )


async def lock(con: asyncpg.Connection, promotion_id: str) -> Promotion | None:
    row = await con.fetchrow(SELECT + "WHERE id = $1 FOR NO KEY UPDATE", promotion_id)
    return _promotion(row) if row else None


async def lock_of_campaign(con: asyncpg.Connection, campaign_id: str) -> list[Promotion]:
    rows = await con.fetch(SELECT + "WHERE campaign_id = $1 ORDER BY id FOR NO KEY UPDATE", campaign_id)
    return [_promotion(row) for row in rows]


async def lock_touched(
    con: asyncpg.Connection, promotion_ids: Collection[str], campaign_ids: Collection[str]
) -> list[Promotion]:
    """The promotions themselves, and all of the campaigns."""
    rows = await con.fetch(
        SELECT + "WHERE id = ANY($1::text[]) OR campaign_id = ANY($2::text[]) ORDER BY id FOR NO KEY UPDATE",
        sorted(promotion_ids),
        sorted(campaign_ids),
    )
    return [_promotion(row) for row in rows]


async def lock_moving(con: asyncpg.Connection, shop: str) -> list[Promotion]:
    """Whatever of the shop the clock may change, or still has prices on the pages."""
    rows = await con.fetch(
        SELECT + "WHERE shop = $1 AND (state IN ('scheduled', 'active', 'paused') "  # noqa: S608
        "OR id IN (SELECT promotion_id FROM promotion_price WHERE shop = $1)) ORDER BY id FOR NO KEY UPDATE",
        shop,
    )
    return [_promotion(row) for row in rows]


async def shops_touched(
    con: asyncpg.Connection, promotion_ids: Collection[str], campaign_ids: Collection[str]
) -> set[str]:
    rows = await con.fetch(
        "SELECT DISTINCT shop FROM promotion WHERE id = ANY($1::text[]) OR campaign_id = ANY($2::text[])",
        sorted(promotion_ids),
        sorted(campaign_ids),
    )
    return {row["shop"] for row in rows}


async def by_ids(con: asyncpg.Connection, promotion_ids: Collection[str]) -> dict[str, Promotion]:
    rows = await con.fetch(SELECT + "WHERE id = ANY($1::text[])", sorted(promotion_ids))
    return {row["id"]: _promotion(row) for row in rows}


async def active_automatic(con: asyncpg.Connection, shop: str) -> list[Promotion]:
    rows = await con.fetch(SELECT + "WHERE shop = $1 AND state = 'active' AND trigger = $2", shop, AUTOMATIC)
    return [_promotion(row) for row in rows]


async def page(
    con: asyncpg.Connection,
    *,
    shops: Collection[str] | None,
    campaign_id: str | None,
    states: Sequence[str],
    after: str,
    limit: int,
) -> list[Promotion]:
    """`shops` None: of all."""
    asked = Where()
    asked.add("id > {}", after)
    if shops is not None:
        asked.add("shop = ANY({}::text[])", sorted(shops))
    if campaign_id is not None:
        asked.add("campaign_id = {}", campaign_id)
    if states:
        asked.add("state = ANY({}::text[])", list(states))
    rows = await con.fetch(f"{SELECT} {asked.where} ORDER BY id LIMIT {asked.place(limit)}", *asked.values)
    return [_promotion(row) for row in rows]


async def prices(con: asyncpg.Connection, shop: str) -> dict[tuple[str, str], Shown]:
    """What was last announced for the shop."""
    rows = await con.fetch("SELECT promotion_id, sku, amount_minor, until FROM promotion_price WHERE shop = $1", shop)
    return {(row["promotion_id"], row["sku"]): Shown(row["amount_minor"], row["until"]) for row in rows}


async def write_prices(con: asyncpg.Connection, shop: str, changes: Mapping[str, Mapping[str, Shown | None]]) -> None:
    """{promotion: {sku: price, None takes it away}}."""
    rows = [(promotion, sku, price) for promotion, skus in changes.items() for sku, price in skus.items()]
    over = [(promotion, sku) for promotion, sku, price in rows if price is None]
    new = [(promotion, sku, price) for promotion, sku, price in rows if price is not None]
    if over:
        await con.execute(
            "DELETE FROM promotion_price WHERE (promotion_id, sku) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
            [promotion for promotion, _ in over],
            [sku for _, sku in over],
        )
    if new:
        await con.execute(
            "INSERT INTO promotion_price (promotion_id, sku, shop, amount_minor, until) "
            "SELECT p, s, $3, a, u FROM unnest($1::text[], $2::text[], $4::bigint[], $5::timestamptz[]) "
            "AS t(p, s, a, u) ON CONFLICT (promotion_id, sku) DO UPDATE SET amount_minor = excluded.amount_minor, "
            "until = excluded.until",
            [promotion for promotion, _, _ in new],
            [sku for _, sku, _ in new],
            shop,
            [price.amount_minor for _, _, price in new],
            [price.until for _, _, price in new],
        )
