"""Figures, counted by hand."""

from typing import Any

import pytest

pytestmark = pytest.mark.anyio
JANUARY = {"first": "2026-01-01", "last": "2026-01-31"}
ALL = "orders,units,gmv,discounts,buyers,paid_gmv,net_sales,average_order_value,spend_per_buyer"


async def a_month(desk: Any) -> None:
    """Four orders of three people; one is rejected, one not paid, one refunded in February."""
    tea = desk.line("T-1", 2, 2_000, discount=200, product="prd_tea")
    cup = desk.line("C-1", 1, 501, product="prd_cup")
    lost = desk.line("X-1", 5, 700, product=None)
    await desk.tell(
        desk.shop_changed(),
        desk.product_changed("prd_tea", "cat_drinks"),
        desk.product_changed("prd_cup", "cat_home"),
        desk.placed("ord_1", "2026-01-02 10:00", [tea, cup], person="per_a", fee=300),
        desk.paid("ord_1", "2026-01-02 10:05", 2_801),
        desk.placed("ord_2", "2026-01-10 10:00", [cup, lost], person="per_a"),
        desk.paid("ord_2", "2026-01-11 10:00", 1_201),
        desk.placed("ord_3", "2026-01-10 11:00", [tea], person="per_b"),
        desk.placed("ord_4", "2026-01-20 10:00", [tea], person="per_c"),
        desk.rejected("ord_4", "2026-01-20 10:01"),
        desk.refunded("ord_1", "2026-02-01 09:00", 501),
    )


async def test_a_month_in_numbers(desk: Any) -> None:
    await a_month(desk)

    assert await desk.values(ALL, **JANUARY) == {
        "orders": 3,
        "units": 3 + 6 + 2,
        "gmv": 2_801 + 1_201 + 2_000,
        "discounts": 400,
        "buyers": 2,
        "paid_gmv": 4_002,
        "net_sales": 4_002,
        "average_order_value": 2_001,
        "spend_per_buyer": 4_002,
    }
    february = await desk.ask("net_sales,gmv", first="2026-02-01", last="2026-02-28")
    assert [(row["key"], row["value"], row["numerator"], row["denominator"]) for row in february] == [
        ("net_sales", -501, 0, 501)
    ]


async def test_rows_say_period_shop_currency_and_what_they_are_made_of(desk: Any) -> None:
    await a_month(desk)

    [row] = await desk.ask("average_order_value", **JANUARY)

    assert row == {
        "key": "average_order_value",
        "period": "2026-01-01/2026-01-31",
        "dims": {"shop": "tea", "currency": "CNY"},
        "value": 2_001,
        "numerator": 4_002,
        "denominator": 2,
        "definition_version": 1,
    }


async def test_by_product_category_sku_and_channel(desk: Any) -> None:
    await a_month(desk)

    assert await desk.by("gmv", "product_id", **JANUARY, by="product") == {
        "prd_tea": 4_000, "prd_cup": 1_002, "unknown": 700,
    }  # fmt: skip
    assert await desk.by("gmv", "category_id", **JANUARY, by="category") == {
        "cat_drinks": 4_000, "cat_home": 1_002, "unknown": 700,
    }  # fmt: skip
    assert await desk.by("units", "sku", **JANUARY, by="sku") == {"T-1": 4, "C-1": 2, "X-1": 5}
    assert await desk.by("orders", "sku", **JANUARY, by="sku") == {"T-1": 2, "C-1": 2, "X-1": 1}
    assert await desk.by("buyers", "product_id", **JANUARY, by="product") == {
        "prd_tea": 2, "prd_cup": 1, "unknown": 1,
    }  # fmt: skip
    assert await desk.by("discounts", "category_id", **JANUARY, by="category") == {
        "cat_drinks": 400, "cat_home": 0, "unknown": 0,
    }  # fmt: skip
    assert await desk.by("gmv", "channel", **JANUARY, by="channel") == {"tea-web": 6_002}
    assert await desk.by("paid_gmv", "sku", **JANUARY, by="sku") == {"T-1": 2_000, "C-1": 1_002, "X-1": 700}
    assert await desk.by("average_order_value", "sku", **JANUARY, by="sku") == {"T-1": 2_000, "C-1": 501, "X-1": 700}
    assert await desk.by("spend_per_buyer", "product_id", **JANUARY, by="product") == {
        "prd_tea": 2_000, "prd_cup": 1_002, "unknown": 700,
    }  # fmt: skip
    assert await desk.by("repurchase_rate", "product_id", **JANUARY, by="product") == {
        "prd_tea": 0.0, "prd_cup": 1.0, "unknown": 0.0,
    }  # fmt: skip


async def test_an_order_with_two_lines_of_a_product_counts_once(desk: Any) -> None:
    lines = [desk.line("T-1", 1, 100), desk.line("T-2", 1, 200)]
    await desk.tell(desk.shop_changed(), desk.placed("ord_1", "2026-01-02 10:00", lines))

    assert await desk.by("orders", "product_id", **JANUARY, by="product") == {"prd_tea": 1}
    assert await desk.by("gmv", "product_id", **JANUARY, by="product") == {"prd_tea": 300}
    assert await desk.by("orders", "category_id", **JANUARY, by="category") == {"unknown": 1}


async def test_by_day_week_and_month(desk: Any) -> None:
    await a_month(desk)
    year = {"first": "2026-01-01", "last": "2026-12-31"}

    assert await desk.by("orders", "period", **year, grain="day") == {"2026-01-02": 1, "2026-01-10": 2}
    assert await desk.by("gmv", "period", **year, grain="week") == {"2026-W01": 2_801, "2026-W02": 3_201}
    assert await desk.by("paid_gmv", "period", **year, grain="day") == {"2026-01-02": 2_801, "2026-01-11": 1_201}
    assert await desk.by("net_sales", "period", **year, grain="month") == {"2026-01": 4_002, "2026-02": -501}
    assert await desk.by("buyers", "period", **year, grain="day") == {"2026-01-02": 1, "2026-01-10": 2}


async def test_lines_by_day_add_up_to_the_month(desk: Any) -> None:
    await a_month(desk)

    rows = await desk.ask("gmv", **JANUARY, grain="day", by="category")

    assert {(row["period"], row["dims"]["category_id"]): row["value"] for row in rows} == {
        ("2026-01-02", "cat_drinks"): 2_000,
        ("2026-01-02", "cat_home"): 501,
        ("2026-01-10", "cat_drinks"): 2_000,
        ("2026-01-10", "cat_home"): 501,
        ("2026-01-10", "unknown"): 700,
    }


async def test_currencies_and_shops_never_mix(desk: Any) -> None:
    await desk.tell(
        desk.shop_changed(),
        desk.shop_changed("cups", currency="USD"),
        desk.placed("ord_1", "2026-01-02 10:00"),
        desk.placed("ord_2", "2026-01-02 10:00", shop="cups", currency="USD"),
        desk.placed("ord_3", "2026-01-02 10:00", shop="cups", currency="EUR"),
    )

    rows = await desk.ask("gmv", **JANUARY)
    assert [(row["dims"]["shop"], row["dims"]["currency"], row["value"]) for row in rows] == [
        ("cups", "EUR", 1_000),
        ("cups", "USD", 1_000),
        ("tea", "CNY", 1_000),
    ]
    assert len(await desk.ask("gmv", **JANUARY, by="product")) == 3
    assert len(await desk.ask("gmv", **JANUARY, shop="cups")) == 2


async def test_the_shops_midnight_parts_the_days(desk: Any) -> None:
    """Shanghai is eight hours ahead: 15:59:59 UTC is still that day, 16:00 the next."""
    await desk.tell(
        desk.shop_changed(time_zone="Asia/Shanghai"),
        desk.placed("ord_1", "2026-01-01 15:59:59"),
        desk.placed("ord_2", "2026-01-01 16:00:00"),
        desk.placed("ord_3", "2025-12-31 16:00:00"),
        desk.placed("ord_4", "2025-12-31 15:59:59"),
    )

    assert await desk.by("orders", "period", first="2026-01-01", last="2026-01-02", grain="day") == {
        "2026-01-01": 2, "2026-01-02": 1,
    }  # fmt: skip
    assert (await desk.values("orders", first="2026-01-01", last="2026-01-01")) == {"orders": 2}


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("America/New_York", "2026-03-08 04:59", "2026-03-07"),
        ("America/New_York", "2026-03-09 04:00", "2026-03-09"),  # summer time since the 8th
        ("America/Havana", "2026-11-01 04:30", "2026-11-01"),  # 00:30, before the clock goes back over midnight
        ("America/Havana", "2026-11-01 05:30", "2026-11-01"),  # 00:30 again
        ("Pacific/Kiritimati", "2026-05-01 10:00", "2026-05-02"),
        ("Etc/GMT+12", "2026-05-02 11:59", "2026-05-01"),
    ],
)
async def test_days_follow_the_clocks_of_the_zone(desk: Any, zone: str, moment: str, day: str) -> None:
    await desk.tell(desk.shop_changed(time_zone=zone), desk.placed("ord_1", moment))

    assert await desk.by("orders", "period", first=day, last=day, grain="day") == {day: 1}


async def test_repurchase_counts_people_who_paid_on_two_days_of_the_window(desk: Any) -> None:
    """The window of 30 days that ends with 30 January begins on the 1st."""
    paid = [
        ("per_a", "2026-01-01 12:00"), ("per_a", "2026-01-30 12:00"),  # the first and the last day: again
        ("per_b", "2025-12-31 12:00"), ("per_b", "2026-01-15 12:00"),  # the first order is too old
        ("per_c", "2026-01-10 08:00"), ("per_c", "2026-01-10 20:00"),  # twice on one day
        ("per_d", "2026-01-30 12:00"), ("per_d", "2026-01-31 12:00"),  # the second is too late
    ]  # fmt: skip
    await desk.tell(desk.shop_changed())
    for n, (person, when) in enumerate(paid):
        await desk.tell(desk.placed(f"ord_{n}", when, person=person), desk.paid(f"ord_{n}", when, 1_000))
    await desk.tell(desk.placed("ord_free", "2026-01-20 12:00", person="per_c"))  # not paid: it does not count

    [row] = await desk.ask("repurchase_rate", first="2026-01-30", last="2026-01-30", window_days=30)
    [year] = await desk.ask("repurchase_rate", first="2026-01-01", last="2026-01-31", window_days=365)

    assert (row["period"], row["value"], row["numerator"], row["denominator"]) == ("2026-01-01/2026-01-30", 0.25, 1, 4)
    assert (year["period"], year["numerator"], year["denominator"]) == ("2025-02-01/2026-01-31", 3, 4)


async def test_an_order_of_zero_is_an_order_and_is_paid(desk: Any) -> None:
    await desk.tell(
        desk.shop_changed(),
        desk.placed("ord_1", "2026-01-02 10:00", [desk.line("T-1", 1, 0, discount=900)]),
        desk.paid("ord_1", "2026-01-02 10:00", 0),
    )

    assert await desk.values("orders,gmv,discounts,average_order_value", **JANUARY) == {
        "orders": 1, "gmv": 0, "discounts": 900, "average_order_value": 0,
    }  # fmt: skip


async def test_visitors_page_views_and_conversion(desk: Any) -> None:
    await desk.tell(desk.shop_changed(), desk.product_changed("prd_tea", "cat_drinks"))
    await desk.show(
        desk.viewed("vis_a", "2026-01-02 10:00"),
        desk.viewed("vis_a", "2026-01-02 10:01", product="prd_tea", sku="T-1"),
        desk.viewed("vis_a", "2026-01-03 10:00", product="prd_tea"),
        desk.viewed("vis_b", "2026-01-03 10:00", product="prd_new"),
        desk.viewed("vis_c", "2026-01-03 10:00"),
        desk.viewed("vis_bot", "2026-01-03 10:00", bot=True),
    )
    await desk.tell(
        desk.placed("ord_1", "2026-01-03 11:00", visitor="vis_a"),
        desk.paid("ord_1", "2026-01-03 11:05", 1_000),
        desk.placed("ord_2", "2026-01-03 12:00", visitor="vis_a"),
        desk.paid("ord_2", "2026-01-03 12:05", 1_000),
        desk.placed("ord_3", "2026-01-03 11:00", visitor="vis_b"),  # never paid
        desk.placed("ord_4", "2026-01-03 11:00", visitor="vis_unseen"),  # no page view: no visitor
        desk.paid("ord_4", "2026-01-03 11:05", 1_000),
        desk.placed("ord_5", "2026-01-03 11:00"),  # from a channel
        desk.paid("ord_5", "2026-01-03 11:05", 1_000),
    )

    assert await desk.values("visitors,page_views,conversion_rate", **JANUARY) == {
        "visitors": 3, "page_views": 5, "conversion_rate": 0.333333,
    }  # fmt: skip
    [rate] = await desk.ask("conversion_rate", **JANUARY)
    assert (rate["dims"], rate["numerator"], rate["denominator"]) == ({"shop": "tea"}, 1, 3)
    assert await desk.by("visitors", "period", **JANUARY, grain="day") == {"2026-01-02": 1, "2026-01-03": 3}
    assert await desk.by("conversion_rate", "period", **JANUARY, grain="day") == {
        "2026-01-02": 0.0, "2026-01-03": 0.333333,
    }  # fmt: skip
    assert await desk.by("page_views", "product_id", **JANUARY, by="product") == {"prd_tea": 2, "prd_new": 1}
    assert await desk.by("visitors", "category_id", **JANUARY, by="category") == {"cat_drinks": 1, "unknown": 1}
    assert await desk.by("visitors", "sku", **JANUARY, by="sku") == {"T-1": 1}
    assert await desk.by("page_views", "channel", **JANUARY, by="channel") == {"tea-web": 5}
    assert await desk.by("conversion_rate", "product_id", **JANUARY, by="product") == {"prd_tea": 1.0, "prd_new": 0.0}
    assert await desk.by("conversion_rate", "channel", **JANUARY, by="channel") == {"tea-web": 0.333333}


async def test_sessions_end_after_half_an_hour_or_with_another_campaign(desk: Any) -> None:
    await desk.tell(desk.shop_changed())
    await desk.show(
        desk.viewed("vis_a", "2026-01-02 10:00", campaign="spring"),
        desk.viewed("vis_a", "2026-01-02 10:30"),  # exactly 30 minutes: the same
        desk.viewed("vis_a", "2026-01-02 10:40", campaign="spring"),  # the same campaign: the same
        desk.viewed("vis_a", "2026-01-02 10:50", campaign="sale"),  # 2nd
        desk.viewed("vis_a", "2026-01-02 11:20:01"),  # 3rd, a second too late
        desk.viewed("vis_b", "2026-01-02 23:50"),  # goes on over midnight: counted on the 2nd
        desk.viewed("vis_b", "2026-01-03 00:10"),
        desk.viewed("vis_c", "2026-01-03 00:10"),
    )

    assert await desk.by("sessions", "period", **JANUARY, grain="day") == {"2026-01-02": 4, "2026-01-03": 1}
    assert await desk.by("sessions", "period", first="2026-01-03", last="2026-01-03", grain="day") == {"2026-01-03": 1}
    assert await desk.by("sessions", "channel", **JANUARY, by="channel") == {"tea-web": 5}
