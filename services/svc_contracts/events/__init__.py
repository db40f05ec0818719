"""Every event of the suite, by type. `EVENTS["order.placed"]` is `OrderPlaced`."""

from svc_contracts.events import campaign, catalog, order, stock, traffic
from svc_contracts.events.base import Event


def _leaves(root: type[Event]) -> list[type[Event]]:
    found: list[type[Event]] = []
    for child in root.__subclasses__():
        found += _leaves(child)
        if "type" in vars(child):
            found.append(child)
    return found


EVENTS: dict[str, type[Event]] = {event.type: event for event in sorted(_leaves(Event), key=lambda e: e.type)}

__all__ = ["EVENTS", "Event", "campaign", "catalog", "order", "stock", "traffic"]
