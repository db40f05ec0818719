"""A closed loop: so many clients, each asking again as soon as it is answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

Call = Callable[[int], Awaitable[str]]  # client → the outcome in a word


@dataclass(slots=True)
class Measured:
    """Latencies in seconds of what counted."""

    seconds: float
    outcomes: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    def rate(self, outcome: str) -> float:
        return self.outcomes[outcome] / self.seconds

    def percentile_ms(self, share: float) -> float:
        return round(percentile(self.latencies, share) * 1000, 1)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; 0 for no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def closed_loop(call: Call, *, clients: int, seconds: float, warm_seconds: float = 0.0) -> Measured:
    """What begins within `seconds` after the warm-up counts; everything is waited for."""
    begin = time.perf_counter() + warm_seconds
    end = begin + seconds
    measured = Measured(seconds)

    async def client(n: int) -> None:
        while (started := time.perf_counter()) < end:
            outcome = await call(n)
            if started >= begin:
                measured.outcomes[outcome] += 1
                measured.latencies.append(time.perf_counter() - started)

    await asyncio.gather(*(client(n) for n in range(clients)))
    measured.seconds = time.perf_counter() - begin
    return measured


async def one_by_one(call: Call, *, times: int) -> Measured:
    """One client, `times` calls."""
    measured = Measured(0.0)
    begin = time.perf_counter()
    for _ in range(times):
        started = time.perf_counter()
        measured.outcomes[await call(0)] += 1
        measured.latencies.append(time.perf_counter() - started)
    measured.seconds = time.perf_counter() - begin
    return measured
