"""Each planted answer is found, and nothing in good runs."""

from tests.checkers.keys import REUSED, Sent, doubled, missing, mistaken, told_apart

DONE = Sent("k", "a", 201, made="ord_1")
REFUSED = Sent("k", "b", 422, REUSED)
OPEN = [
    Sent("k", "b", None),
    Sent("k", "a", 503, "/problems/upstream-unavailable"),
    Sent("k", "a", 409, "/problems/request-in-progress"),
]
GOOD = [DONE, REFUSED, *OPEN]
WINNERS = {"k": "a"}


def test_a_good_run_holds() -> None:
    assert (doubled({"k": 1}), missing(GOOD, {"k": 1}), told_apart(GOOD), mistaken(GOOD, WINNERS)) == (0, 0, 0, 0)


def test_a_second_effect_is_counted() -> None:
    assert doubled({"k": 3, "l": 1, "m": 0}) == 2


def test_what_was_told_and_is_not_there_is_counted() -> None:
    assert missing(GOOD, {}) == 1


def test_two_names_under_one_key_are_counted() -> None:
    assert told_apart([DONE, Sent("k", "a", 202, made="ord_2"), Sent("l", "a", 201, made="ord_3")]) == 1


def test_another_body_that_passed_is_counted() -> None:
    assert mistaken([*GOOD, Sent("k", "b", 201, made="ord_1")], WINNERS) == 1


def test_the_body_itself_refused_is_counted() -> None:
    assert mistaken([*GOOD, Sent("k", "a", 422, REUSED)], WINNERS) == 1


def test_another_refusal_than_that_of_the_key_is_counted() -> None:
    assert mistaken([*GOOD, Sent("k", "b", 422, "/problems/validation-failed")], WINNERS) == 1
