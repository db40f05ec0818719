"""`make sabotage`: break one line in a copy of the tree, run the test that has to notice, mend it, go on.

`python -m tests.sabotage NAME …` runs some. The checkout itself is never touched.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.sabotage.list import SABOTAGES
from tests.sabotage.sabotage import ROOT, Sabotage, misfits
from tests.sabotage.workshop import Workshop

REPORT = ROOT / "reports" / "sabotage.json"


def main(names: Sequence[str]) -> int:
    unknown = sorted(set(names) - {one.name for one in SABOTAGES})
    if unknown:
        say(f"There is no sabotage {', '.join(unknown)}; there are {', '.join(one.name for one in SABOTAGES)}.")
        return 2
    chosen = [one for one in SABOTAGES if not names or one.name in names]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="yunying-sabotage-") as folder:
        workshop = Workshop.of_tracked_files(Path(folder))
        if wrong := [f"{one.name}: {why}" for one in chosen for why in misfits(one, workshop.folder)]:
            say("\n".join(wrong))
            return 2
        workshop.require_own_sources()
        if not are_green(workshop, chosen, "before"):
            return 1
        rows = [row_of(workshop, n, one, len(chosen)) for n, one in enumerate(chosen, start=1)]
        green = are_green(workshop, chosen, "after")
    caught = sum(bool(row["caught"]) for row in rows)
    show(chosen, rows)
    say(f"{caught}/{len(rows)} caught, {time.monotonic() - began:.0f} s")
    if not names:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
        say(f"written to {REPORT.relative_to(ROOT)}")
    return 0 if green and caught == len(rows) else 1


def are_green(workshop: Workshop, chosen: Iterable[Sabotage], when: str) -> bool:
    """The named tests over the code as it is: once for each environment that they ask for."""
    began = time.monotonic()
    wrong = workshop.not_green(chosen)
    say(f"{'green ' + when:<58} {'yes' if not wrong else 'NO':<8}{time.monotonic() - began:6.1f} s")
    for test in wrong:
        say(f"  {test}")
    return not wrong


def row_of(workshop: Workshop, n: int, one: Sabotage, of: int) -> dict[str, object]:
    began = time.monotonic()
    verdict = workshop.try_out(one)
    seconds = round(time.monotonic() - began, 1)
    say(f"{n:>2}/{of} {one.name:<52} {'red' if verdict.caught else 'NOT SEEN':<8}{seconds:6.1f} s")
    if not verdict.caught:
        say(f"  {one.path}: {verdict.words}")
    return {
        "name": one.name,
        "file": one.path,
        "test": one.test,
        "caught": verdict.caught,
        "seconds": seconds,
        "found_by": one.found_by,
        "said": verdict.words,
    }


def show(chosen: Sequence[Sabotage], rows: Sequence[dict[str, object]]) -> None:
    say("")
    for one, row in zip(chosen, rows, strict=True):
        say(f"{'caught' if row['caught'] else 'MISSED':<8}{one.found_by:<11}{one.name}: {one.cost}")
    say("")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
