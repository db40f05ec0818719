"""What delivery costs, and the promise of when the parcel comes. Pure.

A warehouse starts on an order at once when it comes on a working day before the cut-off, else with the next working
day. Handling hours run through working days alone, midnight to midnight. Then the carrier has some days.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from order_svc.delivery.provinces import Province, province_named
from svc_contracts.events.catalog import ShopChanged
from svc_contracts.events.order import Promise
from svc_contracts.events.stock import WarehouseChanged

# Weekdays (Monday 0) on which a warehouse works, by the calendar that it names.
EVERY_DAY = frozenset(range(7))
CALENDARS: dict[str, frozenset[int]] = {
    "every_day": EVERY_DAY,
    "monday_to_friday": frozenset(range(5)),
    "monday_to_saturday": frozenset(range(6)),
}
CARRIER_FROM, CARRIER_UNTIL = time(9, 0), time(21, 0)  # when parcels are handed over


@dataclass(frozen=True, slots=True)
class Transit:
    """Days from the day that a parcel leaves to the day that it arrives."""

    days_min: int
    days_max: int


SAME_PROVINCE, SAME_ZONE, ELSEWHERE = Transit(1, 2), Transit(1, 3), Transit(2, 5)
REMOTE, OVERSEAS, ABROAD = Transit(4, 8), Transit(4, 9), Transit(5, 21)

# For goods that came from a warehouse nobody has told of yet: rather too late than broken.
UNKNOWN_WAREHOUSE = WarehouseChanged(
    code="unknown",
    kind="virtual",
    region="CN",
    priority=0,
    channels=[],
    cut_off="00:00",
    handling_hours=48,
    calendar="every_day",
    state="active",
)


def fee_of(shop: ShopChanged, method_id: str, subtotal_minor: int) -> int | None:
    """The fee for goods worth so much before discounts (a coupon must not cost the free delivery). None: no such
    method.
    """
    method = next((one for one in shop.delivery_methods if one.id == method_id), None)
    if method is None:
        return None
    is_free = method.free_from_minor is not None and subtotal_minor >= method.free_from_minor
    return 0 if is_free else method.fee_minor


def promise_of(warehouse: WarehouseChanged, *, country: str | None, province: str | None, at: datetime) -> Promise:
    """For an order that the warehouse learns of at `at`."""
    zone = ZoneInfo(warehouse.time_zone)
    works = CALENDARS.get(warehouse.calendar, EVERY_DAY)
    start = _start(at, zone, works, time.fromisoformat(warehouse.cut_off))
    ship_by = _after_hours(start, zone, works, warehouse.handling_hours)
    transit = transit_of(warehouse.region, country=country, province=province)
    # A deadline at midnight belongs to the day that ends there.
    last_day = (ship_by - timedelta(microseconds=1)).astimezone(zone).date() if ship_by > start else _day(start, zone)
    return Promise(
        ship_by=ship_by,
        deliver_from=_moment(_day(start, zone) + timedelta(days=transit.days_min), CARRIER_FROM, zone),
        deliver_until=_moment(last_day + timedelta(days=transit.days_max), CARRIER_UNTIL, zone),
    )


def promise_for_all(
    warehouses: Mapping[str, WarehouseChanged],
    codes: Collection[str],
    *,
    country: str | None,
    province: str | None,
    at: datetime,
) -> Promise:
    """For an order that leaves from several warehouses: the latest of each, for only then is all of it there."""
    sources = [warehouses.get(code, UNKNOWN_WAREHOUSE) for code in sorted(set(codes))] or [UNKNOWN_WAREHOUSE]
    return latest(promise_of(one, country=country, province=province, at=at) for one in sources)


def latest(promises: Iterable[Promise]) -> Promise:
    found = list(promises)
    return Promise(
        ship_by=max(one.ship_by for one in found),
        deliver_from=max(one.deliver_from for one in found),
        deliver_until=max(one.deliver_until for one in found),
    )


def transit_of(origin: str, *, country: str | None, province: str | None) -> Transit:
    """`origin`: the region of a warehouse, such as CN-SH or CN. A country that nobody named is the warehouse's."""
    origin_country, _, origin_code = origin.upper().partition("-")
    if country is not None and country.upper() != origin_country:
        return ABROAD
    if origin_country != "CN":
        return ELSEWHERE
    there = province_named(province) if province else None
    return _within_china(province_named(origin_code) if origin_code else None, there)


def _within_china(origin: Province | None, there: Province | None) -> Transit:
    if there is None:
        return Transit(ELSEWHERE.days_min, REMOTE.days_max)
    if origin == there:
        return SAME_PROVINCE
    if there.overseas or (origin is not None and origin.overseas):
        return OVERSEAS
    if there.remote or (origin is not None and origin.remote):
        return REMOTE
    return SAME_ZONE if origin is not None and origin.zone == there.zone else ELSEWHERE


def _start(at: datetime, zone: ZoneInfo, works: frozenset[int], cut_off: time) -> datetime:
    local = at.astimezone(zone)
    day = local.date()
    if day.weekday() in works and local.time() < cut_off:
        return at
    day += timedelta(days=1)
    while day.weekday() not in works:
        day += timedelta(days=1)
    return _moment(day, time.min, zone)


def _after_hours(start: datetime, zone: ZoneInfo, works: frozenset[int], hours: int) -> datetime:
    left, moment, day = timedelta(hours=hours), start, _day(start, zone)
    while True:
        midnight = _moment(day + timedelta(days=1), time.min, zone)
        if day.weekday() in works:
            # In UTC: a day on which the clocks change has 23 or 25 hours.
            if left <= midnight - moment:
                return moment + left
            left -= midnight - moment
        moment, day = midnight, day + timedelta(days=1)


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
