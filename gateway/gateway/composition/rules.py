"""How parts become a page: the required one decides, the others may be missing and are then named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROMOTIONS, DELIVERY = "promotions", "delivery_promise"


@dataclass(frozen=True, slots=True)
class Part:
    """`value`: what it brought, also nothing; `available`: False where nobody answered in time."""

    value: Any = None
    available: bool = True


UNAVAILABLE = Part(available=False)


def product_page(required: Mapping[str, Any], promotions: Part, delivery: Part) -> dict[str, Any]:
    parts = {PROMOTIONS: promotions, DELIVERY: delivery}
    return {
        "product": required["product"],
        "variants": required["variants"],
        PROMOTIONS: promotions.value["items"] if promotions.value else [],
        DELIVERY: delivery.value,
        "unavailable_parts": sorted(name for name, part in parts.items() if not part.available),
    }


def first_sku(required: Mapping[str, Any]) -> str | None:
    """Whose delivery is promised where nobody chose: the first variant that can be had, else the first."""
    variants = required["variants"]
    chosen = next((one for one in variants if one["availability"] != "sold_out"), variants[0] if variants else None)
    return None if chosen is None else str(chosen["sku"])
