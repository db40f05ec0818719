"""Reading the copies."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from catalog_svc.copies import store


@dataclass(frozen=True, slots=True)
class Stock:
    """What the warehouses of a channel have of a sku, all together."""

    available: int
    availability: Literal["in_stock", "low", "sold_out"]


async def stock(con: asyncpg.Connection, channel: str, skus: Collection[str]) -> dict[str, Stock]:
    """{sku: stock}; a sku that no warehouse of the channel ever had is left out."""
    found = {}
    for row in await store.levels_serving(con, channel, skus):
        availability: Literal["in_stock", "low", "sold_out"] = (
            "in_stock" if row["in_stock"] else "low" if row["low"] else "sold_out"
        )
        found[row["sku"]] = Stock(row["available"], availability)
    return found


async def promotion_prices(
    con: asyncpg.Connection, shop: str, skus: Collection[str], *, at: datetime
) -> dict[str, int]:
    """{sku: its lowest promotion price in force, in minor units}."""
    return dict(await store.promotion_prices(con, shop, skus, at))
