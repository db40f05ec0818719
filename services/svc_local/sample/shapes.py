"""The shapes of the sample shop's data: categories, goods, variants. Amounts in fen."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Variant:
    """`code` is appended to the product's; `units` is what the warehouse receives."""

    code: str
    price_minor: int
    options: dict[str, str] = field(default_factory=dict)
    units: int = 60
    weight_g: int = 300


@dataclass(frozen=True, slots=True)
class Goods:
    """`picture`: a motif of pictures.py and its two colours."""

    code: str
    slug: str
    zh: str
    en: str
    about_zh: str
    about_en: str
    keywords: tuple[str, ...]
    attributes: dict[str, Any]
    picture: tuple[str, str, str]
    variants: tuple[Variant, ...]
    brand: str | None = None


@dataclass(frozen=True, slots=True)
class Category:
    """`attributes` as POST /v1/admin/categories takes them."""

    key: str
    zh: str
    en: str
    attributes: tuple[dict[str, Any], ...]
    goods: tuple[Goods, ...]


def variants(axis: str, *rows: tuple[str, str, int], units: int = 60, weight_g: int = 300) -> tuple[Variant, ...]:
    """One axis of options. `rows`: (code, value, price)."""
    return tuple(Variant(code, price, {axis: value}, units, weight_g) for code, value, price in rows)


def single(price_minor: int, *, units: int = 60, weight_g: int = 300) -> tuple[Variant, ...]:
    """A product without a choice."""
    return (Variant("1", price_minor, {}, units, weight_g),)


def choice(key: str, *values: str, required: bool = True) -> dict[str, Any]:
    return {"key": key, "input": "choice", "required": required, "filterable": True, "values": list(values)}
