"""How a product is refused."""

from collections.abc import Iterable

from catalog_svc.products.rules import Flaw
from svc_kit.refusals import Fault, Refusal


class SkuTaken(Refusal):
    slug, status = "sku-taken", 409
    title = {"en": "This sku is already in use", "zh": "SKU 已被占用"}


class SlugTaken(Refusal):
    slug, status = "slug-taken", 409
    title = {"en": "This slug is already in use", "zh": "商品链接名已被占用"}


def faults_of(flaws: Iterable[Flaw], at: str) -> list[Fault]:
    return [Fault(pointer=at + flaw.pointer, code=flaw.code, en=flaw.en, zh=flaw.zh) for flaw in flaws]


def sku_taken(taken: Iterable[tuple[str, str]]) -> SkuTaken:
    """`taken`: (pointer, sku)."""
    return SkuTaken(
        [
            Fault(pointer=pointer, code="sku-taken", en=f"{sku} is in use", zh=f"{sku} 已被占用", sku=sku)
            for pointer, sku in taken
        ]
    )


def slug_taken(at: str, slug: str) -> SlugTaken:
    return SlugTaken([Fault(pointer=f"{at}/slug", code="slug-taken", en=f"{slug} is in use", zh=f"{slug} 已被占用")])
