"""When a consumer's client is taken for dead, though it says nothing about it."""

import pytest

from svc_kit.progress import NO_PROGRESS_SECONDS, SILENT_SECONDS, UNASSIGNED_SECONDS, Progress, Stuck


def seen(**changes: int) -> dict[str, int]:
    return {"has_share": 1, "moved": 0, "behind": 0, "heard": 1, **changes}


def begun() -> Progress:
    progress = Progress()
    progress.begin(100.0)
    progress.look(100.0, **seen())  # type: ignore[arg-type]
    return progress


def test_who_hears_the_broker_may_wait_for_ever() -> None:
    progress = begun()

    for n in range(1_000):
        progress.look(100.0 + n, **seen(heard=n))  # type: ignore[arg-type]

    assert not progress.is_silent(1_100.0 + SILENT_SECONDS - 1)


def test_who_hears_nothing_is_silent_at_once_and_dead_after_a_minute() -> None:
    progress = begun()

    progress.look(100.0 + NO_PROGRESS_SECONDS, **seen())  # type: ignore[arg-type]
    assert (progress.is_silent(100.0 + SILENT_SECONDS), progress.is_silent(101.0 + SILENT_SECONDS)) == (False, True)

    with pytest.raises(Stuck, match="does not answer"):
        progress.look(101.0 + NO_PROGRESS_SECONDS, **seen())  # type: ignore[arg-type]


def test_records_that_are_there_and_do_not_come_are_missed_though_the_broker_answers() -> None:
    progress = begun()

    progress.look(100.0 + NO_PROGRESS_SECONDS, **seen(behind=1, heard=2))  # type: ignore[arg-type]
    with pytest.raises(Stuck, match="none arrives"):
        progress.look(101.0 + NO_PROGRESS_SECONDS, **seen(behind=1, heard=3))  # type: ignore[arg-type]


def test_records_that_came_speak_for_the_client() -> None:
    progress = begun()

    progress.look(100.0 + 10 * NO_PROGRESS_SECONDS, **seen(moved=1, behind=9))  # type: ignore[arg-type]

    assert progress.silence(100.0 + 10 * NO_PROGRESS_SECONDS) == 0.0


def test_who_has_no_share_is_built_anew_less_and_less_often_and_is_not_silent() -> None:
    progress = Progress()
    alone = seen(has_share=0)
    progress.begin(0.0)
    progress.look(UNASSIGNED_SECONDS, **alone)  # type: ignore[arg-type]
    with pytest.raises(Stuck, match="no partitions"):
        progress.look(UNASSIGNED_SECONDS + 1, **alone)  # type: ignore[arg-type]

    progress.begin(100.0)
    progress.look(100.0 + 2 * UNASSIGNED_SECONDS, **alone)  # type: ignore[arg-type]
    with pytest.raises(Stuck, match="no partitions"):
        progress.look(101.0 + 2 * UNASSIGNED_SECONDS, **alone)  # type: ignore[arg-type]

    assert progress.silence(10_000.0) == 0.0
    assert progress.unassigned_seconds == 4 * UNASSIGNED_SECONDS
