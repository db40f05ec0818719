"""The only SQL on products and variants."""

from collections.abc import Collection, Sequence
from dataclasses import asdict

import asyncpg

from catalog_svc.conditions import Conditions
from catalog_svc.documents import dump, load
from catalog_svc.products.rules import Component, Detail, Media, Product, Variant, option_key

COLUMNS = (
    "id, category_id, brand, title::text AS title, slug, keywords, attributes::text AS attributes, "
    "media::text AS media, details::text AS details, role, created_at, version, event_seq"
)


def _product(row: asyncpg.Record, variants: Sequence[Variant]) -> Product:
    shaped = {
        "title": load(row["title"]),
        "keywords": tuple(row["keywords"]),
        "attributes": load(row["attributes"]),
        "media": tuple(Media(**one) for one in load(row["media"])),
        "details": tuple(Detail(**one) for one in load(row["details"])),
        "variants": tuple(variants),
    }
    return Product(**{**dict(row), **shaped})


def _variant(row: asyncpg.Record) -> Variant:
    components = tuple(Component(**one) for one in load(row["components"]))
    return Variant(row["sku"], load(row["options"]), row["gtin"], row["weight_g"], components)


async def insert(con: asyncpg.Connection, products: Sequence[Product]) -> set[str]:
    """Ids of those that went in; one whose slug somebody took meanwhile stays out. Variants follow by themselves."""
    rows = await con.fetch(
        "INSERT INTO product (id, category_id, brand, title, slug, keywords, attributes, media, details, role, "
        "created_at, version, event_seq) SELECT id, category_id, brand, title::jsonb, slug, "
        "ARRAY(SELECT jsonb_array_elements_text(keywords::jsonb)), attributes::jsonb, media::jsonb, details::jsonb, "
        "role, created_at, version, event_seq FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], "
        "$6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::bigint[], "
        "$13::bigint[]) AS t(id, category_id, brand, title, slug, keywords, attributes, media, details, role, "
        "created_at, version, event_seq) ORDER BY slug ON CONFLICT (slug) DO NOTHING RETURNING id",
        [one.id for one in products],
        [one.category_id for one in products],
        [one.brand for one in products],
        [dump(one.title) for one in products],
        [one.slug for one in products],
        [dump(list(one.keywords)) for one in products],
        [dump(one.attributes) for one in products],
        [dump([asdict(media) for media in one.media]) for one in products],
        [dump([asdict(detail) for detail in one.details]) for one in products],
        [one.role for one in products],
        [one.created_at for one in products],
        [one.version for one in products],
        [one.event_seq for one in products],
    )
    return {row["id"] for row in rows}


async def insert_variants(con: asyncpg.Connection, variants: Sequence[tuple[str, int, Variant]]) -> set[str]:
    """`variants`: (product, position, variant). The skus that went in; one that somebody took meanwhile stays out."""
    rows = await con.fetch(
        "INSERT INTO variant (sku, product_id, position, gtin, options, option_key, weight_g, components) "
        "SELECT sku, product_id, position, gtin, options::jsonb, option_key, weight_g, components::jsonb "
        "FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], "
        "$8::text[]) AS t(sku, product_id, position, gtin, options, option_key, weight_g, components) "
        "ORDER BY sku ON CONFLICT (sku) DO NOTHING RETURNING sku",
        [one.sku for _, _, one in variants],
        [product_id for product_id, _, _ in variants],
        [position for _, position, _ in variants],
        [one.gtin for _, _, one in variants],
        [dump(one.options) for _, _, one in variants],
        [option_key(one.options) for _, _, one in variants],
        [one.weight_g for _, _, one in variants],
        [dump([asdict(part) for part in one.components]) for _, _, one in variants],
    )
    return {row["sku"] for row in rows}


async def update(con: asyncpg.Connection, product: Product) -> None:
    """The product's own row; slug and creation stay."""
    await con.execute(
        "UPDATE product SET category_id = $2, brand = $3, title = $4::text::jsonb, keywords = $5, "
        "attributes = $6::text::jsonb, media = $7::text::jsonb, details = $8::text::jsonb, role = $9, version = $10, "
        "event_seq = $11 WHERE id = $1",
        product.id,
        product.category_id,
        product.brand,
        dump(product.title),
        list(product.keywords),
        dump(product.attributes),
        dump([asdict(one) for one in product.media]),
        dump([asdict(one) for one in product.details]),
        product.role,
        product.version,
        product.event_seq,
    )


async def update_variant(con: asyncpg.Connection, variant: Variant) -> None:
    await con.execute(
        "UPDATE variant SET gtin = $2, weight_g = $3 WHERE sku = $1", variant.sku, variant.gtin, variant.weight_g
    )


async def lock(con: asyncpg.Connection, product_id: str) -> Product | None:
    """The product and its variants; whoever adds a variant holds this lock."""
    row = await con.fetchrow(f"SELECT {COLUMNS} FROM product WHERE id = $1 FOR NO KEY UPDATE", product_id)  # noqa: S608
    return _product(row, (await _variants_of(con, [product_id])).get(product_id, [])) if row else None


async def by_ids(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, Product]:
    rows = await con.fetch(f"SELECT {COLUMNS} FROM product WHERE id = ANY($1::text[])", sorted(ids))  # noqa: S608
    variants = await _variants_of(con, ids)
    return {row["id"]: _product(row, variants.get(row["id"], [])) for row in rows}


async def _variants_of(con: asyncpg.Connection, ids: Collection[str]) -> dict[str, list[Variant]]:
    rows = await con.fetch(
        "SELECT product_id, sku, gtin, options::text AS options, weight_g, components::text AS components "
        "FROM variant WHERE product_id = ANY($1::text[]) ORDER BY product_id, position, sku",
        sorted(ids),
    )
    found: dict[str, list[Variant]] = {}
    for row in rows:
        found.setdefault(row["product_id"], []).append(_variant(row))
    return found


async def page(con: asyncpg.Connection, *, category_id: str | None, after: str, limit: int) -> list[Product]:
    asked = Conditions()
    asked.add("id > {}", after)
    if category_id is not None:
        asked.add("category_id = {}", category_id)
    rows = await con.fetch(
        f"SELECT {COLUMNS} FROM product {asked.where} ORDER BY id LIMIT {asked.place(limit)}",  # noqa: S608
        *asked.values,
    )
    variants = await _variants_of(con, [row["id"] for row in rows])
    return [_product(row, variants.get(row["id"], [])) for row in rows]


async def skus_known(con: asyncpg.Connection, skus: Collection[str]) -> dict[str, bool]:
    """{sku: whether it is a bundle} of those that exist."""
    rows = await con.fetch(
        "SELECT sku, components <> '[]'::jsonb AS bundle FROM variant WHERE sku = ANY($1::text[])", sorted(skus)
    )
    return {row["sku"]: row["bundle"] for row in rows}


async def slugs_taken(con: asyncpg.Connection, slugs: Collection[str]) -> set[str]:
    rows = await con.fetch("SELECT slug FROM product WHERE slug = ANY($1::text[])", sorted(slugs))
    return {row["slug"] for row in rows}


async def products_of_skus(con: asyncpg.Connection, skus: Collection[str]) -> set[str]:
    rows = await con.fetch("SELECT DISTINCT product_id FROM variant WHERE sku = ANY($1::text[])", sorted(skus))
    return {row["product_id"] for row in rows}
