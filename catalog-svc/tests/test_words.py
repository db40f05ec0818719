"""Words of Chinese and English text."""

import pytest

from catalog_svc.storefront.words import (
    QUESTION_LENGTH_MAX,
    QUESTION_WORDS_MAX,
    distance,
    fragments,
    latin_words,
    nearest,
    pairs,
    query,
    question,
    runs,
    stem,
    typo_distance_max,
    vector,
    words,
)


def test_text_falls_into_runs_of_one_script() -> None:
    assert runs("USB-C 快充数据线 100W,明前龙井") == ["usb", "c", "快充数据线", "100w", "明前龙井"]
    assert runs("ＵＳＢ　茶") == ["usb", "茶"]


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("mugs", "mug"),
        ("berries", "berry"),
        ("brushes", "brush"),
        ("boxes", "box"),
        ("glass", "glass"),
        ("bus", "bus"),
        ("gas", "gas"),
    ],
)
def test_a_plural_loses_its_ending(plural: str, singular: str) -> None:
    assert stem(plural) == singular


def test_a_text_is_found_by_its_words_and_its_pieces() -> None:
    assert words("陶瓷马克杯 mugs") == ["陶瓷", "马克", "马克杯", "mugs", "mug"]
    assert fragments("茶杯 mug") == ["茶杯", "茶", "杯"]
    assert pairs("马克杯") == ["马克", "克杯"]
    assert latin_words("USB-C cable 100W no") == ["usb", "cable"]


def test_a_word_keeps_the_weight_that_it_came_with_first() -> None:
    assert vector([("A", ["tea", "it's"]), ("B", ["tea", "cup"])]) == "'tea':1A 'it''s':2A 'cup':3B"


def test_a_question_drops_stop_words_unless_it_has_no_others() -> None:
    assert question("the cup of tea").terms == ("cup", "tea")
    assert question("the of").terms == ("the", "of")
    assert question("!?").terms == ()


def test_a_question_is_as_long_as_it_may_be_and_no_longer() -> None:
    assert len(question(" ".join(f"w{n}" for n in range(40))).terms) == QUESTION_WORDS_MAX
    assert question("a" * (QUESTION_LENGTH_MAX + 1)).terms == ("a" * QUESTION_LENGTH_MAX,)


def test_every_term_has_to_be_there_in_one_of_its_forms() -> None:
    asked = question("保温杯 mugz")

    assert query(asked, {"mugz": ["mugs"]}) == ("('保温杯' | ('保温' & '温杯')) & ('mugz':* | 'mugs':* | 'mug':*)")


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [("tea", "tea", 0), ("tae", "tea", 1), ("te", "tea", 1), ("teea", "tea", 1), ("tex", "tea", 1), ("abc", "xyz", 3)],
)
def test_slips_are_counted(one: str, other: str, slips: int) -> None:
    assert distance(one, other) == slips


def test_longer_words_are_forgiven_more() -> None:
    assert [typo_distance_max("x" * n) for n in (4, 5, 6)] == [1, 1, 2]


def test_only_the_nearest_words_are_meant() -> None:
    assert nearest("keybaord", ["keyboard", "keyboards", "cardboard"]) == ["keyboard"]
    assert nearest("zebra", ["tea", "cable"]) == []
