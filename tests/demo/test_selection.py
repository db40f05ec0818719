"""What HOUSEHOLDS and TAMPER may say, and which shop that is."""

import pytest

from svc_local.demo.selection import Selection, asked
from svc_local.troubles import Trouble


@pytest.mark.parametrize(
    ("environment", "selection"),
    [
        ({}, Selection(40)),
        ({"HOUSEHOLDS": ""}, Selection(40)),
        ({"HOUSEHOLDS": "1"}, Selection(1)),
        ({"HOUSEHOLDS": " 100000 "}, Selection(100_000)),
        ({"HOUSEHOLDS": "all"}, Selection(None)),
        ({"TAMPER": "1"}, Selection(40, tampered=True)),
        ({"HOUSEHOLDS": "all", "TAMPER": "0"}, Selection(None)),
    ],
)
def test_the_environment_says_which_households(environment: dict[str, str], selection: Selection) -> None:
    assert asked(environment) == selection


@pytest.mark.parametrize(
    "environment",
    [{"HOUSEHOLDS": "0"}, {"HOUSEHOLDS": "100001"}, {"HOUSEHOLDS": "-1"}, {"HOUSEHOLDS": "ten"}, {"HOUSEHOLDS": "４０"},
     {"TAMPER": "yes"}],
)  # fmt: skip
def test_anything_else_is_refused_by_its_name(environment: dict[str, str]) -> None:
    [name] = environment

    with pytest.raises(Trouble, match=name):
        asked(environment)


def test_each_selection_has_a_shop_of_its_own() -> None:
    all_of_them = [Selection(1), Selection(40), Selection(None), Selection(40, True), Selection(None, True)]

    shops = [one.shop for one in all_of_them]

    assert shops == ["journey-1", "journey-40", "journey-all", "journey-40-tampered", "journey-all-tampered"]


def test_the_first_households_are_taken_by_id() -> None:
    assert Selection(2).of([7, 3, 900, 3, 11]) == {3, 7}
    assert Selection(None).of([7, 3]) == {3, 7}
    assert Selection(9).of([7, 3]) == {3, 7}
