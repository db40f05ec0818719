"""Changing a product that stands, and giving it more variants. What is live must still pass the gate afterwards."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from catalog_svc.categories import queries as categories
from catalog_svc.listings.commands.announcing import announce_products
from catalog_svc.media.queries import known_digests
from catalog_svc.products import store
from catalog_svc.products.commands.creating import content_flaws
from catalog_svc.products.commands.refusals import faults_of, sku_taken
from catalog_svc.products.events import changed
from catalog_svc.products.rules import (
    VARIANTS_MAX,
    Flaw,
    Product,
    Variant,
    component_flaws,
    gtin_is_valid,
    local_media,
    variant_flaws,
)
from svc_kit.refusals import NotFound, ValidationFailed
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


async def change_product(tx: Tx, product_id: str, *, version: int, changes: Mapping[str, Any]) -> Product:
    """Raises NotFound, StaleVersion, ValidationFailed, GateBlocked. Effects: product.changed, listing.changed."""
    product = replace(await _lock(tx, product_id, version), **changes)
    known = await categories.with_lineage(tx.con, [product.category_id])
    digests = await known_digests(tx.con, set(local_media(product.media).values()))
    if flaws := content_flaws(product.category_id, product.attributes, product.media, known, digests):
        raise ValidationFailed(faults_of(flaws, ""))
    return await _write(tx, product)


async def add_variant(tx: Tx, product_id: str, variant: Variant) -> Product:
    """Raises NotFound, ValidationFailed, SkuTaken, GateBlocked. Effects: product.changed, listing.changed."""
    product = await _lock(tx, product_id, None)
    named = {variant.sku, *(part.sku for part in variant.components)}
    skus = await store.skus_known(tx.con, named)
    flaws = [
        *variant_flaws([*product.variants, variant], first=len(product.variants)),
        *component_flaws([variant], frozenset(sku for sku, is_bundle in skus.items() if not is_bundle)),
    ]
    if len(product.variants) >= VARIANTS_MAX:
        flaws.append(Flaw("", "too-many-variants", f"{VARIANTS_MAX} variants at most", f"规格最多 {VARIANTS_MAX} 个"))
    if variant.sku in skus:
        raise sku_taken([("/sku", variant.sku)])
    if flaws:
        raise ValidationFailed(faults_of([_of_one(flaw) for flaw in flaws], ""))
    if not await store.insert_variants(tx.con, [(product_id, len(product.variants), variant)]):
        raise sku_taken([("/sku", variant.sku)])
    return await _write(tx, replace(product, variants=(*product.variants, variant)))


async def change_variant(tx: Tx, product_id: str, sku: str, *, version: int, changes: Mapping[str, Any]) -> Product:
    """gtin and weight; options and components are what the sku means and never change. `version`: the product's."""
    product = await _lock(tx, product_id, version)
    variant = next((one for one in product.variants if one.sku == sku), None)
    if variant is None:
        raise NotFound()
    variant = replace(variant, **changes)
    if variant.gtin is not None and not gtin_is_valid(variant.gtin):
        flaw = Flaw("/gtin", "wrong-gtin", "The check digit does not fit", "条码校验位不正确")
        raise ValidationFailed(faults_of([flaw], ""))
    await store.update_variant(tx.con, variant)
    return await _write(tx, replace(product, variants=tuple(variant if v.sku == sku else v for v in product.variants)))


def _of_one(flaw: Flaw) -> Flaw:
    """One variant is the whole body: its pointers begin at the root."""
    return replace(flaw, pointer=flaw.pointer.removeprefix("/variants/0"))


async def _lock(tx: Tx, product_id: str, version: int | None) -> Product:
    product = await store.lock(tx.con, product_id)
    if product is None:
        raise NotFound()
    if version is not None:
        require_version(product.version, version)
    return product


async def _write(tx: Tx, product: Product) -> Product:
    product = replace(product, version=product.version + 1, event_seq=product.event_seq + 1)
    await store.update(tx.con, product)
    known = await categories.with_lineage(tx.con, [product.category_id])
    tx.emit(changed(product, known[product.category_id].path), seq=product.event_seq)
    await announce_products(tx, [product.id])
    return product
