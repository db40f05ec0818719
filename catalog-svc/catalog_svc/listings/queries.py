"""Reading listings, alone and with everything that an offer is made of."""

from collections.abc import Collection, Sequence

import asyncpg

from catalog_svc.categories import queries as categories
from catalog_svc.listings import store
from catalog_svc.listings.offers import Offer
from catalog_svc.listings.rules import GateCheck, Listing
from catalog_svc.prices import queries as prices
from catalog_svc.products import queries as products
from catalog_svc.shops import queries as shops

LOG_MAX = 200


async def listing(con: asyncpg.Connection, listing_id: str) -> Listing | None:
    return await store.by_id(con, listing_id)


async def listings(
    con: asyncpg.Connection,
    *,
    shops_asked: Collection[str] | None,
    product_id: str | None,
    states: Sequence[str],
    after: str,
    limit: int,
) -> list[Listing]:
    return await store.page(con, shops=shops_asked, product_id=product_id, states=states, after=after, limit=limit)


async def stored_gate(con: asyncpg.Connection, listing_id: str) -> list[GateCheck]:
    return await store.gate_of(con, listing_id)


async def log(con: asyncpg.Connection, listing_id: str) -> list[asyncpg.Record]:
    return await store.log_of(con, listing_id, limit=LOG_MAX)


async def offers(con: asyncpg.Connection, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], Offer]:
    """{(product, shop): the offer} with a fixed number of statements, however many are wanted."""
    goods = await products.products_by_id(con, {product_id for product_id, _ in wanted})
    known_shops = await shops.shops_by_slug(con, {shop for _, shop in wanted})
    known = await categories.with_lineage(con, {product.category_id for product in goods.values()})
    parents = await categories.parents(con, {product.category_id for product in goods.values()})
    skus = {variant.sku for product in goods.values() for variant in product.variants}
    amounts = await prices.offered(con, set(known_shops), skus)
    made = {}
    for product_id, slug in wanted:
        product, shop = goods[product_id], known_shops[slug]
        path = tuple(known[one] for one in known[product.category_id].path if one in known)
        priced = {one.sku: amounts[slug, one.sku] for one in product.variants if (slug, one.sku) in amounts}
        made[product_id, slug] = Offer(shop, product, path, product.category_id not in parents, priced)
    return made
