"""Reading price lists, and prices as offers carry them."""

from collections.abc import Collection

import asyncpg

from catalog_svc.prices import store
from catalog_svc.prices.rules import PriceList
from catalog_svc.shops import queries as shops
from svc_contracts.events.catalog import Price, PriceRules


async def price_list(con: asyncpg.Connection, list_id: str) -> PriceList | None:
    return await store.list_by_id(con, list_id)


async def price_lists(con: asyncpg.Connection, shops_asked: Collection[str] | None) -> list[PriceList]:
    return await store.lists_of(con, shops_asked)


async def prices(con: asyncpg.Connection, list_id: str, *, after: str, limit: int) -> list[tuple[str, int]]:
    return await store.page_of_prices(con, list_id, after=after, limit=limit)


async def offered(
    con: asyncpg.Connection, slugs: Collection[str], skus: Collection[str]
) -> dict[tuple[str, str], list[Price]]:
    """{(shop, sku): its prices in lists that customers may see, by position}."""
    currencies = {shop.slug: shop.currency for shop in (await shops.shops_by_slug(con, slugs)).values()}
    lists, amounts = await store.travelling(con, slugs, skus)
    by_list: dict[str, list[tuple[str, int]]] = {}
    for list_id, sku, amount_minor in amounts:
        by_list.setdefault(list_id, []).append((sku, amount_minor))
    found: dict[tuple[str, str], list[Price]] = {}
    for one in lists:
        rules = _rules(one)
        for sku, amount_minor in by_list.get(one.id, []):
            price = Price(
                list_id=one.id,
                position=one.position,
                amount_minor=amount_minor,
                currency=currencies[one.shop],
                rules=rules,
                from_=one.from_at,
                until=one.until_at,
            )
            found.setdefault((one.shop, sku), []).append(price)
    return found


def _rules(one: PriceList) -> PriceRules:
    rules = one.rules
    return PriceRules(
        match=rules.match,
        channels=list(rules.channels),
        member_levels=list(rules.member_levels),
        segments=list(rules.segments),
        quantity_min=rules.quantity_min,
        quantity_max=rules.quantity_max,
    )
