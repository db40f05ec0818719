"""Promises from the copies of the warehouses."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from order_svc.copies import queries as copies
from order_svc.copies.desk import desk_of
from order_svc.copies.rules import Offer, serving
from order_svc.delivery import rules
from order_svc.orders.rules.order import Order, Planner
from svc_contracts.events.order import Promise
from svc_contracts.events.stock import WarehouseChanged
from svc_kit.transaction import Database


async def planner(con: asyncpg.Connection) -> Planner:
    """Plans by the warehouses that hold the order's goods."""
    warehouses = {one.code: one for one in await copies.warehouses(con)}

    def plan(order: Order, now: datetime) -> Promise:
        codes = {one.warehouse for one in order.allocations}
        country, province = order.region.get("country"), order.region.get("province")
        return rules.promise_for_all(warehouses, codes, country=country, province=province, at=now)

    return plan


async def promise_for(db: Database, *, shop: str, sku: str, province: str | None) -> Promise | None:
    """Before there is an order: from the first warehouse that has the goods, else from the first of all.

    None: the shop is not open, never sold the sku, or nobody delivers for it.
    """
    desk = desk_of(db)
    facts = await desk.shop(db, shop)
    offer = (await desk.offers(db, shop, [sku])).get(sku) if facts and facts.is_open else None
    if facts is None or offer is None:
        return None
    warehouses = serving(await desk.warehouses(db), facts.shop.channel)
    if not warehouses:
        return None
    warehouse = await _with_goods(db, offer, warehouses) if len(warehouses) > 1 else warehouses[0]
    return rules.promise_of(warehouse, country=None, province=province, at=db.clock.now())


async def _with_goods(db: Database, offer: Offer, warehouses: Sequence[WarehouseChanged]) -> WarehouseChanged:
    async with db.read() as con:
        units = await copies.available_by_warehouse(con, offer.parts)
    for warehouse in warehouses:
        if all(units.get((sku, warehouse.code), 0) >= count for sku, count in offer.parts.items()):
            return warehouse
    return warehouses[0]
