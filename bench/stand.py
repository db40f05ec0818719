"""What a scenario stands on: the running suite, the shop, the yardsticks of this run; and how it measures."""

import random
import secrets
import statistics
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.load import Measured, spread
from bench.processes import cpu_between, usage_of
from bench.shop import Shop
from bench.wire import Wire, request
from svc_local.layout import State

REPEATS = 3
SECONDS = 4.0
WARM_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Figure:
    """`value`: the median of `repeats`. `better`: which way. Ratios are to `yardstick`, of the same run."""

    scenario: str
    figure: str
    value: float
    yardstick: str | None = None
    aim: str = ""
    repeats: tuple[float, ...] = ()
    p50_ms: float | None = None
    p99_ms: float | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    calls: int = 0
    rss_mib: Mapping[str, float] = field(default_factory=dict)

    def row(self, yardsticks: Mapping[str, float]) -> dict[str, Any]:
        """As `reports/bench.json` has it."""
        base = yardsticks.get(self.yardstick or "", 0.0)
        return {
            "scenario": self.scenario,
            "figure": self.figure,
            "value": round(self.value, 3),
            "yardstick": self.yardstick,
            "ratio": round(self.value / base, 4) if base else None,
            "aim": self.aim,
            "repeats": [round(one, 3) for one in self.repeats],
            "spread": round(spread(self.repeats), 3) if self.repeats else None,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "outcomes": dict(self.outcomes),
            "cpu_seconds": dict(self.cpu_seconds),
            "cpu_us_per_call": {
                name: round(spent * 1e6 / self.calls) for name, spent in self.cpu_seconds.items() if self.calls
            },
            "rss_mib": dict(self.rss_mib),
        }


@dataclass(slots=True)
class Stand:
    state: State
    report: Mapping[str, Any]
    shop: Shop
    # MiB by process, before the shop was filled.
    empty_pss_mib: Mapping[str, float] = field(default_factory=dict)
    yardsticks: dict[str, float] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    wires: list[Wire] = field(default_factory=list)

    @property
    def gateway_url(self) -> str:
        return str(self.report["gateway_url"])

    def database(self, name: str) -> str:
        return str(self.report["postgres"]["app"][name])

    def wire(self, n: int) -> Wire:
        """Client n's own connection, kept alive."""
        while len(self.wires) <= n:
            self.wires.append(Wire(self.gateway_url))
        return self.wires[n]

    async def get(self, n: int, path: str) -> tuple[int, bytes]:
        return await self.wire(n).ask(request("GET", path))

    async def post(self, n: int, path: str, body: object, headers: Mapping[str, str]) -> tuple[int, Any]:
        status, content = await self.wire(n).ask(request("POST", path, headers, body))
        return status, orjson.loads(content) if content else None

    def visitor(self) -> dict[str, str]:
        """Somebody new each time: a buyer may have only so many unpaid orders."""
        return {"X-Visitor-Id": secrets.token_urlsafe(24)}

    def close(self) -> None:
        for wire in self.wires:
            wire.close()
        self.wires.clear()

    async def measure(
        self,
        scenario: str,
        figure: str,
        once: Callable[[], Awaitable[Measured]],
        *,
        yardstick: str | None = None,
        aim: str = "",
        times: int = REPEATS,
    ) -> Figure:
        """`once` several times, with what every process spent meanwhile."""
        before = usage_of(self.state)
        runs = [await once() for _ in range(times)]
        after = usage_of(self.state)
        rates = [run.rate for run in runs]
        latencies = [one for run in runs for one in run.latencies]
        whole = Measured(0.0, latencies=latencies)
        return Figure(
            scenario=scenario,
            figure=figure,
            value=statistics.median(rates),
            yardstick=yardstick,
            aim=aim,
            repeats=tuple(rates),
            p50_ms=whole.percentile_ms(0.50),
            p99_ms=whole.percentile_ms(0.99),
            outcomes=sum((run.outcomes for run in runs), Counter()),
            cpu_seconds=cpu_between(before, after),
            calls=sum(run.calls for run in runs),
            rss_mib={name: round(usage.pss_mib, 1) for name, usage in after.items()},
        )
