"""Keeping the copies."""

from collections.abc import Sequence

from inventory_svc.copies import store
from svc_contracts.events.catalog import ShopChanged
from svc_kit.consumer import Received
from svc_kit.transaction import Tx


async def keep_shops(tx: Tx, events: Sequence[Received]) -> None:
    """The latest word about each shop."""
    latest: dict[str, tuple[str, str, str, int, int]] = {}
    for received in events:
        event = received.event
        if isinstance(event, ShopChanged):
            row = (event.shop, event.channel, event.state, received.timeline, received.seq)
            latest[event.shop] = max(latest.get(event.shop, row), row, key=lambda shop: shop[3:])
    if latest:
        await store.upsert_shops(tx.con, [latest[shop] for shop in sorted(latest)])
