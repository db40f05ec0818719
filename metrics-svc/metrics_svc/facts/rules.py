"""What a batch of events says about each order, whatever order they came in. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

from svc_contracts.events import Event
from svc_contracts.events.order import OrderPaid, OrderPlaced, OrderRefunded, OrderRejected

E = TypeVar("E", bound=Event, covariant=True)
Stamp = tuple[int, int]  # timeline, sequence within the key


@dataclass(frozen=True, slots=True)
class Told(Generic[E]):
    """An event and its place among those of its key."""

    event: E
    event_id: UUID
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Batch:
    """By order, the latest of each kind; refunds add up, so each stands for itself."""

    placed: Mapping[str, Told[OrderPlaced]] = field(default_factory=dict)
    paid: Mapping[str, Told[OrderPaid]] = field(default_factory=dict)
    rejected: Mapping[str, Told[OrderRejected]] = field(default_factory=dict)
    refunded: Mapping[UUID, Told[OrderRefunded]] = field(default_factory=dict)


def fold(events: Iterable[Told[Event]]) -> Batch:
    """The same result for every order of arrival and any number of repetitions."""
    placed: dict[str, Told[OrderPlaced]] = {}
    paid: dict[str, Told[OrderPaid]] = {}
    rejected: dict[str, Told[OrderRejected]] = {}
    refunded: dict[UUID, Told[OrderRefunded]] = {}
    for told in events:
        match told.event:
            case OrderPlaced():
                _keep_latest(placed, told)
            case OrderPaid():
                _keep_latest(paid, told)
            case OrderRejected():
                _keep_latest(rejected, told)
            case OrderRefunded():
                refunded[told.event_id] = told  # type: ignore[assignment]
            case _:
                continue
    return Batch(_by_id(placed), _by_id(paid), _by_id(rejected), dict(sorted(refunded.items())))


def _keep_latest(found: dict[str, Told[E]], told: Told[Event]) -> None:
    known = found.get(told.event.key)
    if known is None or known.stamp < told.stamp:
        found[told.event.key] = told  # type: ignore[assignment]


def _by_id(found: dict[str, Told[E]]) -> dict[str, Told[E]]:
    """Rows are locked in this order."""
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Sums:
    """What the lines of an order add up to."""

    line_count: int
    units: int
    gross_minor: int
    discount_minor: int
    net_minor: int


def sums_of(order: OrderPlaced) -> Sums:
    return Sums(
        line_count=len(order.lines),
        units=sum(line.quantity for line in order.lines),
        gross_minor=sum(line.gross_minor for line in order.lines),
        discount_minor=sum(line.discount_minor for line in order.lines),
        net_minor=sum(line.net_minor for line in order.lines),
    )


def words_of(orders: Iterable[OrderPlaced]) -> list[str]:
    """Every text of the orders that is known by number."""
    found = set()
    for order in orders:
        found.add(order.person_id)
        found.update(line.sku for line in order.lines)
        found.update(line.product_id for line in order.lines if line.product_id is not None)
    return sorted(found)


def campaign_of(utm: Mapping[str, str]) -> str | None:
    """The campaign that brought a visitor; front ends write the name with and without its prefix."""
    return utm.get("campaign") or utm.get("utm_campaign") or None
