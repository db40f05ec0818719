"""Keeping the copies."""

from collections.abc import Sequence
from typing import TypeVar

from order_svc.copies import store
from order_svc.copies.desk import desk_of
from svc_contracts.events import Event
from svc_contracts.events.campaign import PromotionAvailable, PromotionChanged, PromotionExhausted
from svc_contracts.events.catalog import ListingChanged, ShopChanged
from svc_contracts.events.stock import StockLevelChanged, WarehouseChanged
from svc_kit.consumer import Received
from svc_kit.transaction import Tx

E = TypeVar("E", bound=Event)
HANDLED = (
    ShopChanged,
    ListingChanged,
    WarehouseChanged,
    StockLevelChanged,
    PromotionChanged,
    PromotionExhausted,
    PromotionAvailable,
)


async def keep(tx: Tx, events: Sequence[Received]) -> None:
    """The latest word about each thing, in order of keys so that two batches never wait for each other in a circle."""
    if shops := _latest(events, ShopChanged):
        await store.upsert_shops(tx.con, shops)
    if offers := _latest(events, ListingChanged):
        await store.upsert_offers(tx.con, offers)
    if warehouses := _latest(events, WarehouseChanged):
        await store.upsert_warehouses(tx.con, warehouses)
    if levels := _latest(events, StockLevelChanged):
        await store.upsert_levels(tx.con, levels)
    if promotions := _latest(events, PromotionChanged):
        await store.upsert_promotions(tx.con, promotions)
    ends = [*_latest(events, PromotionExhausted), *_latest(events, PromotionAvailable)]
    if ends:
        last: dict[str, tuple[str, bool, int, int]] = {}
        for event, timeline, seq in sorted(ends, key=lambda one: one[1:]):
            last[event.key] = (event.key, isinstance(event, PromotionExhausted), timeline, seq)
        await store.mark_exhausted(tx.con, [last[key] for key in sorted(last)])
    if shops or offers or warehouses or promotions or ends:
        await store.raise_mark(tx.con)
        tx.after_commit(desk_of(tx.db).look_again)


def _latest(events: Sequence[Received], kind: type[E]) -> list[tuple[E, int, int]]:
    found: dict[str, tuple[E, int, int]] = {}
    for received in events:
        if not isinstance(received.event, kind):
            continue
        known = found.get(received.key)
        if known is None or known[1:] < (received.timeline, received.seq):
            found[received.key] = (received.event, received.timeline, received.seq)
    return [found[key] for key in sorted(found)]
