"""An order that is about to be placed, before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from order_svc.orders.rules.order import Order
from svc_contracts.events.base import Components

UNPAID_ORDERS_MAX = 5  # per buyer: unpaid orders hold stock that others would buy


@dataclass(frozen=True, slots=True)
class Line:
    line_id: str
    sku: str
    product_id: str | None
    title: dict[str, str]
    quantity: int
    gross_minor: int
    discount_minor: int
    components: tuple[Components, ...] = ()
    image: str | None = None
    trace: tuple[dict[str, Any], ...] = ()

    @property
    def net_minor(self) -> int:
        return self.gross_minor - self.discount_minor


@dataclass(frozen=True, slots=True)
class NewOrder:
    """The row with its lines. `fingerprint`: what a channel sent, to tell a repetition from a change."""

    order: Order
    lines: tuple[Line, ...]
    quote_id: str | None = None
    delivery_method: str | None = None
    remark: str | None = None
    fingerprint: str | None = None


def bundles_of(lines: Sequence[Line]) -> dict[str, dict[str, int]]:
    """{line: {component sku: units per unit of the line}} of the lines that are bundles."""
    found: dict[str, dict[str, int]] = {}
    for line in lines:
        parts: dict[str, int] = {}
        for part in line.components:
            parts[part.sku] = parts.get(part.sku, 0) + part.quantity
        if parts:
            found[line.line_id] = parts
    return found
