"""What a product is made of, and what is wrong with one. Pure: what exists elsewhere is given."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

VARIANTS_MAX = 100
COMPONENTS_MAX = 20
SLUG_LENGTH_MAX = 80
SLUG_PATTERN = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
MEDIA_PATTERN = r"^(/media/[0-9a-f]{64}|https://[^\s\"<>]{1,500})$"

Role = Literal["hero", "traffic", "profit", "support"]


@dataclass(frozen=True, slots=True)
class Media:
    url: str
    alt: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Detail:
    """`kind`: description, features, material, specifications, usage or cautions."""

    kind: str
    text: dict[str, str]


@dataclass(frozen=True, slots=True)
class Component:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Variant:
    sku: str
    options: dict[str, str] = field(default_factory=dict)
    gtin: str | None = None
    weight_g: int | None = None
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    id: str
    category_id: str
    brand: str | None
    title: dict[str, str]
    slug: str
    keywords: tuple[str, ...]
    attributes: dict[str, Any]
    media: tuple[Media, ...]
    details: tuple[Detail, ...]
    role: Role | None
    created_at: datetime
    version: int
    event_seq: int
    variants: tuple[Variant, ...] = ()


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong in what was given; `pointer` is relative to the product."""

    pointer: str
    code: str
    en: str
    zh: str


def slug_of(title: dict[str, str], tail: str) -> str:
    """Readable where the title has Latin words, always unique by the `tail`."""
    latin = re.sub(r"[^a-z0-9]+", "-", title.get("en", "").lower()).strip("-")[: SLUG_LENGTH_MAX - len(tail) - 1]
    return f"{latin.strip('-')}-{tail}" if latin else tail


def option_key(options: dict[str, str]) -> str:
    """The same for the same options, whatever their order; unique within a product."""
    return "\x1f".join(f"{key}\x1e{options[key]}" for key in sorted(options))


def gtin_is_valid(gtin: str) -> bool:
    """GS1 General Specifications §7.9: weights 3 and 1 from the right, the check digit makes a multiple of ten."""
    if len(gtin) not in (8, 12, 13, 14) or not (gtin.isascii() and gtin.isdigit()):
        return False
    return sum(int(digit) * (3 if n % 2 else 1) for n, digit in enumerate(reversed(gtin))) % 10 == 0


def variant_flaws(variants: Sequence[Variant], *, first: int = 0) -> list[Flaw]:
    """What is wrong among a product's variants: those before `first` stand already and are not blamed."""
    flaws: list[Flaw] = []
    skus = Counter(variant.sku for variant in variants[:first])
    chosen = Counter(option_key(variant.options) for variant in variants[:first])
    keys = set(variants[0].options) if variants else set()
    for n, variant in enumerate(variants[first:]):
        at = f"/variants/{n}"
        if skus[variant.sku]:
            flaws.append(Flaw(f"{at}/sku", "repeated-sku", f"{variant.sku} comes twice", f"{variant.sku} 重复"))
        if set(variant.options) != keys:
            flaws.append(
                Flaw(f"{at}/options", "other-options", "All variants have the same options", "各规格的选项名须一致")
            )
        elif chosen[option_key(variant.options)]:
            flaws.append(
                Flaw(f"{at}/options", "repeated-options", "Another variant has these options", "该规格组合已存在")
            )
        if variant.gtin is not None and not gtin_is_valid(variant.gtin):
            flaws.append(Flaw(f"{at}/gtin", "wrong-gtin", "The check digit does not fit", "条码校验位不正确"))
        skus[variant.sku] += 1
        chosen[option_key(variant.options)] += 1
    return flaws


def component_flaws(variants: Sequence[Variant], plain_skus: frozenset[str]) -> list[Flaw]:
    """Components that are not plain skus: unknown ones, bundles, the bundle itself. `plain_skus` are not bundles."""
    return [
        Flaw(
            f"/variants/{n}/components/{m}/sku",
            "unknown-component",
            f"{part.sku} is no sku that a bundle may consist of",
            f"{part.sku} 不是可组成套装的 SKU",
        )
        for n, variant in enumerate(variants)
        for m, part in enumerate(variant.components)
        if part.sku not in plain_skus or part.sku == variant.sku
    ]


def local_media(media: Sequence[Media]) -> dict[str, str]:
    """{pointer: digest} of the pictures that this service should have."""
    return {
        f"/media/{n}/url": one.url.removeprefix("/media/")
        for n, one in enumerate(media)
        if one.url.startswith("/media/")
    }
