"""Rates, waits and keys that are parked for nothing: each is told where it is planted."""

import pytest
from tests.checkers.parking import Race, astray, isolation, pace_kept


def test_who_needs_longer_for_the_same_has_a_smaller_pace() -> None:
    quick, slow = [10.0 + n / 10 for n in range(11)], [10.0 + n / 5 for n in range(11)]

    assert pace_kept([Race(quick, quick)]) == 1.0
    assert pace_kept([Race(quick, slow)]) == pytest.approx(0.5)
    assert pace_kept([Race(quick, slow), Race(slow, quick)]) == pytest.approx(1.0)


def test_a_key_that_was_never_parked_waits_for_ever() -> None:
    assert isolation({"a": 1.0, "b": 2.0}, {"a": 1.5, "b": 2.25}) == (0.375, 0.5)
    assert isolation({"a": 1.0, "b": 2.0}, {"a": 1.5})[1] == float("inf")


def test_whoever_is_parked_for_nothing_or_not_parked_is_counted() -> None:
    assert astray({"a", "b"}, {"a", "b"}) == 0
    assert astray({"a", "b"}, {"a", "c", "d"}) == 3
