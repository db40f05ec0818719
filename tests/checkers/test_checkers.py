"""A checker that was never seen failing is not trusted: each finds what is planted, and nothing in good runs."""

import pytest
from tests.checkers.effects import exactly_once, gaps, inversions, verdict
from tests.checkers.stock import unsold_while_refusing

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


def test_a_refusal_that_could_have_been_served_is_counted() -> None:
    assert unsold_while_refusing({"x": 2, "y": 0}, [("x", 2), ("x", 3), ("y", 1)]) == 1
