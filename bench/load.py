"""Load: a closed loop (so many clients, each asking again as soon as it is answered), all at once, one by one."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

Call = Callable[[int], Awaitable[str]]  # client → the outcome in a word


@dataclass(slots=True)
class Measured:
    """Latencies in seconds of what counted. `ok`: how many things one good outcome stands for."""

    seconds: float
    outcomes: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    units: int = 1

    @property
    def rate(self) -> float:
        """Good outcomes per second."""
        return self.outcomes["ok"] * self.units / self.seconds

    @property
    def calls(self) -> int:
        return sum(self.outcomes.values())

    def percentile_ms(self, share: float) -> float:
        return round(percentile(self.latencies, share) * 1000, 2)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; 0 for no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def spread(values: Sequence[float]) -> float:
    """(highest − lowest) / median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


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


async def open_loop(call: Call, *, per_second: float, seconds: float) -> Measured:
    """Calls begin at their time, answered or not before: latency counts from when each was due."""
    begin = time.perf_counter()
    measured = Measured(seconds)

    async def one(n: int, due: float) -> None:
        measured.outcomes[await call(n)] += 1
        measured.latencies.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as group:
        for n in range(int(per_second * seconds)):
            due = begin + n / per_second
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            group.create_task(one(n, due))
    measured.seconds = time.perf_counter() - begin
    return measured


async def all_at_once(call: Call, *, clients: int) -> Measured:
    """Each client once, all beginning in the same moment."""
    measured = Measured(0.0)
    begin = time.perf_counter()

    async def client(n: int) -> None:
        outcome = await call(n)
        measured.outcomes[outcome] += 1
        measured.latencies.append(time.perf_counter() - begin)

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
