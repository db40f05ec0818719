"""What quotes and checkouts are asked with."""

from typing import Annotated

from pydantic import Field, StringConstraints

from svc_contracts.events.base import LINES_MAX, Sku
from svc_kit.doors import Body

QUANTITY_MAX = 1_000_000

Quantity = Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
Place = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
CouponCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
MethodId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class WantedLine(Body):
    sku: Sku
    quantity: Quantity


class WantedRegion(Body):
    country: Place
    province: Place
    city: Place
    district: Place | None = None


Lines = Annotated[list[WantedLine], Field(min_length=1, max_length=LINES_MAX)]
