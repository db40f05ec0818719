"""Each kind of drift is found where it is planted, and nothing in a story that agrees."""

from typing import Any

import pytest

from svc_local.reconcile.rules import Drift, decisions, facts, levels, money


def order(**changes: Any) -> dict[str, Any]:
    given = {
        "id": "ord_1", "status": "confirmed", "total_minor": 100, "charged_minor": 100, "refunded_minor": 0,
        "shipped_units": 0, "has_benefits": True, "owed": [],
    }  # fmt: skip
    return {**given, **changes}


def level(**changes: int) -> dict[str, Any]:
    given = {
        "on_hand": 5, "reserved": 2, "prelocked": 0, "damaged": 0, "quality_hold": 0, "incoming": 0,
        "backorder_limit": 0, "deficit": 0,
    }  # fmt: skip
    return {"key": "A@w", **given, **changes}


def test_a_story_that_agrees_has_no_drift() -> None:
    assert levels([level()], {"A@w": 2}, {"A@w": {"on_hand": 5, "reserved": 2}}) == []
    assert decisions([order()], {"ord_1": "reserved"}, {"ord_1": "locked"}) == []
    assert money([order()], {"ord_1": (100, 0)}, {}) == []
    assert facts([order()], {"ord_1": (100, False)}) == []
    dead = order(status="cancelled", refunded_minor=60)
    assert money([dead], {"ord_1": (100, 60)}, {"ord_1": 40}) == []


@pytest.mark.parametrize(
    ("held", "moved", "changes", "check"),
    [
        (3, {"reserved": 2}, {}, "reservations = reserved"),
        (2, {"reserved": 1}, {}, "movements = reserved"),
        (2, {"on_hand": 6}, {}, "movements = on_hand"),
        (2, {}, {"on_hand": 1}, "never oversold"),
        (2, {}, {"prelocked": 4}, "never oversold"),
    ],
)
def test_stock_that_does_not_add_up_is_found(
    held: int, moved: dict[str, int], changes: dict[str, int], check: str
) -> None:
    assert [one.check for one in levels([level(**changes)], {"A@w": held}, {"A@w": moved})] == [check]


def test_a_reservation_without_a_level_is_found() -> None:
    assert levels([], {"B@w": 1}, {}) == [Drift("reservations = reserved", "B@w", "1", "no level")]


@pytest.mark.parametrize(
    ("status", "stock", "benefits", "count"),
    [
        ("confirmed", "released", "locked", 1),
        ("confirmed", None, "locked", 1),
        ("rejected", "reserved", "released", 1),
        ("expired", "reserved", "locked", 2),
        ("completed", "reserved", "locked", 1),
        ("cancelled", "released", "used", 1),
        ("awaiting_payment", "refused", "refused", 2),
    ],
)
def test_an_order_that_others_decided_otherwise_is_found(
    status: str, stock: str | None, benefits: str, count: int
) -> None:
    told = {"ord_1": stock} if stock else {}

    assert len(decisions([order(status=status)], told, {"ord_1": benefits})) == count


def test_a_reservation_without_an_order_is_found() -> None:
    assert [one.subject for one in decisions([], {"ord_9": "reserved", "ord_8": "refused"}, {})] == ["ord_9"]


@pytest.mark.parametrize(
    ("changes", "ledger", "check"),
    [
        ({}, (90, 0), "ledger = order"),
        ({"status": "expired"}, (100, 0), "no money is kept"),
        ({"shipped_units": 1, "refunded_minor": 10}, (100, 10), "never refunded and shipped"),
        (
            {"status": "cancelled", "refunded_minor": 100, "owed": ["stock"]},
            (100, 100),
            "everything came back",
        ),
    ],
)
def test_money_that_does_not_add_up_is_found(changes: dict[str, Any], ledger: tuple[int, int], check: str) -> None:
    assert [one.check for one in money([order(**changes)], {"ord_1": ledger}, {})] == [check]


@pytest.mark.parametrize(
    ("told", "subject"),
    [({}, "ord_1"), ({"ord_1": (99, False)}, "ord_1"), ({"ord_1": (100, True)}, "ord_1")],
)
def test_a_fact_that_is_missing_or_other_is_found(told: dict[str, tuple[int, bool]], subject: str) -> None:
    assert [one.subject for one in facts([order()], told)] == [subject]


def test_a_fact_without_an_order_is_found() -> None:
    assert [one.subject for one in facts([], {"ord_7": (1, False)})] == ["ord_7"]
