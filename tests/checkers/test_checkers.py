"""A checker that was never seen failing is not trusted: each finds what is planted, and nothing in good runs."""

import pytest
from tests.checkers.answers import untrue
from tests.checkers.effects import exactly_once, gaps, inversions, renamed, stale, verdict
from tests.checkers.stock import Moved, oversold, unsold_while_refusing

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


def test_a_repeat_behind_newer_words_is_told() -> None:
    assert stale([("a", 1), ("a", 1), ("a", 2), ("b", 1)]) == 0
    assert stale([("a", 1), ("a", 2), ("a", 1), ("a", 2), ("a", 3), ("a", 2)]) == 2


def test_a_number_under_another_id_is_found() -> None:
    assert renamed([(("a", 1), "x"), (("a", 1), "x"), (("a", 2), "y")]) == 0
    assert renamed([(("a", 1), "x"), (("a", 1), "z"), (("a", 2), "y")]) == 1


def test_gaps_are_named() -> None:
    assert gaps({"a": [1, 2, 4], "b": [1, 2], "c": []}) == {"a": [3]}


def test_a_refusal_that_could_have_been_served_is_counted() -> None:
    refused = [{"x": 2}, {"x": 3}, {"y": 1}, {"x": 1, "y": 1}, {"x": 1, "z": 4}]

    assert unsold_while_refusing({"x": 2, "y": 0, "z": 4}, refused) == 2


def test_a_promise_of_more_than_there_is_is_counted() -> None:
    received = Moved("x@w", "received", {"on_hand": 5})
    reserved = Moved("x@w", "reserved", {"reserved": 3})
    released = Moved("x@w", "released", {"reserved": -3})
    lost = Moved("x@w", "adjusted", {"on_hand": -1})

    assert oversold([received, reserved, released, reserved]) == 0
    assert oversold([received, reserved, reserved, released]) == 1
    assert oversold([received, reserved, lost, lost, lost]) == 0
    assert oversold([received, lost, lost, lost, reserved]) == 1
    assert oversold([received, Moved("x@v", "reserved", {"reserved": 1})]) == 1


def test_an_answer_that_did_not_come_true_is_counted() -> None:
    statuses = {"a": "confirmed", "b": "rejected", "c": "expired"}
    true = [(201, "a"), (409, "b"), (202, "b"), (202, "a"), (201, "c"), (None, None), (503, None), (409, None)]

    assert untrue(true, statuses) == 0
    assert untrue([*true, (201, "b")], statuses) == 1
    assert untrue([*true, (409, "a")], statuses) == 1
    assert untrue([*true, (202, "d")], statuses) == 1
