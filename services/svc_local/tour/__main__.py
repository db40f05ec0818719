"""`python -m svc_local.tour [README]`: one line per step; exit 1 where an answer is not the promised one."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from svc_local.layout import ROOT, State, read_json, state_here
from svc_local.tour.comparing import Difference, difference
from svc_local.tour.reading import Step, Unreadable, steps_of
from svc_local.tour.shell import Outcome, Shell
from svc_local.troubles import Trouble

PROGRAMS = ("bash", "curl", "python3")
STEP_SECONDS_MAX = 90.0
TITLE_WIDTH = 44


def main() -> int:
    readme = ROOT / (sys.argv[1] if len(sys.argv) > 1 else "README.md")
    try:
        refuse_to_begin(state_here())
        return walk(steps_of(readme.read_text(encoding="utf-8")), state_here())
    except (Trouble, Unreadable) as trouble:
        print(f"{readme.name}: {trouble}" if isinstance(trouble, Unreadable) else trouble, file=sys.stderr)
        return 1


def refuse_to_begin(state: State) -> None:
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        raise Trouble(f"The tour needs {', '.join(missing)}: install it and type `make tour` again.")
    if read_json(state.suite_file).get("state") != "ready":
        raise Trouble("The suite is not running: type `make up` first.")


def walk(steps: list[Step], state: State) -> int:
    """All steps in order, also those after one that differs."""
    began, differing = time.monotonic(), 0
    with place_of(state) as folder, Shell(folder) as shell:
        for step in steps:
            outcome = shell.run(step.commands, within_seconds=STEP_SECONDS_MAX)
            said = verdict(step, outcome)
            differing += bool(said)
            title = f"{step.title[:TITLE_WIDTH]:<{TITLE_WIDTH}}"
            print(f"  {title}{'differs' if said else 'ok':<8}{outcome.seconds:6.1f} s", flush=True)
            print("".join(f"      {line}\n" for line in said), end="", flush=True)
    total = f"{len(steps)} steps in {time.monotonic() - began:.1f} s"
    print(f"tour: {total}, all as promised" if not differing else f"tour: {total}, {differing} differ")
    return 1 if differing or not steps else 0


@contextmanager
def place_of(state: State) -> Iterator[Path]:
    """Where the commands run: there `.local` is this suite's state, as the README has it."""
    if state.folder.resolve() == (ROOT / ".local").resolve():
        yield ROOT
        return
    with tempfile.TemporaryDirectory(prefix="yunying-tour-") as folder:
        os.symlink(state.folder.resolve(), Path(folder) / ".local")
        yield Path(folder)


def verdict(step: Step, outcome: Outcome) -> list[str]:
    """Nothing where the answer is the promised one, else what a reader needs to see."""
    found = difference(step.promised, outcome.text)
    if found is None and outcome.status == 0:
        return []
    ended = "did not come to an end" if outcome.status is None else f"ended with status {outcome.status}"
    said = [f"README line {step.line}"]
    said += [f"the commands {ended}"] if outcome.status != 0 else []
    return said + (shown(found) if found else [])


def shown(found: Difference) -> list[str]:
    promised = [f"promised  {line}" for line in found.promised]
    answered = "(nothing more)" if found.answered is None else found.answered
    return [f"line {found.line} of the answer", *promised, f"answered  {answered}"]


if __name__ == "__main__":
    sys.exit(main())
