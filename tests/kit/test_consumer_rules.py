"""What a consumer decides, by itself: positions, tries, and when trouble is no longer one event's."""

from dataclasses import dataclass

import pytest

from svc_kit.consumer_rules import (
    SYSTEMATIC_KEYS,
    SYSTEMATIC_KEYS_OF_A_TYPE,
    SYSTEMATIC_SECONDS,
    TRIES_BEFORE_PARKING,
    Failures,
    Next,
    Systematic,
    after_failure,
    around,
    halves,
    standing,
    to_seek,
    torn,
)


@dataclass(frozen=True, slots=True)
class Seen:
    key: str
    offset: int


@dataclass(frozen=True, slots=True)
class Told(Seen):
    event_id: int


@pytest.mark.parametrize(
    ("stored", "pos", "mine"),
    [(7, 7, True), (6, 7, False), (8, 7, False), (7, 6, False), (7, 8, False), (6, 6, False), (None, 7, False)],
)
def test_a_partition_counts_only_where_database_and_own_position_expect_just_this_record(
    stored: int | None, pos: int, mine: bool
) -> None:
    records = [Seen("a", 7), Seen("b", 8)]

    found = standing(records, lambda _: "p", stored={} if stored is None else {"p": stored}, pos={"p": pos})

    expected = (records, {"p": 9}, set()) if mine else ([], {}, {"p"})
    assert (found.mine, found.ahead, found.astray) == expected


@pytest.mark.parametrize(("next_offset", "is_torn"), [(9, False), (8, True), (10, True), (3, True)])
def test_what_is_held_has_to_be_followed_by_the_very_next_record(next_offset: int, is_torn: bool) -> None:
    held = [Seen("a", 7), Seen("b", 5), Seen("a", 8)]
    polled = [Seen("a", next_offset), Seen("a", next_offset + 1), Seen("c", 40)]

    assert torn(held, polled, lambda record: record.key) == ({"a"} if is_torn else set())


def test_what_stands_elsewhere_than_the_database_says_is_sought() -> None:
    assert to_seek({"a": 3, "b": 5, "c": 7}, {"a": 3, "b": 9}) == {"b": 5, "c": 7}


@pytest.mark.parametrize(
    ("count", "tries", "is_passing", "then"),
    [
        (1, 1, True, Next.WAIT),
        (500, 1, True, Next.WAIT),
        (1, TRIES_BEFORE_PARKING, True, Next.WAIT),
        (500, 1, False, Next.HALVE),
        (2, TRIES_BEFORE_PARKING, False, Next.HALVE),
        (1, 1, False, Next.AGAIN),
        (1, TRIES_BEFORE_PARKING - 1, False, Next.AGAIN),
        (1, TRIES_BEFORE_PARKING, False, Next.PARK),
    ],
)
def test_passing_trouble_waits_for_ever_and_an_event_is_parked_alone_after_three_tries(
    count: int, tries: int, is_passing: bool, then: Next
) -> None:
    assert after_failure(count, tries, is_passing=is_passing) is then


@pytest.mark.parametrize("count", [2, 3, 7, 8])
def test_halves_are_the_whole_in_its_order(count: int) -> None:
    first, second = halves(range(count))

    assert [*first, *second] == list(range(count))
    assert abs(len(first) - len(second)) <= 1


def test_what_follows_a_bad_event_goes_behind_it_and_what_came_before_does_not() -> None:
    records = [
        Told("a", 0, 10),
        Told("b", 1, 11),
        Told("a", 2, 12),
        Told("c", 3, 13),
        Told("a", 4, 14),
        Told("b", 5, 15),
    ]

    flowing, sick, later = around(records, {12, 14, 15})

    assert [one.offset for one in flowing] == [0, 1, 3]
    assert [one.offset for one in sick] == [2, 5]
    assert [one.offset for one in later] == [4]


def test_one_type_that_fails_on_five_keys_is_a_bug() -> None:
    failures = Failures()
    for n in range(SYSTEMATIC_KEYS_OF_A_TYPE - 1):
        failures.note("order.placed", f"ord_{n}", now=n * 1_000.0)
    # The same key again is no news, a success of the type speaks for it.
    failures.note("order.placed", "ord_0", now=9_000.0)

    with pytest.raises(Systematic, match=r"order\.placed"):
        failures.note("order.placed", "ord_new", now=10_000.0)

    failures.forgive(["order.placed"])
    failures.note("order.placed", "ord_newer", now=11_000.0)


@pytest.mark.parametrize(("within_seconds", "stops"), [(SYSTEMATIC_SECONDS - 1, True), (SYSTEMATIC_SECONDS, False)])
def test_more_than_twenty_keys_within_a_minute_stop_the_consumer_whatever_their_types(
    within_seconds: float, stops: bool
) -> None:
    failures = Failures()
    for n in range(SYSTEMATIC_KEYS):
        failures.note(f"type.{n}", f"ord_{n}", now=0.0)

    if stops:
        with pytest.raises(Systematic, match="more than 20 keys"):
            failures.note("type.last", "ord_last", now=within_seconds)
    else:
        failures.note("type.last", "ord_last", now=within_seconds)


def test_one_key_that_is_tried_again_and_again_is_one() -> None:
    failures = Failures()

    for n in range(10 * SYSTEMATIC_KEYS):
        failures.note(f"type.{n}", "ord_1", now=n / 10)

    assert len(failures.at) == 1
