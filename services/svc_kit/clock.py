"""Time, injected: the only place of the services that reads the machine's clocks."""

import time
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
