"""Keeping the copies."""

from collections.abc import Sequence
from typing import TypeVar

from marketing_svc.copies import store
from svc_contracts.events import Event
from svc_contracts.events.catalog import ListingChanged, ShopChanged
from svc_kit.consumer import Received
from svc_kit.transaction import Tx

E = TypeVar("E", bound=Event)


async def keep(tx: Tx, events: Sequence[Received]) -> set[str]:
    """The latest word about each thing, in order of keys. Returns the shops that something changed in."""
    shops, offers = _latest(events, ShopChanged), _latest(events, ListingChanged)
    if shops:
        await store.upsert_shops(tx.con, shops)
    if offers:
        await store.upsert_offers(tx.con, offers)
    return {event.shop for event, _, _ in shops} | {event.shop for event, _, _ in offers}


def _latest(events: Sequence[Received], kind: type[E]) -> list[tuple[E, int, int]]:
    found: dict[str, tuple[E, int, int]] = {}
    for received in events:
        if not isinstance(received.event, kind):
            continue
        known = found.get(received.key)
        if known is None or known[1:] < (received.timeline, received.seq):
            found[received.key] = (received.event, received.timeline, received.seq)
    return [found[key] for key in sorted(found)]
