"""The list of sabotages fits the code as it is. `make sabotage` applies them."""

from collections import Counter

import pytest
from tests.sabotage.list import SABOTAGES
from tests.sabotage.sabotage import Sabotage, misfits


@pytest.mark.parametrize("one", SABOTAGES, ids=lambda one: one.name)
def test_every_sabotage_still_fits_its_line_and_its_test(one: Sabotage) -> None:
    assert misfits(one) == []


def test_there_are_thirty_or_more_with_names_of_their_own_and_eight_are_for_the_simulator() -> None:
    names = Counter(one.name for one in SABOTAGES)

    assert len(SABOTAGES) >= 30
    assert [name for name, times in names.items() if times > 1] == []
    assert sum(one.found_by == "simulator" for one in SABOTAGES) >= 8
