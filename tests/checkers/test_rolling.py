"""Each checker sees what it is for."""

import pytest
from tests.checkers.rolling import failed, least_share, lost_or_undecided, quantile


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ([("page", 200), ("quote", 201), ("cart", 201), ("checkout", 201), ("checkout", 202), ("order", 200)], 0),
        ([("page", None)], 1),
        ([("quote", 503), ("cart", 201)], 1),
        ([("checkout", 409), ("order", 404), ("page", 502)], 3),
    ],
)
def test_a_request_without_its_answer_failed(asked: list[tuple[str, int | None]], count: int) -> None:
    assert failed(asked) == count


def test_the_quantile_is_a_value_that_was_seen() -> None:
    values = [float(n) for n in range(1, 201)]

    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1.0)) == (100.0, 198.0, 200.0)
    assert quantile([7.0], 0.99) == 7.0
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


@pytest.mark.parametrize(
    ("parts", "share"), [([32, 32], 0.5), ([64, 0], 0.0), ([12], 0.0), ([], 0.0), ([0, 0], 0.0), ([3, 9], 0.25)]
)
def test_the_share_of_the_poorest(parts: list[int], share: float) -> None:
    assert least_share(parts) == share


def test_an_accepted_order_has_to_be_there_and_decided() -> None:
    statuses = {"ord_1": "confirmed", "ord_2": "placed", "ord_3": "expired"}

    assert lost_or_undecided(["ord_1", "ord_3"], statuses) == 0
    assert lost_or_undecided(["ord_1", "ord_2", "ord_4"], statuses) == 2
