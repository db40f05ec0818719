"""`make reconcile`: orders ↔ reservations ↔ movements ↔ payments ↔ benefits ↔ facts, on the running suite."""

import asyncio
import sys
import time
from dataclasses import dataclass

from svc_local.layout import read_json, state_here
from svc_local.reconcile import rules
from svc_local.reconcile.reading import Words, read
from svc_local.reconcile.rules import Drift

REST_WITHIN_SECONDS = 20.0
LOOK_EVERY_SECONDS = 0.5
SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Report:
    compared: dict[str, int]
    drift: list[Drift]
    at_rest: bool
    parked: dict[str, int]


def compare(words: Words) -> Report:
    drift = [
        *rules.levels(words.levels, words.held, words.moved),
        *rules.decisions(words.orders, words.stock, words.benefits),
        *rules.money(words.orders, words.ledger, words.under_way),
        *rules.facts(words.orders, words.facts),
    ]
    compared = {"orders": len(words.orders), "levels": len(words.levels), "facts": len(words.facts)}
    at_rest = not any(words.waiting.values()) and not any(row["status"] == "placed" for row in words.orders)
    return Report(compared, drift, at_rest, {name: count for name, count in words.parked.items() if count})


async def settled(urls: dict[str, str], *, within_seconds: float = REST_WITHIN_SECONDS) -> Report:
    """Looks until nothing differs any more, for what is on its way is no drift; at the latest when the time is up."""
    until = time.monotonic() + within_seconds
    while True:
        report = compare(await read(urls))
        if (report.at_rest and not report.drift) or time.monotonic() >= until:
            return report
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def main() -> int:
    report = read_json(state_here().suite_file)
    if not report:
        print("There is no suite here: `make up` first.", file=sys.stderr)
        return 2
    found = asyncio.run(settled(report["postgres"]["app"]))
    print("compared: " + ", ".join(f"{count:,} {name}" for name, count in found.compared.items()))
    for one in found.drift[:SHOWN_MAX]:
        print(f"  {one.check:<28}{one.subject:<34}expected {one.expected}, found {one.found}")
    if len(found.drift) > SHOWN_MAX:
        print(f"  … and {len(found.drift) - SHOWN_MAX} more")
    for database, count in found.parked.items():
        print(f"  {database}: {count} keys are parked and wait for a person")
    if not found.at_rest:
        print("  the suite is not at rest: something is still on its way, or stands still")
    print(f"drift: {len(found.drift)}")
    return 1 if found.drift or found.parked else 0


if __name__ == "__main__":
    sys.exit(main())
