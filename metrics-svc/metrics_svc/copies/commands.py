"""Keeping the copies."""

from collections.abc import Iterable, Sequence

from metrics_svc.copies import store
from svc_contracts.events.catalog import ProductChanged, ShopChanged
from svc_kit.consumer import Poison, Received
from svc_kit.transaction import Tx


async def keep_shops(tx: Tx, events: Sequence[Received]) -> None:
    """The latest word about each shop. Raises Poison for a time zone in which no day could be counted."""
    latest: dict[str, store.Shop] = {}
    for received in events:
        event = received.event
        if isinstance(event, ShopChanged):
            row = (event.shop, event.channel, event.currency, event.time_zone, received.timeline, received.seq)
            latest[event.shop] = max(latest.get(event.shop, row), row, key=lambda shop: shop[4:])
    if latest:
        await _require_zones(tx, {shop[3] for shop in latest.values()})
        await store.upsert_shops(tx.con, [latest[shop] for shop in sorted(latest)])


async def _require_zones(tx: Tx, zones: Iterable[str]) -> None:
    """One unknown zone in the copy would fail every question about its shop."""
    zones = set(zones)
    for zone in sorted(zones - await store.zones_in_use(tx.con, zones)):
        if not await store.knows_zone(tx.con, zone):
            raise Poison("unknown time zone")


async def keep_products(tx: Tx, events: Sequence[Received]) -> None:
    """The leaf category of each product, as it is now."""
    latest: dict[str, store.Product] = {}
    for received in events:
        event = received.event
        if isinstance(event, ProductChanged):
            leaf = event.category_path[-1] if event.category_path else event.category_id
            row = (event.product_id, leaf, received.timeline, received.seq)
            latest[event.product_id] = max(latest.get(event.product_id, row), row, key=lambda product: product[2:])
    if latest:
        await store.upsert_products(tx.con, [latest[product] for product in sorted(latest)])
