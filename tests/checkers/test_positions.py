"""A position that goes back, or moves while nothing may, is counted."""

from tests.checkers.positions import gone_back, moved


def test_a_reset_to_the_beginning_is_counted_and_progress_is_not() -> None:
    assert gone_back([{"a": 3, "b": 0}, {"a": 3, "b": 9}, {"a": 7, "c": 2}]) == 0
    assert gone_back([{"a": 3, "b": 9}, {"a": 0, "b": 9}, {"a": 7, "b": 8}]) == 2


def test_whatever_moves_in_either_direction_is_counted() -> None:
    assert moved({"a": 3, "b": 9}, {"a": 3, "b": 9}) == 0
    assert moved({"a": 3, "b": 9}, {"a": 0, "b": 10, "c": 1}) == 3
