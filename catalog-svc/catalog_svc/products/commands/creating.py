"""Products come in, one or many: each is taken or refused by itself, all with a handful of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from catalog_svc.categories import queries as categories
from catalog_svc.categories.rules import Category, definitions_of, misfits
from catalog_svc.media.queries import known_digests
from catalog_svc.products import store
from catalog_svc.products.commands.refusals import faults_of, sku_taken, slug_taken
from catalog_svc.products.events import changed
from catalog_svc.products.rules import (
    Detail,
    Flaw,
    Media,
    Product,
    Role,
    Variant,
    component_flaws,
    local_media,
    slug_of,
    variant_flaws,
)
from svc_kit.refusals import Refusal, ValidationFailed
from svc_kit.transaction import Tx


@dataclass(frozen=True, slots=True)
class NewProduct:
    """`at` is where the product stands in what was sent: the pointers of its faults begin there."""

    category_id: str
    title: dict[str, str]
    brand: str | None = None
    slug: str | None = None
    keywords: tuple[str, ...] = ()
    attributes: Mapping[str, Any] | None = None
    media: tuple[Media, ...] = ()
    details: tuple[Detail, ...] = ()
    role: Role | None = None
    variants: tuple[Variant, ...] = ()
    at: str = ""


@dataclass(slots=True)
class Known:
    """What the items are held against; skus and slugs grow as items are taken."""

    categories: dict[str, Category]
    skus: dict[str, bool]
    slugs: set[str]
    digests: set[str]


async def create_products(tx: Tx, items: Sequence[NewProduct]) -> list[Product | Refusal]:
    """In the order of the items. Effects: product.changed of those taken.

    Raises: SkuTaken or SlugTaken for all where another transaction took one in this very moment.
    """
    known = await _known(tx, items)
    outcomes = [_decide(tx, item, known) for item in items]
    taken = [one for one in outcomes if isinstance(one, Product)]
    if taken:
        await _write(tx, taken)
    for product in taken:
        tx.emit(changed(product, known.categories[product.category_id].path), seq=product.event_seq)
    return outcomes


async def _known(tx: Tx, items: Sequence[NewProduct]) -> Known:
    variants = [variant for item in items for variant in item.variants]
    skus = {variant.sku for variant in variants} | {part.sku for one in variants for part in one.components}
    digests = {digest for item in items for digest in local_media(item.media).values()}
    return Known(
        categories=await categories.with_lineage(tx.con, {item.category_id for item in items}),
        skus=await store.skus_known(tx.con, skus),
        slugs=await store.slugs_taken(tx.con, {item.slug for item in items if item.slug}),
        digests=await known_digests(tx.con, digests),
    )


def _decide(tx: Tx, item: NewProduct, known: Known) -> Product | Refusal:
    flaws = [
        *content_flaws(item.category_id, item.attributes or {}, item.media, known.categories, known.digests),
        *variant_flaws(item.variants),
        *component_flaws(item.variants, frozenset(sku for sku, is_bundle in known.skus.items() if not is_bundle)),
    ]
    if flaws:
        return ValidationFailed(faults_of(flaws, item.at))
    if taken := [(n, variant.sku) for n, variant in enumerate(item.variants) if variant.sku in known.skus]:
        return sku_taken((f"{item.at}/variants/{n}/sku", sku) for n, sku in taken)
    product_id = tx.ids.new("prd")
    slug = item.slug or slug_of(item.title, product_id[-10:])
    if slug in known.slugs:
        return slug_taken(item.at, slug)
    known.slugs.add(slug)
    known.skus.update({variant.sku: bool(variant.components) for variant in item.variants})
    return Product(
        id=product_id,
        category_id=item.category_id,
        brand=item.brand,
        title=item.title,
        slug=slug,
        keywords=item.keywords,
        attributes=dict(item.attributes or {}),
        media=item.media,
        details=item.details,
        role=item.role,
        created_at=tx.now,
        version=1,
        event_seq=1,
        variants=item.variants,
    )


def content_flaws(
    category_id: str,
    attributes: Mapping[str, Any],
    media: Sequence[Media],
    known: Mapping[str, Category],
    digests: set[str],
) -> list[Flaw]:
    """What is wrong with a product beside its variants."""
    flaws = [
        Flaw(pointer, "unknown-media", "No such picture was uploaded", "图片未上传")
        for pointer, digest in local_media(media).items()
        if digest not in digests
    ]
    if category_id not in known:
        flaws.append(
            Flaw(
                "/category_id", "unknown-category", f"There is no category {category_id}", f"类目 {category_id} 不存在"
            )
        )
        return flaws
    for misfit in misfits(definitions_of(category_id, known), attributes):
        if misfit.why == "unknown":
            words = ("The category has no such attribute", "类目没有该属性")
        else:
            words = ("The value does not fit the attribute's type", "属性值与类型不符")
        flaws.append(Flaw(f"/attributes/{misfit.key}", f"attribute-{misfit.why.replace('_', '-')}", *words))
    return flaws


async def _write(tx: Tx, products: Sequence[Product]) -> None:
    went_in = await store.insert(tx.con, products)
    for product in products:
        if product.id not in went_in:
            raise slug_taken("", product.slug)
    rows = [(one.id, n, variant) for one in products for n, variant in enumerate(one.variants)]
    skus = await store.insert_variants(tx.con, rows)
    if lost := [(n, variant.sku) for _, n, variant in rows if variant.sku not in skus]:
        raise sku_taken((f"/variants/{n}/sku", sku) for n, sku in lost)


async def create_product(tx: Tx, item: NewProduct) -> Product:
    """Raises ValidationFailed, SkuTaken, SlugTaken. Effects: product.changed."""
    [outcome] = await create_products(tx, [replace(item, at="")])
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome
