"""Which event leads to which command."""

from collections.abc import Sequence

from catalog_svc.copies.commands import keep_promotions, keep_stock
from catalog_svc.storefront.commands import count_sales
from svc_contracts.events.campaign import (
    PromotionAvailable,
    PromotionChanged,
    PromotionExhausted,
    PromotionPriceChanged,
)
from svc_contracts.events.order import OrderPlaced, OrderRejected
from svc_contracts.events.stock import StockLevelChanged, WarehouseChanged
from svc_kit.consumer import Consumer, Received
from svc_kit.transaction import Tx


async def project(tx: Tx, events: Sequence[Received]) -> None:
    """Copies of stock and promotions, then what was sold."""
    await keep_stock(tx, events)
    await keep_promotions(tx, events)
    await count_sales(tx, events)


PROJECT = Consumer(
    group="catalog-project",
    deciding=False,
    handles=(
        WarehouseChanged,
        StockLevelChanged,
        PromotionChanged,
        PromotionPriceChanged,
        PromotionExhausted,
        PromotionAvailable,
        OrderPlaced,
        OrderRejected,
    ),
    handle=project,
)
