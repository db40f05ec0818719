"""Steps of a warehouse: every pair of state and action."""

from datetime import UTC, datetime
from itertools import product
from typing import get_args

import pytest

from inventory_svc.fulfilment.rules import (
    FULFILMENT,
    SHIPMENT,
    Action,
    Fulfilment,
    FulfilmentState,
    Line,
    Mismatch,
    Shipment,
    ShipmentState,
    may,
    mismatches,
    possible,
)

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LINES = (Line("l1", "A", 2, 1), Line("l2", "B", 6, 3), Line("l3", "A", 1, 1))

ALLOWED = {
    ("issued", None): {"accept", "reject"},
    ("accepted", "open"): {"reject", "pick"},
    ("picking", "picking"): {"pack"},
    ("picking", "packed"): {"ship"},
    ("done", "shipped"): {"deliver"},
    ("done", "delivered"): set(),
    ("rejected", None): set(),
    ("rejected", "cancelled"): set(),
    ("recalled", None): set(),
    ("recalled", "cancelled"): set(),
}


def make_fulfilment(state: str, shipment: str | None) -> Fulfilment:
    shipments = [Shipment("shp_1", "ful_1", ShipmentState(shipment))] if shipment else []
    return Fulfilment(
        "ful_1", "ord_1", "main", FulfilmentState(state), LINES, "adr_1", NOW, NOW, NOW, shipments=shipments
    )


@pytest.mark.parametrize(("states", "action"), list(product(ALLOWED, sorted(set(get_args(Action)) - {"recall"}))))
def test_only_the_steps_of_the_table_may_be_taken(states: tuple[str, str | None], action: Action) -> None:
    fulfilment = make_fulfilment(*states)

    assert may(fulfilment, action) is (action in ALLOWED[states])
    assert set(possible(fulfilment)) == ALLOWED[states]


@pytest.mark.parametrize("state", list(ShipmentState))
def test_only_what_has_not_left_can_be_called_back(state: ShipmentState) -> None:
    assert ((state, "recall") in SHIPMENT) is (state in {"open", "picking", "packed"})


def test_every_state_can_be_reached() -> None:
    assert set(FULFILMENT.values()) | {FulfilmentState.ISSUED} == set(FulfilmentState)
    assert set(SHIPMENT.values()) | {ShipmentState.OPEN} == set(ShipmentState)


def test_a_parcel_counts_in_units_of_the_lines() -> None:
    assert make_fulfilment("issued", None).units == {"l1": 2, "l2": 2, "l3": 1}


@pytest.mark.parametrize(
    ("scans", "complete", "wrong"),
    [
        ({"A": 3, "B": 6}, True, []),
        ({"A": 2, "B": 6}, True, [Mismatch("A", 3, 2)]),
        ({"A": 2, "B": 6}, False, []),
        ({"A": 4, "B": 6}, False, [Mismatch("A", 3, 4)]),
        ({"X": 1}, False, [Mismatch("X", 0, 1)]),
        ({"X": 1}, True, [Mismatch("A", 3, 0), Mismatch("B", 6, 0), Mismatch("X", 0, 1)]),
        ({}, False, []),
    ],
)
def test_wrong_surplus_and_missing_scans_are_all_named(
    scans: dict[str, int], complete: bool, wrong: list[Mismatch]
) -> None:
    assert mismatches(LINES, scans, complete=complete) == wrong
