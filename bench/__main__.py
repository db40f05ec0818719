"""`make bench`: a suite of its own, yardsticks and scenarios in one run, `reports/bench.json` and a page of it.

SCENARIO=name,… chooses. Numbers of different machines, or of different runs, say nothing beside each other; the ratios
to the yardsticks of the same run do. `--check` compares them with `bench/baseline.json`, `--keep` writes that file.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench import reporting, yardsticks
from bench.baseline import compare, keep, machine, same_machine
from bench.scenarios import LONG, SCENARIOS
from bench.scenarios.reading import PAGE
from bench.scenarios.resting import QUIET_SECONDS, own_pss_mib
from bench.shop import open_shop
from bench.stand import REPEATS, Figure, Stand
from svc_local.layout import State, read_json
from svc_local.testing import guarded_folder, run_command, start_suite

YARDSTICK_SECONDS = 4


def main(arguments: Sequence[str]) -> int:
    names = [name for name in os.environ.get("SCENARIO", "").split(",") if name] or list(SCENARIOS)
    known = SCENARIOS | LONG
    if unknown := [name for name in names if name not in known]:
        print(f"There is no scenario {', '.join(unknown)}; there are {', '.join(known)}.", file=sys.stderr)
        return 2
    if "--check" in arguments and (why := same_machine()):
        print(why, file=sys.stderr)
        return 2
    began = time.monotonic()
    with standing() as stand:
        rows = asyncio.run(measure(stand, names))
    reporting.write(machine(), rows)
    print(f"{time.monotonic() - began:.0f} s; reports/bench.json, reports/bench.html")
    if "--keep" in arguments:
        keep(rows)
    if "--check" in arguments:
        return compare(rows)
    return 0


@contextmanager
def standing() -> Iterator[Stand]:
    """The suite as `make up` starts it, on free ports in a folder of its own, with the bench's shop."""
    with guarded_folder() as (folder, guardian):
        state = State(folder / "state")
        print("starting a suite …", flush=True)
        start_suite(state, guardian)
        report = read_json(state.suite_file)
        try:
            time.sleep(QUIET_SECONDS)
            empty = own_pss_mib(state)
            print("filling the shop …", flush=True)
            yield Stand(state, report, open_shop(report["gateway_url"], report["credentials"]), empty)
        finally:
            run_command("down", state)


async def measure(stand: Stand, names: list[str]) -> list[dict[str, Any]]:
    rows = [one.row({}) for one in await measured_yardsticks(stand)]
    known = SCENARIOS | LONG
    for name in names:
        for figure in await known[name](stand):
            rows.append(figure.row(stand.yardsticks))
            print(reporting.line_of(rows[-1]), flush=True)
        stand.close()
    return rows


async def measured_yardsticks(stand: Stand) -> list[Figure]:
    async with yardsticks.yardstick_database(str(stand.report["postgres_url"])) as url:
        for one in (*yardsticks.ORDER_INSERTS, yardsticks.HOT_INSERT):
            rate = await asyncio.to_thread(yardsticks.transactions_per_second, url, one, seconds=YARDSTICK_SECONDS)
            stand.yardsticks[one.name] = rate
    status, content = await stand.get(0, f"/v1/store/{stand.shop.slug}/products?limit={PAGE}")
    if status != 200:
        raise RuntimeError(f"the product list answered {status}: {content[:300]!r}")
    stand.yardsticks[yardsticks.BARE] = await yardsticks.bare_answers_per_second(content, seconds=2, times=REPEATS)
    figures = [Figure("yardstick", name, value) for name, value in stand.yardsticks.items()]
    for figure in figures:
        print(f"{figure.figure:<44}{figure.value:>12,.0f}/s", flush=True)
    return figures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
