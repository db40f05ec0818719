"""The only SQL on copies."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from order_svc.copies.rules import Offer
from svc_contracts.events.campaign import PromotionChanged
from svc_contracts.events.catalog import ListingChanged, OfferSku, ShopChanged
from svc_contracts.events.stock import StockLevelChanged, WarehouseChanged

LATER = "(excluded.timeline, excluded.seq) > ({0}.timeline, {0}.seq)"


def _json(event: Any) -> str:
    return str(event.model_dump_json(by_alias=True))


async def upsert_shops(con: asyncpg.Connection, rows: Sequence[tuple[ShopChanged, int, int]]) -> None:
    await con.execute(
        "INSERT INTO shop_copy (shop, document, timeline, seq) "  # noqa: S608
        "SELECT * FROM unnest($1::text[], $2::jsonb[], $3::bigint[], $4::bigint[]) ON CONFLICT (shop) DO UPDATE SET "
        "document = excluded.document, timeline = excluded.timeline, seq = excluded.seq "
        f"WHERE {LATER.format('shop_copy')}",
        [event.shop for event, _, _ in rows],
        [_json(event) for event, _, _ in rows],
        [timeline for _, timeline, _ in rows],
        [seq for _, _, seq in rows],
    )


async def upsert_warehouses(con: asyncpg.Connection, rows: Sequence[tuple[WarehouseChanged, int, int]]) -> None:
    await con.execute(
        "INSERT INTO warehouse_copy (code, document, timeline, seq) "  # noqa: S608
        "SELECT * FROM unnest($1::text[], $2::jsonb[], $3::bigint[], $4::bigint[]) ON CONFLICT (code) DO UPDATE SET "
        "document = excluded.document, timeline = excluded.timeline, seq = excluded.seq "
        f"WHERE {LATER.format('warehouse_copy')}",
        [event.code for event, _, _ in rows],
        [_json(event) for event, _, _ in rows],
        [timeline for _, timeline, _ in rows],
        [seq for _, _, seq in rows],
    )


async def upsert_levels(con: asyncpg.Connection, rows: Sequence[tuple[StockLevelChanged, int, int]]) -> None:
    await con.execute(
        "INSERT INTO level_copy (key, sku, warehouse, available, timeline, seq) SELECT * FROM "  # noqa: S608
        "unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) "
        "ON CONFLICT (key) DO UPDATE SET available = excluded.available, timeline = excluded.timeline, "
        f"seq = excluded.seq WHERE {LATER.format('level_copy')}",
        [event.key for event, _, _ in rows],
        [event.sku for event, _, _ in rows],
        [event.warehouse for event, _, _ in rows],
        [event.available for event, _, _ in rows],
        [timeline for _, timeline, _ in rows],
        [seq for _, _, seq in rows],
    )


async def upsert_offers(con: asyncpg.Connection, rows: Sequence[tuple[ListingChanged, int, int]]) -> None:
    """The listings, then the skus of those that were news: what a listing no longer has goes."""
    written = await con.fetch(
        "INSERT INTO offer_copy (listing_id, shop, state, document, timeline, seq) SELECT * FROM "  # noqa: S608
        "unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::bigint[], $6::bigint[]) "
        "ON CONFLICT (listing_id) DO UPDATE SET shop = excluded.shop, state = excluded.state, "
        "document = excluded.document, timeline = excluded.timeline, seq = excluded.seq "
        f"WHERE {LATER.format('offer_copy')} RETURNING listing_id",
        [event.listing_id for event, _, _ in rows],
        [event.shop for event, _, _ in rows],
        [event.state for event, _, _ in rows],
        [event.model_dump_json(by_alias=True, exclude={"skus"}) for event, _, _ in rows],
        [timeline for _, timeline, _ in rows],
        [seq for _, _, seq in rows],
    )
    news = {row["listing_id"] for row in written}
    skus = [(event, sku) for event, _, _ in rows if event.listing_id in news for sku in event.skus]
    await con.execute(
        "DELETE FROM offer_sku_copy WHERE listing_id = ANY($1::text[]) "
        "AND (listing_id, sku) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))",
        sorted(news),
        [event.listing_id for event, _ in skus],
        [sku.sku for _, sku in skus],
    )
    await con.execute(
        "INSERT INTO offer_sku_copy (listing_id, sku, shop, document) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) "
        "ON CONFLICT (listing_id, sku) DO UPDATE SET shop = excluded.shop, document = excluded.document",
        [event.listing_id for event, _ in skus],
        [sku.sku for _, sku in skus],
        [event.shop for event, _ in skus],
        [_json(sku) for _, sku in skus],
    )


async def upsert_promotions(con: asyncpg.Connection, rows: Sequence[tuple[PromotionChanged, int, int]]) -> None:
    await con.execute(
        "INSERT INTO promotion_copy (promotion_id, shop, trigger, state, starts_at, ends_at, timeline, seq, "  # noqa: S608
        "exhausted_timeline, exhausted_seq) SELECT t.*, 0, 0 FROM unnest($1::text[], $2::text[], $3::text[], "
        "$4::text[], $5::timestamptz[], $6::timestamptz[], $7::bigint[], $8::bigint[]) AS t "
        "ON CONFLICT (promotion_id) DO UPDATE SET shop = excluded.shop, trigger = excluded.trigger, "
        "state = excluded.state, starts_at = excluded.starts_at, ends_at = excluded.ends_at, "
        f"timeline = excluded.timeline, seq = excluded.seq WHERE {LATER.format('promotion_copy')}",
        [event.promotion_id for event, _, _ in rows],
        [event.shop for event, _, _ in rows],
        [event.trigger for event, _, _ in rows],
        [event.state for event, _, _ in rows],
        [event.from_ for event, _, _ in rows],
        [event.until for event, _, _ in rows],
        [timeline for _, timeline, _ in rows],
        [seq for _, _, seq in rows],
    )


async def mark_exhausted(con: asyncpg.Connection, rows: Sequence[tuple[str, bool, int, int]]) -> None:
    """`rows`: (promotion, whether it is exhausted, timeline, seq)."""
    await con.execute(
        "INSERT INTO promotion_copy (promotion_id, exhausted, exhausted_timeline, exhausted_seq, timeline, seq) "
        "SELECT t.*, 0, 0 FROM unnest($1::text[], $2::boolean[], $3::bigint[], $4::bigint[]) AS t "
        "ON CONFLICT (promotion_id) DO UPDATE SET exhausted = excluded.exhausted, "
        "exhausted_timeline = excluded.exhausted_timeline, exhausted_seq = excluded.exhausted_seq "
        "WHERE (excluded.exhausted_timeline, excluded.exhausted_seq) > "
        "(promotion_copy.exhausted_timeline, promotion_copy.exhausted_seq)",
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] for row in rows],
    )


async def raise_mark(con: asyncpg.Connection) -> None:
    """Last in its transaction: others wait for this row until it commits."""
    await con.execute(
        "INSERT INTO copy_mark (name, n) VALUES ('offers', 1) ON CONFLICT (name) DO UPDATE SET n = copy_mark.n + 1"
    )


async def mark(con: asyncpg.Connection) -> int:
    return await con.fetchval("SELECT n FROM copy_mark WHERE name = 'offers'") or 0


async def shops(con: asyncpg.Connection, names: Collection[str]) -> list[ShopChanged]:
    rows = await con.fetch(
        "SELECT document::text AS document FROM shop_copy WHERE shop = ANY($1::text[])", sorted(names)
    )
    return [ShopChanged.model_validate_json(row["document"]) for row in rows]


async def shop_and_promotes(con: asyncpg.Connection, shop: str, at: datetime) -> tuple[ShopChanged, bool] | None:
    row = await con.fetchrow(
        "SELECT document::text AS document, EXISTS (SELECT 1 FROM promotion_copy p WHERE p.shop = $1 "
        "AND p.trigger = 'automatic' AND p.state = 'active' AND NOT p.exhausted "
        "AND (p.starts_at IS NULL OR p.starts_at <= $2) AND (p.ends_at IS NULL OR $2 < p.ends_at)) AS promotes "
        "FROM shop_copy WHERE shop = $1",
        shop,
        at,
    )
    return (ShopChanged.model_validate_json(row["document"]), row["promotes"]) if row else None


OFFERS = (
    "SELECT o.listing_id, o.seq, o.timeline, s.sku, o.document::text AS offer, s.document::text AS sku_document "
    "FROM unnest($1::text[], $2::text[]) AS asked(shop, sku) "
    "JOIN offer_sku_copy s ON s.shop = asked.shop AND s.sku = asked.sku JOIN offer_copy o USING (listing_id)"
)

PARSED_MAX = 20_000
_parsed: dict[tuple[str, str, int, int], Offer] = {}  # parsing an offer costs more than reading it


async def offers(con: asyncpg.Connection, wanted: Collection[tuple[str, str]]) -> list[Offer]:
    """Every offer of each (shop, sku), open or not."""
    asked = sorted(wanted)
    rows = await con.fetch(OFFERS, [shop for shop, _ in asked], [sku for _, sku in asked])
    return [_offer(row) for row in rows]


def _offer(row: asyncpg.Record) -> Offer:
    key = (row["listing_id"], row["sku"], row["timeline"], row["seq"])
    if (known := _parsed.get(key)) is not None:
        return known
    listing = ListingChanged.model_validate({**orjson.loads(row["offer"]), "skus": []})
    offer = Offer(
        listing_id=listing.listing_id,
        shop=listing.shop,
        product_id=listing.product_id,
        category_path=tuple(listing.category_path),
        brand=listing.brand,
        title=listing.title,
        image=listing.image,
        state=listing.state,
        window=listing.window,
        sku=OfferSku.model_validate_json(row["sku_document"]),
    )
    if len(_parsed) >= PARSED_MAX:
        _parsed.clear()
    _parsed[key] = offer
    return offer


async def warehouses(con: asyncpg.Connection) -> list[WarehouseChanged]:
    rows = await con.fetch("SELECT document::text AS document FROM warehouse_copy ORDER BY code")
    return [WarehouseChanged.model_validate_json(row["document"]) for row in rows]


async def levels(con: asyncpg.Connection, skus: Collection[str]) -> list[tuple[str, str, int]]:
    """(sku, warehouse, available)."""
    rows = await con.fetch("SELECT sku, warehouse, available FROM level_copy WHERE sku = ANY($1::text[])", sorted(skus))
    return [(row["sku"], row["warehouse"], row["available"]) for row in rows]
