"""`make bench`: a suite of its own, yardsticks and scenarios in one run, `reports/bench.json`.

SCENARIO=name runs one. Numbers of different machines, or of different runs, say nothing beside each other; the ratios
to the yardsticks of the same run do.
"""

import asyncio
import json
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from bench import yardsticks
from bench.processes import Usage, cpu_between, usage_of
from bench.scenarios import SCENARIOS, Bench, Figure
from bench.shop import Shop, open_shop
from svc_local.layout import ROOT, State, read_json
from svc_local.testing import guarded_folder, run_command, start_suite

YARDSTICK_SECONDS = 5
REPORT = ROOT / "reports" / "bench.json"


@dataclass(frozen=True, slots=True)
class Running:
    state: State
    gateway_url: str
    server_url: str
    shop: Shop


def main() -> int:
    asked = os.environ.get("SCENARIO", "")
    if asked and asked not in SCENARIOS:
        print(f"There is no scenario {asked!r}; there are {', '.join(SCENARIOS)}.", file=sys.stderr)
        return 2
    with running() as suite:
        rows = asyncio.run(measure(suite, [asked] if asked else list(SCENARIOS)))
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps({"machine": machine(), "figures": rows}, indent=2) + "\n")
    print(f"written to {REPORT.relative_to(ROOT)}")
    return 0


@contextmanager
def running() -> Iterator[Running]:
    """The suite as `make up` starts it, on free ports in a folder of its own, with the bench's shop."""
    with guarded_folder() as (folder, guardian):
        state = State(folder / "state")
        print("starting a suite …", flush=True)
        start_suite(state, guardian)
        report = read_json(state.suite_file)
        try:
            print("filling the shop …", flush=True)
            shop = open_shop(report["gateway_url"], report["credentials"])
            yield Running(state, report["gateway_url"], report["postgres_url"], shop)
        finally:
            run_command("down", state)


async def measure(suite: Running, names: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    base = 0.0
    async with yardsticks.yardstick_database(suite.server_url) as url:
        for one in (*yardsticks.ORDER_INSERTS, yardsticks.HOT_INSERT):
            rate = await asyncio.to_thread(yardsticks.transactions_per_second, url, one, seconds=YARDSTICK_SECONDS)
            base = rate if one is yardsticks.BASE else base
            print(f"{one.name:<28}{rate:>10,.0f}/s", flush=True)
            rows.append({"scenario": "yardstick", "figure": one.name, "value": round(rate, 1)})
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        bench = Bench(http, suite.gateway_url, suite.shop, random.Random(1))
        for name in names:
            before = usage_of(suite.state)
            figures = await SCENARIOS[name](bench)
            after = usage_of(suite.state)
            for figure in figures:
                rows.append(row_of(figure, base))
                print(line_of(rows[-1]), flush=True)
            rows.append(usage_row(name, before, after, sum(sum(f.measured.outcomes.values()) for f in figures)))
            print(cpu_line(rows[-1]), flush=True)
    return rows


def row_of(figure: Figure, base: float) -> dict[str, Any]:
    measured = figure.measured
    return {
        "scenario": figure.scenario,
        "clients": figure.clients,
        "figure": figure.figure,
        "value": round(measured.rate("ok"), 1),
        "yardstick": yardsticks.BASE.name,
        "ratio": round(measured.rate("ok") / base, 3),
        "p50_ms": measured.percentile_ms(0.50),
        "p99_ms": measured.percentile_ms(0.99),
        "outcomes": dict(measured.outcomes),
    }


def usage_row(name: str, before: dict[str, Usage], after: dict[str, Usage], calls: int) -> dict[str, Any]:
    cpu = cpu_between(before, after)
    return {
        "scenario": name,
        "figure": "usage",
        "calls": calls,
        "cpu_seconds": cpu,
        "cpu_us_per_call": {process: round(seconds * 1e6 / max(1, calls)) for process, seconds in cpu.items()},
        "pss_mib": {process: round(usage.pss_mib, 1) for process, usage in after.items()},
    }


def line_of(row: dict[str, Any]) -> str:
    odd = {outcome: count for outcome, count in row["outcomes"].items() if outcome != "ok"}
    return (
        f"{row['scenario']:<16}{row['clients']:>4} clients{row['value']:>10,.0f}/s   × {row['ratio']:.3f}   "
        f"p50 {row['p50_ms']:.1f} ms   p99 {row['p99_ms']:.1f} ms   {odd or ''}"
    )


def cpu_line(row: dict[str, Any]) -> str:
    spent = sorted(row["cpu_us_per_call"].items(), key=lambda one: -one[1])
    return "    µs of CPU per call: " + ", ".join(f"{name} {count}" for name, count in spent if count > 0)


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": next(
            (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")), "unknown",
        ),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
