"""What is left in the warehouse: nothing of anything, the ledger says the same, and one unit more is refused."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from svc_local.demo import bodies
from svc_local.demo.baskets import Article
from svc_local.demo.display import Progressing
from svc_local.demo.door import DemoDoor, at_once
from svc_local.demo.entering import slug_of
from svc_local.demo.selection import Selection
from svc_local.sample.stocking import key, parts

COUNTERS = ("on_hand", "reserved", "available")
# How each kind of movement moves (on_hand, reserved); the demo causes no others (models.md §2).
SIGNS: Mapping[str, tuple[int, int]] = {
    "received": (1, 0), "reserved": (0, 1), "released": (0, -1), "shipped": (-1, -1),
}  # fmt: skip
SKUS_PER_REQUEST = 50
IN_FLIGHT = 4
SAMPLE = 12
DECIDED_SECONDS = 60.0


def levels_of(door: DemoDoor, selection: Selection, progress: Progressing) -> dict[str, dict[str, int]]:
    """{sku: its counters}."""
    found = {}
    for level in door.all_of("/v1/admin/stock-levels", warehouse=selection.shop):
        found[level["sku"]] = {counter: level[counter] for counter in COUNTERS}
        progress.advance()
    return found


def sums_of(
    door: DemoDoor, selection: Selection, skus: Sequence[str], progress: Progressing
) -> dict[str, tuple[int, int]]:
    """{sku: what all its movements add up to, on hand and reserved}."""
    found: dict[str, tuple[int, int]] = {}
    for some in at_once(partial(_sums, door, selection), parts(skus, SKUS_PER_REQUEST), many=IN_FLIGHT):
        found |= some
        progress.advance(len(some))
    return found


def _sums(door: DemoDoor, selection: Selection, skus: list[str]) -> dict[str, tuple[int, int]]:
    return added(
        dict.fromkeys(skus, (0, 0)), door.all_of("/v1/admin/stock-movements", warehouse=selection.shop, sku=skus)
    )


def added(sums: dict[str, tuple[int, int]], movements: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    for one in movements:
        on_hand, reserved = sums[one["sku"]]
        signs = SIGNS[one["kind"]]
        sums[one["sku"]] = (on_hand + signs[0] * one["quantity"], reserved + signs[1] * one["quantity"])
    return sums


def left_over(
    skus: Sequence[str], levels: Mapping[str, Mapping[str, int]], sums: Mapping[str, tuple[int, int]]
) -> list[str]:
    """A sentence for each level that is not exactly 0, or is not what its movements add up to."""
    said = []
    for sku in skus:
        level = levels.get(sku)
        if level is None:
            said.append(f"stock of {sku}: there is no level")
            continue
        if any(level.values()):
            counted = ", ".join(f"{counter} {count}" for counter, count in level.items())
            said.append(f"stock of {sku}: {counted}; everything should be 0")
        if (level["on_hand"], level["reserved"]) != sums.get(sku, (0, 0)):
            said.append(
                f"stock of {sku}: the level says {level['on_hand']} on hand and {level['reserved']} reserved, its "
                f"movements add up to {sums.get(sku, (0, 0))}"
            )
    return said


def sample_of(articles: Sequence[Article]) -> list[Article]:
    """Some from end to end of the range, the best-selling first."""
    by_units = sorted(articles, key=lambda one: (-one.units, one.id))
    step = max(1, len(by_units) // SAMPLE)
    return by_units[::step][:SAMPLE]


def one_more(door: DemoDoor, selection: Selection, article: Article) -> str | None:
    """None where a buyer of one more unit hears that the stock is short; else what was answered."""
    path = f"/v1/store/{selection.shop}/checkout"
    asked = {"json": bodies.one_more_body(selection, article), "headers": key() | bodies.somebody()}
    answer = door.send("POST", path, **asked)
    deadline = time.monotonic() + DECIDED_SECONDS
    # Not decided yet: the same request again, under the same key, answers with the order as it is then.
    while answer.status_code == 202 and time.monotonic() < deadline:
        answer = door.send("POST", path, **asked)
    problem = answer.json() if answer.content else {}
    if answer.status_code == 409 and slug_of(problem) == "stock-short":
        return None
    return (
        f"one more of {bodies.sku(selection, article.id)} was not refused as stock-short: "
        f"{answer.status_code} {answer.text[:500]}"
    )
