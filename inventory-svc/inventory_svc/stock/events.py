"""Which change of a level becomes which event."""

from collections.abc import Iterator
from datetime import datetime

from inventory_svc.stock.rules import Telling
from svc_contracts.events import Event
from svc_contracts.events.stock import StockAlertClosed, StockAlertOpened, StockLevelChanged


def events_of(telling: Telling, at: datetime) -> Iterator[tuple[Event, int]]:
    """The events with their `seq`, ending at the level's new `event_seq`."""
    level = telling.level
    seq = level.event_seq - telling.event_count
    where = {"sku": level.sku, "warehouse": level.warehouse}
    if telling.changed:
        seq += 1
        yield (
            StockLevelChanged(
                **where, on_hand=level.on_hand, available=level.available, availability=level.availability, at=at
            ),
            seq,
        )
    for kind in telling.opened:
        seq += 1
        yield StockAlertOpened(**where, kind=kind, at=at), seq
    for kind in telling.closed:
        seq += 1
        yield StockAlertClosed(**where, kind=kind, at=at), seq
