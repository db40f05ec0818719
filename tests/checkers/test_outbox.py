"""The checker of changes and their events finds what is planted, and nothing in good runs."""

import pytest
from tests.checkers.outbox import Change, Pairing, Passage, Told, longest_wait, paired, passed_by, waited_for

FIRST, SECOND = Change("a", 1, "t1"), Change("a", 2, "t2")
ROLLED_BACK = Change("a", 2, "t-of-another-attempt")
SENT = [Told("e1", FIRST), Told("e2", SECOND)]
PASSAGES = [Passage("held", 0.5, 20.1), Passage("a", 1.0, 1.2), Passage("a", 19.0, 20.5), Passage("b", 2.0, 4.0)]


@pytest.mark.parametrize(
    ("changes", "events", "found"),
    [
        ([FIRST, SECOND], SENT, Pairing(0, 0, 0)),
        ([FIRST, SECOND], [*SENT, *SENT], Pairing(0, 0, 0)),
        ([FIRST, SECOND], SENT[:1], Pairing(1, 0, 0)),
        ([FIRST], SENT, Pairing(0, 1, 0)),
        ([FIRST, SECOND], [*SENT, Told("e3", SECOND)], Pairing(0, 0, 1)),
        ([FIRST, SECOND], [*SENT, Told("e3", ROLLED_BACK)], Pairing(0, 1, 0)),
        ([], [], Pairing(0, 0, 0)),
    ],
)
def test_what_is_planted_is_found(changes: list[Change], events: list[Told], found: Pairing) -> None:
    assert paired(changes, events) == found


def test_the_longest_wait_is_of_the_other_keys() -> None:
    assert longest_wait(PASSAGES, but=["held"]) == 2.0
    assert longest_wait(PASSAGES) == pytest.approx(19.6)
    assert longest_wait([]) == 0.0


def test_who_waited_for_the_held_transaction_is_counted() -> None:
    stalled = Passage("c", 3.0, 20.2)

    assert waited_for(PASSAGES, until=20.0, patience=5.0, but=["held"]) == 0
    assert waited_for([*PASSAGES, stalled], until=20.0, patience=5.0, but=["held"]) == 1
    assert waited_for([*PASSAGES, stalled], until=20.0, patience=5.0, but=["held", "c"]) == 0


def test_what_a_cursor_would_have_passed_by_is_counted() -> None:
    assert passed_by([(1, 1), (1, 2), (2, 3), (3, 9), (4, 10)]) == 0
    assert passed_by([(1, 2), (1, 1), (2, 3)]) == 0
    assert passed_by([(1, 1), (1, 5), (2, 3), (2, 4), (3, 6), (4, 2)]) == 3
