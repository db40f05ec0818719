"""A checker that was never seen failing is not trusted: each finds what is planted, and nothing in good runs."""

import pytest
from tests.checkers.effects import exactly_once, gaps, inversions, verdict
from tests.checkers.stock import Drift, LevelSeen, drift, unsold_while_refusing

GOOD = [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3)]


def test_a_good_run_holds() -> None:
    assert verdict(GOOD, [("b", 1), ("a", 1), ("b", 2), ("a", 2), ("a", 3)]).holds


@pytest.mark.parametrize(
    ("done", "lost", "invented", "doubled", "inverted"),
    [
        (GOOD[:-1], 1, 0, 0, 0),
        ([*GOOD, ("c", 1)], 0, 1, 0, 0),
        ([*GOOD, ("a", 1)], 0, 0, 1, 0),
        ([("a", 2), ("a", 1), ("a", 3), ("b", 1), ("b", 2)], 0, 0, 0, 1),
        ([("a", 3), ("a", 1), ("a", 2), ("b", 1)], 1, 0, 0, 2),
    ],
)
def test_what_is_planted_is_found(
    done: list[tuple[str, int]], lost: int, invented: int, doubled: int, inverted: int
) -> None:
    found = verdict(GOOD, done)

    assert (found.lost, found.invented, found.doubled, found.inversions) == (lost, invented, doubled, inverted)
    assert not found.holds


def test_a_repeat_of_old_words_is_no_inversion() -> None:
    assert inversions([("a", 1), ("a", 2), ("a", 1), ("a", 3)]) == 0


def test_each_id_is_counted_by_itself() -> None:
    assert exactly_once([1, 2, 3], [1, 1, 1, 4]) == (2, 1, 2)


def test_gaps_are_named() -> None:
    assert gaps({"a": [1, 2, 4], "b": [1, 2], "c": []}) == {"a": [3]}


def test_stock_that_adds_up_has_no_drift() -> None:
    assert drift([LevelSeen("x@w", 5, 3)], {"x@w": 3}, {"x@w": 3}) == []
    assert drift([LevelSeen("x@w", 0, 2, backorder_limit=2)], {"x@w": 2}, {"x@w": 2}) == []


@pytest.mark.parametrize(
    ("level", "live", "moved", "found"),
    [
        (LevelSeen("x@w", 5, 3), 4, 3, [Drift("x@w", "reservations differ from reserved", 1)]),
        (LevelSeen("x@w", 5, 3), 3, 1, [Drift("x@w", "movements differ from reserved", -2)]),
        (LevelSeen("x@w", 2, 3), 3, 3, [Drift("x@w", "oversold", 1)]),
        (LevelSeen("x@w", -1, 0), 0, 0, [Drift("x@w", "oversold", 1), Drift("x@w", "below zero", 1)]),
    ],
)
def test_drift_is_named_with_its_size(level: LevelSeen, live: int, moved: int, found: list[Drift]) -> None:
    assert drift([level], {"x@w": live}, {"x@w": moved}) == found


def test_a_reservation_without_a_level_is_drift() -> None:
    assert drift([], {"y@w": 2}, {}) == [Drift("y@w", "reserved without a level", 2)]


def test_a_refusal_that_could_have_been_served_is_counted() -> None:
    assert unsold_while_refusing({"x": 2, "y": 0}, [("x", 2), ("x", 3), ("y", 1)]) == 1
