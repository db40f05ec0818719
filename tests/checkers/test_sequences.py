"""What is missing or was overtaken is found where it is planted."""

from datetime import UTC, datetime, timedelta

from tests.checkers.sequences import holes, overtaken


def test_holes_are_named_from_where_the_watching_began() -> None:
    assert holes({"a": [5, 7, 8], "b": [3, 4], "c": []}) == {"a": [6]}


def test_what_was_done_before_an_earlier_one_is_counted() -> None:
    at = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=n) for n in range(3)]

    assert overtaken([("a", 1, at[0]), ("a", 2, at[0]), ("a", 3, at[2]), ("b", 1, at[1])]) == 0
    assert overtaken([("a", 1, at[1]), ("a", 2, at[0]), ("a", 3, at[2]), ("b", 1, at[0])]) == 1
