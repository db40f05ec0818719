"""What an address consists of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Address:
    """`repr` shows nothing: an address must not get into a log by accident."""

    name: str
    phone: str
    country: str
    province: str
    city: str
    district: str | None = None
    street: str | None = None
    postcode: str | None = None
    email: str | None = None

    def __repr__(self) -> str:
        return "Address(…)"

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def missing(self) -> tuple[str, ...]:
        """What a parcel needs beyond what the checkout demands (audit.rules)."""
        return tuple(name for name in ("street", "postcode") if not getattr(self, name))


def address_of(document: Mapping[str, Any]) -> Address:
    return Address(**document)
