"""Each kind of stuck, unpaired and leaking order is found where it is planted, and nothing in good ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.checkers.lives import Leaks, Life, leaks, stuck, unpaired

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SOON, LATE = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)
USED: dict[str, Any] = {"has_benefits": True, "benefit": "used", "uses": 1}
GOOD = [
    Life("a", "awaiting_payment", total_minor=5, held=1, deadlines={"unpaid": SOON}),
    Life("b", "confirmed", 5, 5, 0, paid_in=5, held=1, fulfilments=("issued",), **USED),
    Life("c", "completed", 5, 5, 0, paid_in=5, shipped=1, fulfilments=("done",)),
    Life("d", "cancelled", 5, 5, 5, paid_in=5, paid_back=5, fulfilments=("recalled",), has_benefits=True),
    Life("e", "expired", 5),
    Life("f", "on_hold", 5, 5, 0, paid_in=5, held=1, open_holds=1, deadlines={"hold_due": SOON}),
    Life("g", "rejected", 5),
]  # fmt: skip


def test_good_lives_hold() -> None:
    assert (stuck(GOOD, NOW), unpaired(GOOD), leaks(GOOD)) == ([], [], Leaks(0, 0, 0))


@pytest.mark.parametrize(
    "life",
    [
        Life("x", "placed", deadlines={"undecided": SOON}),
        Life("x", "auditing"),
        Life("x", "cancelling"),
        Life("x", "awaiting_payment"),
        Life("x", "awaiting_payment", deadlines={"unpaid": LATE}),
        Life("x", "awaiting_payment", deadlines={"unpaid": None}),
        Life("x", "awaiting_payment", deadlines={"unpaid": SOON}, open_payments=1),
        Life("x", "expired", open_payments=1),
        Life("x", "on_hold"),
        Life("x", "confirmed"),
        Life("x", "in_fulfilment", fulfilments=("recalled",)),
    ],
)
def test_an_order_that_waits_for_nobody_is_found(life: Life) -> None:
    assert [one.subject for one in stuck([*GOOD, life], NOW)] == ["x"]


@pytest.mark.parametrize(
    ("life", "checks"),
    [
        (Life("x", "cancelled", held=1), ["goods"]),
        (Life("x", "cancelled", shipped=1), ["goods"]),
        (Life("x", "rejected", uses=1), ["uses"]),
        (Life("x", "expired", 5, 5, 0, paid_in=5), ["money"]),
        (Life("x", "cancelled", fulfilments=("issued",)), ["warehouse"]),
        (Life("x", "cancelled", 5, 5, 5, paid_in=5, paid_back=10), ["money", "books"]),
        (Life("x", "awaiting_payment"), ["goods"]),
        (Life("x", "awaiting_payment", held=1, fulfilments=("issued",)), ["warehouse"]),
        (Life("x", "awaiting_payment", held=1, has_benefits=True), ["uses"]),
        (Life("x", "confirmed", 5, 5, 0, paid_in=5), ["goods"]),
        (Life("x", "confirmed", 5, 5, 0, held=1), ["money", "books"]),
        (Life("x", "confirmed", 5, 5, 0, paid_in=10, held=1), ["money", "books"]),
        (Life("x", "completed", 5, 5, 0, paid_in=5, shipped=1, **{**USED, "benefit": "locked"}), ["benefits"]),
        (Life("x", "confirmed", 5, 5, 0, held=1, by_provider=False, has_benefits=True), ["uses", "benefits"]),
    ],
)  # fmt: skip
def test_what_has_lost_its_order_is_found(life: Life, checks: list[str]) -> None:
    assert [one.check for one in unpaired([*GOOD, life])] == checks


def test_what_leaks_is_counted() -> None:
    planted = [
        Life("x", "cancelled", held=2, uses=1, paid_in=7, paid_back=2),
        Life("y", "rejected", held=1, paid_back=4),
        Life("z", "confirmed", 5, 10, 0, paid_in=10, held=1),
    ]

    assert leaks([*GOOD, *planted]) == Leaks(units=3, uses=1, money_minor=14)
