"""Each checker sees what it is for."""

import pytest
from tests.checkers.growth import growth, most_growth


def line(
    held: float, per_second: float, *, seconds: int = 120, peak_at: int | None = None
) -> list[tuple[float, float]]:
    return [(float(n), held + n * per_second + (held if n == peak_at else 0)) for n in range(seconds)]


def test_a_leak_is_seen_and_a_peak_is_not() -> None:
    assert growth(line(100.0, 0.0), warm_at=30) == 0.0
    assert growth(line(100.0, 0.1), warm_at=30) == pytest.approx(0.0820, abs=1e-3)
    assert growth(line(100.0, 0.0, peak_at=115), warm_at=30) == 0.0
    assert growth(line(100.0, -0.1), warm_at=30) < 0


def test_whoever_grew_most_is_named() -> None:
    assert most_growth({"a": line(100.0, 0.0), "b": line(100.0, 0.2)}, warm_at=30)[0] == "b"


@pytest.mark.parametrize("seconds", [0, 20, 35])
def test_a_run_that_is_too_short_says_nothing(seconds: int) -> None:
    with pytest.raises(ValueError, match="warm-up"):
        growth(line(100.0, 0.0, seconds=seconds), warm_at=30)
