"""Recording what visitors did. The fact's own key counts it once, however often it is told."""

from collections.abc import Sequence

import orjson

from metrics_svc.facts import visits
from metrics_svc.facts.rules import campaign_of
from svc_contracts.events.traffic import TrafficEvent
from svc_kit.consumer import Received
from svc_kit.transaction import Tx


async def record_traffic(tx: Tx, events: Sequence[Received]) -> None:
    """Without bots. The first telling of an id stays."""
    rows: dict[tuple[str, str], tuple[object, ...]] = {}
    for received in events:
        seen = received.event
        if isinstance(seen, TrafficEvent) and not seen.is_bot:
            rows.setdefault((seen.visitor_id, seen.id), _row(received, seen))
    if rows:
        await visits.insert(tx.con, [rows[key] for key in sorted(rows)])


def _row(received: Received, seen: TrafficEvent) -> tuple[object, ...]:
    kind = seen.type.removeprefix("traffic.")
    about = (seen.shop, seen.session_id, seen.person_id, seen.product_id, seen.sku)
    utm = orjson.dumps(seen.utm).decode()
    return (seen.visitor_id, seen.id, received.event_id, kind, *about, campaign_of(seen.utm), utm, seen.at, received.at)
