"""The only SQL on the copies. Rows go in by key order; an older word never replaces a later one."""

from collections.abc import Collection, Sequence

import asyncpg
import orjson

from marketing_svc.copies.rules import Offer, Shop
from svc_contracts.events.catalog import ListingChanged, Price, ShopChanged

LATER = "(excluded.timeline, excluded.seq) > ({0}.timeline, {0}.seq)"

# Reading prices costs more than all the rest, and only re-pricing needs them.
OFFERS = (
    "SELECT o.listing_id, o.shop, o.product_id, o.slug, o.state, o.brand, o.category_path, o.from_at, o.until, "
    "s.sku, {0}::text AS prices FROM offer_copy o JOIN offer_sku_copy s USING (listing_id) "
)
PRICED, UNPRICED = OFFERS.format("s.prices"), OFFERS.format("'[]'")


async def upsert_shops(con: asyncpg.Connection, rows: Sequence[tuple[ShopChanged, int, int]]) -> None:
    """`rows`: (event, timeline, seq), one of each shop."""
    await con.execute(
        "INSERT INTO shop_copy (shop, channel, currency, state, timeline, seq) "  # noqa: S608
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) "
        "ON CONFLICT (shop) DO UPDATE SET channel = excluded.channel, currency = excluded.currency, "
        f"state = excluded.state, timeline = excluded.timeline, seq = excluded.seq WHERE {LATER.format('shop_copy')}",
        [event.shop for event, _, _ in rows],
        [event.channel for event, _, _ in rows],
        [event.currency for event, _, _ in rows],
        [event.state for event, _, _ in rows],
        [timeline for _, timeline, _ in rows],
        [seq for _, _, seq in rows],
    )


async def upsert_offers(con: asyncpg.Connection, rows: Sequence[tuple[ListingChanged, int, int]]) -> None:
    """`rows`: (event, timeline, seq), one of each listing."""
    written = await con.fetch(
        "INSERT INTO offer_copy (listing_id, shop, product_id, slug, state, brand, category_path, from_at, until, "  # noqa: S608
        "timeline, seq) SELECT id, shop, product_id, slug, state, brand, string_to_array(path, chr(31)), from_at, "
        "until, timeline, seq FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], "
        "$7::text[], $8::timestamptz[], $9::timestamptz[], $10::bigint[], $11::bigint[]) "
        "AS t(id, shop, product_id, slug, state, brand, path, from_at, until, timeline, seq) "
        "ON CONFLICT (listing_id) DO UPDATE SET shop = excluded.shop, product_id = excluded.product_id, "
        "slug = excluded.slug, state = excluded.state, brand = excluded.brand, "
        "category_path = excluded.category_path, from_at = excluded.from_at, until = excluded.until, "
        f"timeline = excluded.timeline, seq = excluded.seq WHERE {LATER.format('offer_copy')} RETURNING listing_id",
        [event.listing_id for event, _, _ in rows],
        [event.shop for event, _, _ in rows],
        [event.product_id for event, _, _ in rows],
        [event.slug for event, _, _ in rows],
        [event.state for event, _, _ in rows],
        [event.brand for event, _, _ in rows],
        ["\x1f".join(event.category_path) for event, _, _ in rows],
        [event.window.from_ for event, _, _ in rows],
        [event.window.until for event, _, _ in rows],
        [timeline for _, timeline, _ in rows],
        [seq for _, _, seq in rows],
    )
    fresh = {row["listing_id"] for row in written}
    await _replace_skus(con, [event for event, _, _ in rows if event.listing_id in fresh])


async def _replace_skus(con: asyncpg.Connection, events: Sequence[ListingChanged]) -> None:
    await con.execute(
        "DELETE FROM offer_sku_copy WHERE listing_id = ANY($1::text[])", [event.listing_id for event in events]
    )
    skus = [(event, sku) for event in events for sku in event.skus]
    await con.execute(
        "INSERT INTO offer_sku_copy (listing_id, shop, sku, prices) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])",
        [event.listing_id for event, _ in skus],
        [event.shop for event, _ in skus],
        [sku.sku for _, sku in skus],
        [
            orjson.dumps([price.model_dump(mode="json", by_alias=True) for price in sku.prices]).decode()
            for _, sku in skus
        ],
    )


async def shop(con: asyncpg.Connection, name: str) -> Shop | None:
    row = await con.fetchrow("SELECT shop, channel, currency, state FROM shop_copy WHERE shop = $1", name)
    return Shop(**row) if row else None


async def offers_of_skus(con: asyncpg.Connection, shop: str, skus: Collection[str]) -> list[Offer]:
    """Every offer of the skus, open or not, without prices."""
    rows = await con.fetch(UNPRICED + "WHERE s.shop = $1 AND s.sku = ANY($2::text[])", shop, sorted(skus))
    return [_offer(row) for row in rows]


async def offers_of_product(con: asyncpg.Connection, shop: str, slug: str) -> list[Offer]:
    """The live ones, without prices."""
    rows = await con.fetch(UNPRICED + "WHERE o.shop = $1 AND o.slug = $2 AND o.state = 'live'", shop, slug)
    return [_offer(row) for row in rows]


async def live_offers(con: asyncpg.Connection, shop: str) -> list[Offer]:
    """All that are live in the shop, whatever their window says."""
    rows = await con.fetch(PRICED + "WHERE o.shop = $1 AND o.state = 'live'", shop)
    return [_offer(row) for row in rows]


def _offer(row: asyncpg.Record) -> Offer:
    prices = tuple(Price.model_validate(price) for price in orjson.loads(row["prices"]))
    return Offer(**{**dict(row), "category_path": tuple(row["category_path"]), "prices": prices})
