"""The only SQL on what the shop front shows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from catalog_svc.conditions import Conditions
from catalog_svc.documents import dump, load
from catalog_svc.storefront.rules import Facets, Filters, Sort
from svc_contracts.events.catalog import OfferSku

FACET_VALUES_MAX = 50
SIMILAR_MAX = 20
TITLE_BONUS = 0.5  # what was typed stands in the title as it is: above any scatter of the same words
COLUMNS = (
    "o.listing_id, o.shop, o.product_id, o.slug, o.category_path, o.brand, o.title::text AS title, o.image, "
    "o.price_minor, o.published_at, o.skus::text AS skus"
)
SALES = "LEFT JOIN product_sales s ON s.shop = o.shop AND s.product_id = o.product_id"
# Weights of D, C, B, A: description, pieces of a title, keywords and category, title.
WEIGHTS = "ARRAY[0.05, 0.2, 0.4, 1.0]::real[]"
ORDERS: Mapping[Sort, tuple[str, str]] = {
    "price": ("o.price_minor", "ASC"),
    "-price": ("o.price_minor", "DESC"),
    "newest": ("(1e6 * extract(epoch FROM o.published_at))::bigint", "DESC"),
    "sales": ("coalesce(s.units, 0)", "DESC"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """`place`: the value that it was sorted by."""

    listing_id: str
    shop: str
    product_id: str
    slug: str
    category_path: tuple[str, ...]
    brand: str | None
    title: dict[str, str]
    image: str | None
    price_minor: int
    published_at: datetime
    skus: tuple[OfferSku, ...]
    units_sold: int
    place: int


@dataclass(frozen=True, slots=True)
class Words:
    """A question as PostgreSQL takes it, and as it was typed without its gaps."""

    query: str
    typed: str


def _shown(row: asyncpg.Record) -> Shown:
    facts = {**dict(row), "category_path": tuple(row["category_path"]), "title": load(row["title"])}
    return Shown(**{**facts, "skus": tuple(OfferSku.model_validate(sku) for sku in load(row["skus"]))})


async def upsert(con: asyncpg.Connection, offers: Sequence[Mapping[str, Any]]) -> None:
    """Each offer as it now is."""
    names = ("listing_id", "shop", "product_id", "slug", "brand", "image", "price_minor", "published_at", "words")
    await con.execute(
        "INSERT INTO shown_offer (listing_id, shop, product_id, slug, brand, image, price_minor, published_at, words, "
        "title_run, category_path, title, skus) SELECT listing_id, shop, product_id, slug, brand, image, price_minor, "
        "published_at, words::tsvector, title_run, ARRAY(SELECT jsonb_array_elements_text(path::jsonb)), title::jsonb, "
        "skus::jsonb FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], "
        "$8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[]) AS t(listing_id, shop, "
        "product_id, slug, brand, image, price_minor, published_at, words, title_run, path, title, skus) "
        "ORDER BY listing_id ON CONFLICT (listing_id) DO UPDATE SET brand = excluded.brand, image = excluded.image, "
        "price_minor = excluded.price_minor, words = excluded.words, title_run = excluded.title_run, "
        "category_path = excluded.category_path, title = excluded.title, skus = excluded.skus",
        *[[offer[name] for offer in offers] for name in names],
        [offer["title_run"] for offer in offers],
        [dump(offer["category_path"]) for offer in offers],
        [dump(offer["title"]) for offer in offers],
        [dump(offer["skus"]) for offer in offers],
    )


async def delete(con: asyncpg.Connection, listing_ids: Collection[str]) -> None:
    await con.execute("DELETE FROM shown_offer WHERE listing_id = ANY($1::text[])", sorted(listing_ids))


async def add_words(con: asyncpg.Connection, words: Collection[tuple[str, str]]) -> None:
    """`words`: (shop, word); words stay when their last offer goes, a question for them then finds nothing."""
    ordered = sorted(words)
    await con.execute(
        "INSERT INTO search_word (shop, word) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING",
        [shop for shop, _ in ordered],
        [word for _, word in ordered],
    )


async def unknown_words(con: asyncpg.Connection, shop: str, words: Sequence[tuple[str, str]]) -> list[str]:
    """`words`: (word, stem). Those that begin no word of the shop."""
    rows = await con.fetch(
        "SELECT t.word FROM unnest($2::text[], $3::text[]) AS t(word, stem) WHERE NOT EXISTS ("
        "SELECT 1 FROM search_word w WHERE w.shop = $1 AND w.word >= t.stem AND w.word < t.stem || chr(1114111))",
        shop,
        [word for word, _ in words],
        [stem for _, stem in words],
    )
    return [row["word"] for row in rows]


async def similar_words(con: asyncpg.Connection, shop: str, words: Sequence[str]) -> dict[str, list[str]]:
    """{word: words of the shop that share letter triples with it, or begin like it and are about as long}."""
    rows = await con.fetch(
        "SELECT t.word, near.word AS near FROM unnest($2::text[]) AS t(word), LATERAL ("
        "SELECT w.word FROM search_word w WHERE w.shop = $1 AND (w.word % t.word OR (w.word >= left(t.word, 2) "
        "AND w.word < left(t.word, 2) || chr(1114111) AND abs(length(w.word) - length(t.word)) <= 2)) "
        "ORDER BY similarity(w.word, t.word) DESC, w.word LIMIT $3) AS near",
        shop,
        list(words),
        SIMILAR_MAX,
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["word"], []).append(row["near"])
    return found


def _asked(shop: str, filters: Filters, words: Words | None) -> Conditions:
    asked = Conditions()
    asked.add("o.shop = {}", shop)
    if filters.category is not None:
        asked.add("o.category_path @> ARRAY[{}::text]", filters.category)
    if filters.min_price_minor is not None:
        asked.add("o.price_minor >= {}", filters.min_price_minor)
    if filters.max_price_minor is not None:
        asked.add("o.price_minor <= {}", filters.max_price_minor)
    if words is not None:
        asked.add("o.words @@ {}::text::tsquery", words.query)
    return asked


async def page(
    con: asyncpg.Connection,
    shop: str,
    filters: Filters,
    *,
    words: Words | None,
    sort: Sort,
    after: tuple[int, str] | None,
    limit: int,
) -> list[Shown]:
    """`after`: the place and listing of the last one seen."""
    asked = _asked(shop, filters, words)
    if sort == "relevance" and words is not None:
        typed, query = asked.place(words.typed), asked.place(words.query)
        rank = f"ts_rank({WEIGHTS}, o.words, {query}::text::tsquery)"
        bonus = f"CASE WHEN strpos(o.title_run, {typed}) > 0 THEN {TITLE_BONUS} ELSE 0 END"
        place, direction = f"(1e6 * ({rank} + {bonus}))::bigint", "DESC"
    else:
        place, direction = ORDERS[sort if sort != "relevance" else "newest"]
    sign = "<" if direction == "DESC" else ">"
    if after is not None:
        asked.add(f"({place} {sign} {{0}}::bigint OR ({place} = {{0}}::bigint AND o.listing_id > {{1}}))", *after)
    # Narrow rows are sorted; only those of the page are read whole (all of them: three times the cost at 1,000).
    rows = await con.fetch(
        f"WITH found AS MATERIALIZED (SELECT o.listing_id, {place} AS place FROM shown_offer o "  # noqa: S608
        f"{SALES if sort == 'sales' else ''} {asked.where} "
        f"ORDER BY place {direction}, o.listing_id LIMIT {asked.place(limit)}) "
        f"SELECT {COLUMNS}, coalesce(s.units, 0) AS units_sold, f.place FROM found f "
        f"JOIN shown_offer o USING (listing_id) {SALES} ORDER BY f.place {direction}, o.listing_id",
        *asked.values,
    )
    return [_shown(row) for row in rows]


async def facets(con: asyncpg.Connection, shop: str, filters: Filters, words: Words | None) -> Facets:
    asked = _asked(shop, filters, words)
    row = await con.fetchrow(
        "WITH found AS MATERIALIZED (SELECT o.category_path, o.brand, count(*) AS n, "  # noqa: S608
        f"min(o.price_minor) AS least, max(o.price_minor) AS most FROM shown_offer o {asked.where} GROUP BY 1, 2), "
        "c AS (SELECT path.id, sum(n)::bigint AS n FROM found, unnest(found.category_path) AS path(id) GROUP BY 1 "
        f"ORDER BY 2 DESC, 1 LIMIT {FACET_VALUES_MAX}), "
        "b AS (SELECT brand AS id, sum(n)::bigint AS n FROM found WHERE brand IS NOT NULL GROUP BY 1 "
        f"ORDER BY 2 DESC, 1 LIMIT {FACET_VALUES_MAX}) "
        "SELECT coalesce(sum(n), 0)::bigint AS total, min(least) AS least, max(most) AS most, "
        "(SELECT json_agg(json_build_array(id, n) ORDER BY n DESC, id)::text FROM c) AS categories, "
        "(SELECT json_agg(json_build_array(id, n) ORDER BY n DESC, id)::text FROM b) AS brands FROM found",
        *asked.values,
    )
    assert row is not None, "an aggregate always has a row"
    lists = [[(one, n) for one, n in load(row[name] or "[]")] for name in ("categories", "brands")]
    return Facets(row["total"], lists[0], lists[1], row["least"], row["most"])


async def by_slug(con: asyncpg.Connection, shop: str, slug: str) -> Shown | None:
    row = await con.fetchrow(
        f"SELECT {COLUMNS}, coalesce(s.units, 0) AS units_sold, 0 AS place FROM shown_offer o {SALES} "  # noqa: S608
        "WHERE o.shop = $1 AND o.slug = $2",
        shop,
        slug,
    )
    return _shown(row) if row else None


async def shown_categories(con: asyncpg.Connection, shop: str) -> list[str]:
    """Ids of the categories in which the shop shows something."""
    rows = await con.fetch(
        "SELECT DISTINCT path.id FROM shown_offer o, unnest(o.category_path) AS path(id) WHERE o.shop = $1 ORDER BY 1",
        shop,
    )
    return [row["id"] for row in rows]
