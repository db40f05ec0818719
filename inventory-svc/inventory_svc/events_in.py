"""Which event leads to which command."""

from collections.abc import Sequence

from inventory_svc.copies.commands import keep_shops
from inventory_svc.fulfilment.commands.issuing import issue, recall
from inventory_svc.reservations.commands import ENDS, reserve_orders
from svc_contracts.events.catalog import ShopChanged
from svc_contracts.events.order import OrderConfirmed, OrderPlaced
from svc_kit.consumer import Consumer, Received
from svc_kit.transaction import Tx


async def decide(tx: Tx, events: Sequence[Received]) -> None:
    """order.placed, confirmed and every end of an order, as one batch: orders first, then levels, then fulfilments."""
    settled = await reserve_orders(tx, events)
    await recall(tx, settled.recall)
    await issue(tx, settled.issue)


DECIDE = Consumer(group="inventory-decide", deciding=True, handles=(OrderPlaced, OrderConfirmed, *ENDS), handle=decide)
PROJECT = Consumer(group="inventory-project", deciding=False, handles=(ShopChanged,), handle=keep_shops)
