"""Events of a front end, judged one by one: what is odd is dropped and named, the rest counts."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from svc_contracts.events.base import Sku
from svc_contracts.events.traffic import CartAdded, CheckoutStarted, PageViewed, TrafficEvent

EVENTS_MAX = 500
# A front end that was offline sends late; one whose clock is wrong sends the future.
AGE_MAX = timedelta(days=7)
AHEAD_MAX = timedelta(minutes=5)
UTM_MAX = 10
FAULTS_MAX = 20
BOTS = re.compile(
    r"bot|crawl|spider|slurp|scrap|preview|headless|phantom|selenium|puppeteer|playwright|lighthouse|monitor|"
    r"curl/|wget/|python-|aiohttp|httpx|okhttp|java/|go-http|libwww|axios/|node-fetch|postman|baiduspider|sogou",
    re.IGNORECASE,
)

# Where neither an event nor its batch names one.
SHOP_UNKNOWN = "unknown"

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=64)]
KINDS: Mapping[str, type[TrafficEvent]] = {
    "page_view": PageViewed,
    "add_to_cart": CartAdded,
    "checkout_started": CheckoutStarted,
}


class FrontEndEvent(BaseModel):
    """`id` is the front end's own: sent twice it counts once. `at`: when it happened."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]
    type: Literal["page_view", "add_to_cart", "checkout_started"]
    at: AwareDatetime
    session_id: Text
    shop: Slug = SHOP_UNKNOWN
    product_id: Text | None = None
    sku: Sku | None = None
    url: Annotated[str, StringConstraints(max_length=2_048)] | None = None
    utm: Annotated[
        dict[Text, Annotated[str, StringConstraints(max_length=200)]], Field(default_factory=dict, max_length=UTM_MAX)
    ]


FRONT_END_EVENTS = TypeAdapter(list[FrontEndEvent])


class Click(NamedTuple):
    """One event as it leaves. `value`: a TrafficEvent's data, written without the model: a quarter of the cost."""

    event_id: str
    kind: type[TrafficEvent]
    value: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    pointer: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Visit:
    """Who the events are of. `visitor`: never the raw header."""

    visitor: str
    person_id: str | None
    is_bot: bool


def is_bot(user_agent: str | None) -> bool:
    """People's browsers say who they are."""
    return not user_agent or BOTS.search(user_agent) is not None


def judged(given: Sequence[Any], visit: Visit, *, shop: str | None, now: datetime) -> tuple[list[Click], list[Dropped]]:
    """What counts, and what does not with the first thing that is wrong with each.

    shop: the batch's, for events that name none.
    """
    clicks: list[Click] = []
    valid, dropped = _validated(given)
    for n, event in valid:
        if now - AGE_MAX <= event.at <= now + AHEAD_MAX:
            clicks.append(click_of(event, visit, shop=shop))
        else:
            dropped.append(Dropped(f"/events/{n}/at", "out-of-time", "older than 7 days or in the future"))
    return clicks, sorted(dropped, key=lambda one: int(one.pointer.split("/")[2]))


def _validated(given: Sequence[Any]) -> tuple[list[tuple[int, FrontEndEvent]], list[Dropped]]:
    """All at once where nothing is wrong with any."""
    try:
        return list(enumerate(FRONT_END_EVENTS.validate_python(given))), []
    except ValidationError:
        pass
    valid: list[tuple[int, FrontEndEvent]] = []
    dropped: list[Dropped] = []
    for n, one in enumerate(given):
        try:
            valid.append((n, FrontEndEvent.model_validate(one)))
        except ValidationError as fault:
            dropped.append(_invalid(n, fault))
    return valid, dropped


def click_of(event: FrontEndEvent, visit: Visit, *, shop: str | None) -> Click:
    """The address of the page stays here: it may name people."""
    kind, digest = KINDS[event.type], digest_of(visit.visitor, event.id)
    data = {
        "id": f"evt_{digest}",
        "visitor_id": visit.visitor,
        "session_id": event.session_id,
        "person_id": visit.person_id,
        "shop": event.shop if shop is None or "shop" in event.model_fields_set else shop,
        "product_id": event.product_id,
        "sku": event.sku,
        "utm": event.utm,
        "is_bot": visit.is_bot,
        "at": event.at,
    }
    return Click(event_id_of(digest), kind, orjson.dumps(data, option=orjson.OPT_UTC_Z))


def digest_of(visitor: str, id: str) -> str:
    """32 hexadecimal digits. Ids are unique per visitor: nobody can make another one's events count as seen."""
    return hashlib.sha256(f"{visitor}\n{id}".encode()).hexdigest()[:32]


def event_id_of(digest: str) -> str:
    """A UUID, the same for the same event, however often it is sent (version 8, RFC 9562 §5.8)."""
    variant = "89ab"[int(digest[16], 16) & 0b11]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:]}"


def _invalid(n: int, fault: ValidationError) -> Dropped:
    first = fault.errors(include_url=False, include_input=False, include_context=False)[0]
    steps = "".join(f"/{step}" for step in first["loc"])
    return Dropped(f"/events/{n}{steps}", str(first["type"]).replace("_", "-"), str(first["msg"]))
