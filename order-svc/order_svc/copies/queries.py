"""Reading the copies."""

from collections.abc import Collection
from datetime import datetime, timedelta

import asyncpg

from order_svc.copies import store
from order_svc.copies.rules import Offer, ShopFacts, best, serving
from svc_contracts.events.catalog import ShopChanged
from svc_contracts.events.stock import WarehouseChanged
from svc_kit.transaction import Database

FACTS_KEPT = timedelta(seconds=1)


class ShopDesk:
    """What is known of each shop, read at most once a second per process: every checkout asks."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[datetime, ShopFacts | None]] = {}

    async def facts(self, db: Database, shop: str, *, at: datetime) -> ShopFacts | None:
        """None: no such shop."""
        kept = self.known.get(shop)
        if kept is not None and timedelta(0) <= at - kept[0] < FACTS_KEPT:
            return kept[1]
        async with db.read() as con:
            facts = await shop_facts(con, shop, at=at)
        # A name that is not a shop's is not kept: anybody could fill the memory with them.
        if facts is not None:
            self.known[shop] = (at, facts)
        return facts


async def shop_facts(con: asyncpg.Connection, shop: str, *, at: datetime) -> ShopFacts | None:
    found = await store.shop_and_promotes(con, shop, at)
    return ShopFacts(*found) if found else None


async def shops(con: asyncpg.Connection, names: Collection[str]) -> dict[str, ShopChanged]:
    return {one.shop: one for one in await store.shops(con, names)} if names else {}


async def offers(
    con: asyncpg.Connection, wanted: Collection[tuple[str, str]], *, at: datetime
) -> dict[tuple[str, str], Offer]:
    """{(shop, sku): the offer to sell it by}; skus that no listing of the shop ever had are missing."""
    found: dict[str, list[Offer]] = {}
    for offer in await store.offers(con, wanted) if wanted else []:
        found.setdefault(offer.shop, []).append(offer)
    return {(shop, sku): offer for shop, some in found.items() for sku, offer in best(some, at).items()}


async def warehouses(con: asyncpg.Connection) -> list[WarehouseChanged]:
    return await store.warehouses(con)


async def available(con: asyncpg.Connection, skus: Collection[str], *, channel: str) -> dict[str, int]:
    """{sku: units in the warehouses that serve the channel}; a sku that nobody ever counted is missing."""
    codes = {one.code for one in serving(await store.warehouses(con), channel)}
    units: dict[str, int] = {}
    for sku, code, count in await store.levels(con, skus) if skus else []:
        if code in codes:
            units[sku] = units.get(sku, 0) + max(0, count)
    return units


async def available_by_warehouse(con: asyncpg.Connection, skus: Collection[str]) -> dict[tuple[str, str], int]:
    """{(sku, warehouse): units}, none of them negative."""
    return {(sku, code): max(0, count) for sku, code, count in await store.levels(con, skus)} if skus else {}
