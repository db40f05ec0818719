"""Time, injected: the only place of the services that reads the machine's clocks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC, for rows and deadlines."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring and for leases."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(slots=True)
class JumpingClock:
    """The machine's, but its wall clock jumps. `jumps`: (seconds after the start, seconds off from then on)."""

    jumps: Sequence[tuple[float, float]]
    began: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        passed = time.monotonic() - self.began
        off = [seconds for at, seconds in self.jumps if at <= passed]
        return datetime.now(UTC) + timedelta(seconds=off[-1] if off else 0.0)

    def monotonic(self) -> float:
        return time.monotonic()


def clock_of(jumps: str) -> Clock:
    """`"5:3600,20:0"`: after five seconds an hour ahead, after twenty right again; empty: the machine's clock.

    Raises ValueError for anything else.
    """
    if not jumps:
        return SystemClock()
    return JumpingClock(
        sorted((float(at), float(off)) for at, _, off in (one.partition(":") for one in jumps.split(",")))
    )


@dataclass(slots=True)
class FixedClock:
    """Stands still until a test moves it."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 15, 8, 0, tzinfo=UTC))
    passed_seconds: float = 0.0

    def now(self) -> datetime:
        return self.at + timedelta(seconds=self.passed_seconds)

    def monotonic(self) -> float:
        return self.passed_seconds

    def advance(self, seconds: float) -> None:
        self.passed_seconds += seconds
