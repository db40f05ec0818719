"""Which fact about an order becomes which event of the contract."""

from collections.abc import Sequence

from order_svc.orders.rules.order import Order
from order_svc.orders.rules.placing import Line
from svc_contracts.events.base import Region
from svc_contracts.events.order import OrderPlaced, PlacedLine


def placed(order: Order, lines: Sequence[Line]) -> OrderPlaced:
    """Built without validation: every value was validated on its way in, and this is the hot path."""
    return OrderPlaced.model_construct(
        order_id=order.id,
        attempt=order.attempt,
        number=order.number,
        shop=order.shop,
        channel=order.channel,
        external_id=order.external_id,
        person_id=order.person_id,
        visitor_id=order.visitor_id,
        session_id=order.session_id,
        region=region_of(order),
        currency=order.currency,
        lines=[placed_line(line) for line in lines],
        delivery_fee_minor=order.delivery_fee_minor,
        total_minor=order.total_minor,
        payment_method=order.payment_method,
        benefits=list(order.benefits),
        placed_at=order.placed_at,
        received_at=order.received_at,
    )


def region_of(order: Order) -> Region:
    where = order.region
    return Region.model_construct(
        country=where["country"], province=where["province"], city=where["city"], district=where.get("district")
    )


def placed_line(line: Line) -> PlacedLine:
    return PlacedLine.model_construct(
        line_id=line.line_id,
        sku=line.sku,
        product_id=line.product_id,
        quantity=line.quantity,
        components=list(line.components),
        gross_minor=line.gross_minor,
        discount_minor=line.discount_minor,
        net_minor=line.net_minor,
    )
