"""Nothing may be left over, and the ledger has to say the same."""

from typing import Any

import pytest

from inventory_svc.stock.rules import CauseKind, Movement, MovementKind, deltas
from svc_local.demo.baskets import Article
from svc_local.demo.stock import SAMPLE, SIGNS, added, left_over, sample_of

EMPTY = {"on_hand": 0, "reserved": 0, "available": 0}


def make_movement(kind: str, quantity: int, sku: str = "a") -> dict[str, Any]:
    return {"sku": sku, "kind": kind, "quantity": quantity}


def make_article(id: int, units: int) -> Article:
    return Article(id, f"no. {id}", "SOUP", "GROCERY", None, units, 100)


@pytest.mark.parametrize("kind", SIGNS)
def test_the_signs_are_those_of_the_ledger(kind: str) -> None:
    moved = deltas([Movement("a@w", MovementKind(kind), 3, CauseKind.ORDER, "x", "1")])["a@w"]

    assert (moved.get("on_hand", 0), moved.get("reserved", 0)) == tuple(3 * sign for sign in SIGNS[kind])


def test_movements_add_up_per_sku() -> None:
    movements = [
        make_movement("received", 5),
        make_movement("reserved", 3),
        make_movement("reserved", 2),
        make_movement("released", 2),
        make_movement("shipped", 3),
        make_movement("received", 1, "b"),
    ]

    assert added({"a": (0, 0), "b": (0, 0)}, movements) == {"a": (2, 0), "b": (1, 0)}


def test_an_empty_warehouse_says_nothing() -> None:
    assert left_over(["a", "b"], {"a": EMPTY, "b": EMPTY}, {"a": (0, 0), "b": (0, 0)}) == []


def test_each_leftover_is_named() -> None:
    levels = {"a": EMPTY | {"on_hand": 2, "available": 2}, "b": EMPTY, "c": EMPTY}

    said = left_over(["a", "b", "c", "d"], levels, {"a": (2, 0), "b": (0, 1), "c": (0, 0)})

    assert said == [
        "stock of a: on_hand 2, reserved 0, available 2; everything should be 0",
        "stock of b: the level says 0 on hand and 0 reserved, its movements add up to (0, 1)",
        "stock of d: there is no level",
    ]


def test_the_sample_runs_from_the_best_selling_to_the_end() -> None:
    articles = [make_article(n, units=1_000 - n) for n in range(600)]

    chosen = sample_of(articles)

    assert len(chosen) == SAMPLE
    assert (chosen[0].id, chosen[-1].id) == (0, 550)
    assert sample_of(articles[:3]) == articles[:3]
