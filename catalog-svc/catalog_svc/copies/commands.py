"""Keeping the copies. Of several words about the same thing in one batch only the latest is written."""

from collections.abc import Sequence
from typing import TypeVar

from catalog_svc.copies import store
from catalog_svc.copies.store import PriceRow, Stamp
from svc_contracts.events.campaign import (
    PromotionAvailable,
    PromotionChanged,
    PromotionExhausted,
    PromotionPriceChanged,
)
from svc_contracts.events.stock import StockLevelChanged, WarehouseChanged
from svc_kit.consumer import Received
from svc_kit.transaction import Tx

K = TypeVar("K")
R = TypeVar("R", bound=tuple[object, ...])


def _keep(latest: dict[K, R], key: K, row: R) -> None:
    """The stamp is a row's last member."""
    if key not in latest or row[-1] > latest[key][-1]:  # type: ignore[operator]
        latest[key] = row


async def keep_stock(tx: Tx, events: Sequence[Received]) -> None:
    """Warehouses and levels."""
    warehouses: dict[str, tuple[str, Sequence[str], str, Stamp]] = {}
    levels: dict[str, tuple[str, str, int, str, Stamp]] = {}
    for received in events:
        event, stamp = received.event, (received.timeline, received.seq)
        if isinstance(event, WarehouseChanged):
            _keep(warehouses, event.code, (event.code, event.channels, event.state, stamp))
        elif isinstance(event, StockLevelChanged):
            row = (event.sku, event.warehouse, event.available, event.availability, stamp)
            _keep(levels, event.key, row)
    if warehouses:
        await store.upsert_warehouses(tx.con, list(warehouses.values()))
    if levels:
        await store.upsert_levels(tx.con, list(levels.values()))


async def keep_promotions(tx: Tx, events: Sequence[Received]) -> None:
    """Promotion prices, and whether their promotions give anything. States go one by one: each tells only a part."""
    prices: dict[tuple[str, str], PriceRow] = {}
    for received in events:
        event, stamp = received.event, (received.timeline, received.seq)
        match event:
            case PromotionPriceChanged():
                for one in event.skus:
                    row = (event.promotion_id, one.sku, event.shop, one.amount_minor, one.from_, one.until, stamp)
                    _keep(prices, (event.promotion_id, one.sku), row)
            case PromotionChanged():
                await store.upsert_promotion_states(
                    tx.con, [(event.promotion_id, event.state == "active", None, stamp)]
                )
            case PromotionExhausted() | PromotionAvailable():
                is_over = isinstance(event, PromotionExhausted)
                await store.upsert_promotion_states(tx.con, [(event.promotion_id, None, is_over, stamp)])
            case _:
                continue
    if prices:
        await store.upsert_promotion_prices(tx.con, list(prices.values()))
