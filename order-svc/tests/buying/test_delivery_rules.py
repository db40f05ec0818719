"""Fees, and when the parcel comes: each limit, and the day before and after."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_svc.delivery.provinces import PROVINCES, province_named
from order_svc.delivery.rules import (
    ABROAD,
    ELSEWHERE,
    OVERSEAS,
    REMOTE,
    SAME_PROVINCE,
    SAME_ZONE,
    Transit,
    fee_of,
    promise_for_all,
    promise_of,
    transit_of,
)
from svc_contracts.events.catalog import DeliveryMethod, ShopChanged
from svc_contracts.events.stock import WarehouseChanged

SHANGHAI = ZoneInfo("Asia/Shanghai")


def warehouse(**changes: Any) -> WarehouseChanged:
    given_ = {
        "code": "main",
        "kind": "own",
        "region": "CN-SH",
        "priority": 1,
        "channels": ["web"],
        "cut_off": "17:00",
        "handling_hours": 24,
        "calendar": "every_day",
        "time_zone": "Asia/Shanghai",
        "state": "active",
    }
    return WarehouseChanged(**{**given_, **changes})


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """2026-03-02 is a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def shop_with(*methods: DeliveryMethod) -> ShopChanged:
    return ShopChanged(
        shop="demo",
        name={"en": "Demo"},
        channel="web",
        currency="CNY",
        time_zone="Asia/Shanghai",
        locales=["en"],
        delivery_methods=list(methods),
        payment_methods=["sandbox"],
        unpaid_expiry_seconds=900,
        state="open",
    )


STANDARD = DeliveryMethod(id="standard", name={"en": "Standard"}, fee_minor=800, free_from_minor=9_900)
EXPRESS = DeliveryMethod(id="express", name={"en": "Express"}, fee_minor=1_800)


@pytest.mark.parametrize(
    ("method", "subtotal_minor", "fee_minor"),
    [
        ("standard", 0, 800),
        ("standard", 9_899, 800),
        ("standard", 9_900, 0),
        ("standard", 9_901, 0),
        ("express", 9_900, 1_800),
        ("express", 10**15, 1_800),
        ("pigeon", 9_900, None),
    ],
)
def test_delivery_is_free_from_the_named_amount_on(method: str, subtotal_minor: int, fee_minor: int | None) -> None:
    assert fee_of(shop_with(STANDARD, EXPRESS), method, subtotal_minor) == fee_minor


@pytest.mark.parametrize(
    ("at", "ship_by"),
    [
        # Before the cut-off the clock runs at once, from the cut-off on with the next day.
        ("2026-03-02 00:00", "2026-03-03 00:00"),
        ("2026-03-02 16:59:59.999999", "2026-03-03 16:59:59.999999"),
        ("2026-03-02 17:00", "2026-03-04 00:00"),
        ("2026-03-02 17:00:00.000001", "2026-03-04 00:00"),
        ("2026-03-02 23:59:59", "2026-03-04 00:00"),
    ],
)
def test_what_comes_before_the_cut_off_starts_the_same_day(at: str, ship_by: str) -> None:
    assert promise_of(warehouse(), country="CN", province="Shanghai", at=local(at)).ship_by == local(ship_by)


@pytest.mark.parametrize(
    ("calendar", "at", "hours", "ship_by"),
    [
        # 2026-03-06 is a Friday.
        ("monday_to_friday", "2026-03-06 10:00", 14, "2026-03-07 00:00"),
        ("monday_to_friday", "2026-03-06 10:00", 15, "2026-03-09 01:00"),
        ("monday_to_saturday", "2026-03-06 10:00", 15, "2026-03-07 01:00"),
        ("every_day", "2026-03-06 10:00", 15, "2026-03-07 01:00"),
        ("monday_to_friday", "2026-03-06 17:00", 24, "2026-03-10 00:00"),
        ("monday_to_friday", "2026-03-07 09:00", 1, "2026-03-09 01:00"),
        ("monday_to_saturday", "2026-03-08 09:00", 1, "2026-03-09 01:00"),
        ("monday_to_friday", "2026-03-08 23:59", 0, "2026-03-09 00:00"),
        ("every_day", "2026-03-06 10:00", 0, "2026-03-06 10:00"),
        ("every_day", "2026-03-06 10:00", 720, "2026-04-05 10:00"),
        ("a calendar of its own", "2026-03-08 09:00", 1, "2026-03-08 10:00"),
    ],
)
def test_handling_hours_run_through_working_days_alone(calendar: str, at: str, hours: int, ship_by: str) -> None:
    source = warehouse(calendar=calendar, handling_hours=hours)

    assert promise_of(source, country="CN", province="Shanghai", at=local(at)).ship_by == local(ship_by)


def test_the_cut_off_is_a_time_of_the_warehouses_own_zone() -> None:
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # 17:30 in Shanghai, 10:30 in Berlin

    assert promise_of(warehouse(), country="CN", province=None, at=at).ship_by == local("2026-03-04 00:00")
    berlin = warehouse(time_zone="Europe/Berlin", region="DE")
    assert promise_of(berlin, country="DE", province=None, at=at).ship_by == at + timedelta(hours=24)


def test_a_day_on_which_the_clocks_change_has_its_own_length() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    source = warehouse(time_zone="Europe/Berlin", region="DE", cut_off="12:00")

    short = promise_of(source, country="DE", province=None, at=local("2026-03-28 12:00", berlin))

    # From midnight, 23 hours of Sunday and one of Monday.
    assert short.ship_by == local("2026-03-30 01:00", berlin)


def test_the_carriers_days_follow_the_day_that_the_parcel_leaves() -> None:
    found = promise_of(warehouse(), country="CN", province="上海市", at=local("2026-03-02 10:00"))

    assert found.ship_by == local("2026-03-03 10:00")
    assert found.deliver_from == local("2026-03-03 09:00")
    assert found.deliver_until == local("2026-03-05 21:00")


def test_a_deadline_at_midnight_belongs_to_the_day_that_ends_there() -> None:
    found = promise_of(warehouse(), country="CN", province="上海市", at=local("2026-03-02 18:00"))

    assert found.ship_by == local("2026-03-04 00:00")
    assert found.deliver_from == local("2026-03-04 09:00")
    assert found.deliver_until == local("2026-03-05 21:00")


@pytest.mark.parametrize(
    ("origin", "country", "province", "transit"),
    [
        ("CN-SH", "CN", "Shanghai", SAME_PROVINCE),
        ("CN-SH", None, "上海", SAME_PROVINCE),
        ("cn-sh", "cn", "CN-SH", SAME_PROVINCE),
        ("CN-SH", "CN", "Zhejiang", SAME_ZONE),
        ("CN-SH", "CN", "广东省", ELSEWHERE),
        ("CN", "CN", "广东省", ELSEWHERE),
        ("CN-SH", "CN", "新疆维吾尔自治区", REMOTE),
        ("CN-XJ", "CN", "新疆维吾尔自治区", SAME_PROVINCE),
        ("CN-XJ", "CN", "Shanghai", REMOTE),
        ("CN-SH", "CN", "Hong Kong SAR", OVERSEAS),
        ("CN-SH", "CN", "Atlantis", Transit(2, 8)),
        ("CN-SH", "CN", None, Transit(2, 8)),
        ("CN-SH", "US", "Ohio", ABROAD),
        ("US-OH", "US", "Ohio", ELSEWHERE),
        ("US", None, None, ELSEWHERE),
    ],
)
def test_the_farther_the_longer(origin: str, country: str | None, province: str | None, transit: Transit) -> None:
    assert transit_of(origin, country=country, province=province) == transit


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("陕西省", "SN"),
        ("山西", "SX"),
        ("Shaanxi", "SN"),
        ("shanxi province", "SX"),
        ("内蒙古自治区", "NM"),
        ("Inner Mongolia Autonomous Region", "NM"),
        ("INNER-MONGOLIA", "NM"),
        ("Xizang", "XZ"),
        ("Beijing Municipality", "BJ"),
        ("gd", "GD"),
        ("Hunanese", None),
        ("", None),
        ("省", None),
    ],
)
def test_provinces_are_known_in_both_languages(written: str, code: str | None) -> None:
    found = province_named(written)

    assert (found and found.code) == code


def test_every_province_is_found_by_each_of_its_names() -> None:
    for one in PROVINCES:
        names = (one.code, f"CN-{one.code}", one.zh, f"{one.zh}省", one.en, f"{one.en} Province")
        assert {province_named(name) for name in names} == {one}


def test_an_order_from_several_warehouses_is_there_when_the_last_parcel_is() -> None:
    near, far = warehouse(), warehouse(code="far", region="CN-XJ", handling_hours=72)
    at = local("2026-03-02 10:00")

    found = promise_for_all({"main": near, "far": far}, ["main", "far"], country="CN", province="Shanghai", at=at)

    assert found == promise_of(far, country="CN", province="Shanghai", at=at)


def test_a_warehouse_that_nobody_told_of_promises_carefully() -> None:
    at = local("2026-03-02 10:00")

    for codes in ([], ["nobody-knows"]):
        found = promise_for_all({}, codes, country="CN", province="Shanghai", at=at)
        assert found.ship_by == local("2026-03-05 00:00")


ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe")
MOMENTS = st.integers(0, 2 * 365 * 86_400).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n))
WAREHOUSES = st.builds(
    warehouse,
    cut_off=st.times().map(lambda time: time.strftime("%H:%M")),
    handling_hours=st.integers(0, 720),
    calendar=st.sampled_from(["every_day", "monday_to_friday", "monday_to_saturday", "?"]),
    time_zone=st.sampled_from(ZONES),
    region=st.sampled_from(["CN-SH", "CN-XJ", "CN", "US"]),
)


@given(source=WAREHOUSES, at=MOMENTS, later=st.timedeltas(timedelta(0), timedelta(days=9)))
def test_a_later_order_never_gets_an_earlier_promise(source: WarehouseChanged, at: datetime, later: timedelta) -> None:
    first = promise_of(source, country="CN", province="Zhejiang", at=at)
    second = promise_of(source, country="CN", province="Zhejiang", at=at + later)

    assert at <= first.ship_by <= second.ship_by
    assert at < first.deliver_from <= second.deliver_from
    assert first.deliver_until <= second.deliver_until


@given(source=WAREHOUSES, at=MOMENTS)
def test_a_promise_is_in_order(source: WarehouseChanged, at: datetime) -> None:
    found = promise_of(source, country="CN", province="Zhejiang", at=at)

    assert found.deliver_from < found.deliver_until
    assert at <= found.ship_by < found.deliver_until
