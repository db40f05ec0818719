"""Each checker sees what it is for."""

import pytest
from tests.checkers.refusing import unclean, untrue


@pytest.mark.parametrize(
    ("answers", "also", "count"),
    [
        ([(201, None), (503, "/problems/overloaded"), (507, "/problems/storage-full")], (), 0),
        ([(500, "/problems/internal-error")], (), 1),
        ([(503, None)], (), 1),
        ([(None, None)], (), 1),
        ([(401, "/problems/unauthenticated")], (), 1),
        ([(401, "/problems/unauthenticated")], (401,), 0),
        ([(502, "/problems/upstream-refused"), (200, None)], (), 1),
    ],
)
def test_anything_but_an_answer_or_a_problem_that_passes_is_unclean(
    answers: list[tuple[int | None, str | None]], also: tuple[int, ...], count: int
) -> None:
    assert unclean(answers, also) == count


def test_what_was_acknowledged_has_to_be_there() -> None:
    assert untrue(["a", "b", "b"], ["a", "b", "c"]) == 0
    assert untrue(["a", "b", "b"], ["a"]) == 1
