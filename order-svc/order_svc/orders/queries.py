"""Reading orders."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from order_svc.conditions import Conditions
from order_svc.orders.rules.order import Order
from order_svc.orders.rules.placing import Line
from order_svc.orders.rules.states import Status
from order_svc.orders.store import details
from order_svc.orders.store import orders as store

TIMELINE_MAX = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """None: not asked for. `shops`: those the asker may see."""

    shop: str | None = None
    shops: Collection[str] | None = None
    statuses: Sequence[Status] = ()
    channel: str | None = None
    external_id: str | None = None
    number: int | None = None
    person_id: str | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An order with what hangs on it."""

    order: Order
    lines: list[tuple[Line, int, int]]  # with the units shipped and delivered
    shipments: list[dict[str, Any]]
    timeline: list[dict[str, Any]]
    compensations: list[dict[str, Any]]


async def order(con: asyncpg.Connection, order_id: str) -> Order | None:
    return (await store.read(con, [order_id])).get(order_id)


async def statuses(con: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, Status]:
    return await store.statuses(con, order_ids)


async def shops_of(con: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, str]:
    return await store.shops_of(con, order_ids)


async def orders(
    con: asyncpg.Connection, asked: Filters, *, before: tuple[datetime, str] | None, limit: int
) -> list[Order]:
    """The latest first."""
    where = Conditions()
    if asked.shop is not None:
        where.add("shop = {}", asked.shop)
    if asked.shops is not None:
        where.add("shop = ANY({}::text[])", list(asked.shops))
    if asked.statuses:
        where.add("status = ANY({}::text[])", [status.value for status in asked.statuses])
    for column in ("channel", "external_id", "number", "person_id"):
        if (value := getattr(asked, column)) is not None:
            where.add(f"{column} = {{}}", value)
    if asked.placed_from is not None:
        where.add("placed_at >= {}", asked.placed_from)
    if asked.placed_to is not None:
        where.add("placed_at < {}", asked.placed_to)
    return await store.page(con, where, before=before, limit=limit)


async def shown(con: asyncpg.Connection, found: Order) -> Shown:
    return Shown(
        found,
        (await details.lines(con, [found.id]))[found.id],
        (await details.shipments(con, [found.id])).get(found.id, []),
        await details.timeline(con, found.id, after=0, limit=TIMELINE_MAX),
        await details.compensations(con, found.id),
    )


async def lines_of(con: asyncpg.Connection, order_ids: Sequence[str]) -> dict[str, list[tuple[Line, int, int]]]:
    return await details.lines(con, order_ids)


async def shipments_of(con: asyncpg.Connection, order_id: str) -> list[dict[str, Any]]:
    return (await details.shipments(con, [order_id])).get(order_id, [])


async def timeline(con: asyncpg.Connection, order_id: str, *, after: int, limit: int) -> list[dict[str, Any]]:
    return await details.timeline(con, order_id, after=after, limit=limit)


async def unpaid_orders_with(con: asyncpg.Connection, person_id: str, skus: Collection[str]) -> dict[str, str]:
    return await store.unpaid_orders_with(con, person_id, skus)
