"""A page that says that all is well is found out."""

from tests.checkers.silence import Look, untrue


def test_whoever_says_too_long_that_all_is_well_is_counted() -> None:
    true = [Look(1.0, True, "running"), Look(7.0, False, "silent"), Look(61.0, False, "starting")]

    assert untrue(true, grace=6.0) == 0
    assert untrue([*true, Look(8.0, True, "silent"), Look(9.0, False, "running")], grace=6.0) == 2
