"""Which event leads to which command."""

from collections.abc import Sequence

from metrics_svc.copies.commands import keep_products, keep_shops
from metrics_svc.facts.commands import record_orders
from metrics_svc.facts.traffic import record_traffic
from svc_contracts.events.catalog import ProductChanged, ShopChanged
from svc_contracts.events.order import OrderPaid, OrderPlaced, OrderRefunded, OrderRejected
from svc_contracts.events.traffic import CartAdded, CheckoutStarted, PageViewed
from svc_kit.consumer import Consumer, Received
from svc_kit.transaction import Tx


async def project(tx: Tx, events: Sequence[Received]) -> None:
    """Copies of shops and products, then the facts of orders."""
    await keep_shops(tx, events)
    await keep_products(tx, events)
    await record_orders(tx, events)


PROJECT = Consumer(
    group="metrics-project",
    deciding=False,
    handles=(ShopChanged, ProductChanged, OrderPlaced, OrderPaid, OrderRejected, OrderRefunded),
    handle=project,
)
# No inbox: what a visitor did has an id of its own, and the fact's key counts it once.
TRAFFIC = Consumer(
    group="metrics-traffic",
    deciding=False,
    handles=(PageViewed, CartAdded, CheckoutStarted),
    handle=record_traffic,
    inbox=False,
)
