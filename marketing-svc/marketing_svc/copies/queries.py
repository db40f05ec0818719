"""Reading the copies."""

from collections.abc import Collection
from datetime import datetime

import asyncpg

from marketing_svc.copies import store
from marketing_svc.copies.rules import Offer, Shop, best


async def shop(con: asyncpg.Connection, name: str) -> Shop | None:
    return await store.shop(con, name)


async def offers(con: asyncpg.Connection, shop: str, skus: Collection[str], *, at: datetime) -> dict[str, Offer]:
    """{sku: its offer in the shop}; a sku that no listing of the shop ever had is missing."""
    return best(await store.offers_of_skus(con, shop, skus), at)


async def offers_of_product(con: asyncpg.Connection, shop: str, slug: str, *, at: datetime) -> list[Offer]:
    """The open offer of a product, one per sku."""
    return [offer for offer in await store.offers_of_product(con, shop, slug) if offer.is_open(at)]


async def live_offers(con: asyncpg.Connection, shop: str) -> list[Offer]:
    """All that are live in the shop, also those whose window has not begun."""
    return await store.live_offers(con, shop)
