"""Pieces that the bodies of several rooms are made of."""

from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from svc_contracts.money import Money
from svc_kit.doors import Body

TEXT_LENGTH_MAX = 200
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
Names = Annotated[dict[Language, Words], AfterValidator(_one_at_least)]
ShopSlug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=40)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
AmountMinor = Annotated[int, Field(ge=1, le=AMOUNT_MINOR_MAX)]
Amount = Annotated[Money, AfterValidator(_not_negative)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Version = Annotated[int, Field(ge=1)]


class Window(Body):
    """From when (inclusive) until when (exclusive); without an end it stands until somebody ends it."""

    model_config = ConfigDict(populate_by_name=True)

    from_: AwareDatetime | None = Field(default=None, alias="from")
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def has_a_length(self) -> Self:
        if self.from_ is not None and self.until is not None and self.from_ >= self.until:
            raise ValueError("it would end before it begins")
        return self


class Versioned(Body):
    version: Version


__all__ = ["Amount", "AmountMinor", "Count", "Id", "Names", "ShopSlug", "Version", "Versioned", "Window", "Words"]
