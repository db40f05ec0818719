"""traffic.events: what visitors did. No outbox and no sequence; the event's own id makes it count once."""

from typing import ClassVar

from svc_contracts.events.base import At, Event, Sku
from svc_contracts.topics import TRAFFIC, Topic


class TrafficEvent(Event):
    topic: ClassVar[Topic] = TRAFFIC
    key_field: ClassVar[str] = "visitor_id"

    id: str
    visitor_id: str
    session_id: str
    person_id: str | None = None
    shop: str
    product_id: str | None = None
    sku: Sku | None = None
    utm: dict[str, str] = {}
    is_bot: bool = False
    at: At


class PageViewed(TrafficEvent):
    type: ClassVar[str] = "traffic.page_viewed"


class CartAdded(TrafficEvent):
    type: ClassVar[str] = "traffic.cart_added"


class CheckoutStarted(TrafficEvent):
    type: ClassVar[str] = "traffic.checkout_started"
