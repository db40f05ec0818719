"""Pieces that the bodies of several rooms are made of."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from svc_contracts.events.base import Sku
from svc_contracts.money import Money

TEXT_LENGTH_MAX = 200
LONG_TEXT_LENGTH_MAX = 5_000
ITEMS_MAX = 200
AMOUNT_MINOR_MAX = 10**12


def _one_at_least(text: dict[str, str]) -> dict[str, str]:
    if not text:
        raise ValueError("give the words in zh, en or both")
    return text


def _not_negative(amount: Money) -> Money:
    if not 0 <= amount.amount_minor <= AMOUNT_MINOR_MAX:
        raise ValueError(f"amount_minor lies between 0 and {AMOUNT_MINOR_MAX}")
    return amount


Language = Annotated[str, StringConstraints(pattern=r"^(zh|en)$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LENGTH_MAX, strip_whitespace=True)]
LongWords = Annotated[str, StringConstraints(min_length=1, max_length=LONG_TEXT_LENGTH_MAX, strip_whitespace=True)]
Names = Annotated[dict[Language, Words], AfterValidator(_one_at_least)]
Texts = Annotated[dict[Language, LongWords], AfterValidator(_one_at_least)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$", max_length=64)]
ShopSlug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=40)]
Amount = Annotated[Money, AfterValidator(_not_negative)]
Version = Annotated[int, Field(ge=1)]


__all__ = [
    "ITEMS_MAX",
    "Amount",
    "Code",
    "Language",
    "LongWords",
    "Names",
    "ShopSlug",
    "Sku",
    "Texts",
    "Version",
    "Words",
]
