"""A clock that jumps, for whoever wants to see what that does; never in production."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from svc_kit.clock import JumpingClock, SystemClock, clock_of
from svc_kit.settings import KitSettings


def seconds_off(clock: JumpingClock) -> int:
    return round((clock.now() - datetime.now(UTC)) / timedelta(seconds=1))


def test_it_jumps_at_its_times_and_measures_on() -> None:
    clock = clock_of("5:3600,20:-3600,60:0")
    assert isinstance(clock, JumpingClock)
    before = clock.monotonic()

    seen = []
    for passed in (4, 5, 19, 20, 61):
        clock.began = clock.monotonic() - passed
        seen.append(seconds_off(clock))

    assert seen == [0, 3600, 3600, -3600, 0]
    assert 0 <= clock.monotonic() - before < 1


def test_without_jumps_it_is_the_machine_s() -> None:
    assert isinstance(clock_of(""), SystemClock)


@pytest.mark.parametrize("text", ["5", "5:", "soon:3600", "5:3600;9:0"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        clock_of(text)


def test_no_clock_jumps_in_production() -> None:
    needed: dict[str, Any] = {
        "database_url": "postgresql://x", "kafka_bootstrap_servers": "x:1", "internal_signing_key": "A" * 43 + "=",
        "internal_verify_keys": {"x": "y"}, "service_urls": {"x": "http://y"},
    }  # fmt: skip
    KitSettings(yunying_env="production", **needed)
    with pytest.raises(ValueError, match="CLOCK_JUMPS"):
        KitSettings(yunying_env="production", clock_jumps="5:3600", **needed)
