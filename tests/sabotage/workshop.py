"""A copy of the tree in which lines are broken and mended, and pytest over it."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sabotage.sabotage import ROOT, Sabotage

from svc_local.bootstrap import ON_THE_PATH
from svc_local.testing import TOLD_TO_MAKE

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = (
    *("svc_contracts", "svc_kit", "svc_local", "catalog_svc", "order_svc", "inventory_svc", "marketing_svc"),
    *("metrics_svc", "gateway", "tests.simulator.world"),
)
RUN_SECONDS_MAX = 120
GREEN_SECONDS_MAX = 600
OUTPUT_SHOWN = 4_000
TESTS_FAILED = 1
WORSE = ("", "passed", "skipped", "error", "failed")
# The line was broken, not the behaviour: such a sabotage proves nothing.
BROKEN_CODE = ("ImportError", "ModuleNotFoundError", "NameError", "SyntaxError", "AttributeError", "UnboundLocalError")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`words`: how the test failed, or why that does not count."""

    caught: bool
    words: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """(file, function) → its worst result, with the first line of what it said."""

    exit_code: int
    results: Mapping[tuple[str, str], tuple[str, str]]
    output: str


@dataclass(frozen=True, slots=True)
class Workshop:
    folder: Path

    @classmethod
    def of_tracked_files(cls, folder: Path) -> "Workshop":
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        return cls(folder)

    @property
    def environment(self) -> dict[str, str]:
        """The copy's folders come before those that the environment's path file names."""
        inherited = {name: value for name, value in os.environ.items() if name not in TOLD_TO_MAKE}
        path = [str(self.folder), *(str(self.folder / name) for name in ON_THE_PATH)]
        return {**inherited, "PYTHONPATH": os.pathsep.join(path)}

    def require_own_sources(self) -> None:
        """Raises AssertionError where the copy's Python would import the checkout's code."""
        names = ", ".join(PACKAGES)
        code = f"import sys, {names}\nfor name in {PACKAGES!r}: print(sys.modules[name].__file__)"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        files = [Path(line) for line in done.stdout.split()]
        assert len(files) == len(PACKAGES), done.stdout
        for file in files:
            assert file.resolve().is_relative_to(self.folder.resolve()), f"{file} is not the copy's"

    def not_green(self, sabotages: Iterable[Sabotage]) -> list[str]:
        """The named tests that do not pass, and what pytest said about them."""
        groups: dict[tuple[tuple[str, str], ...], set[str]] = {}
        for one in sabotages:
            groups.setdefault(tuple(sorted(one.environment.items())), set()).add(one.test)
        wrong = []
        for environment, tests in groups.items():
            outcome = self._pytest(sorted(tests), dict(environment), within_seconds=GREEN_SECONDS_MAX)
            passed = [test for test in tests if outcome.results.get(key_of(test), ("", ""))[0] == "passed"]
            if outcome.exit_code != 0 or len(passed) < len(tests):
                wrong += [*sorted(tests - set(passed)), outcome.output[-OUTPUT_SHOWN:]]
        return wrong

    def try_out(self, one: Sabotage) -> Verdict:
        with self._broken(one):
            outcome = self._pytest([one.test], one.environment, within_seconds=RUN_SECONDS_MAX)
        result, words = outcome.results.get(key_of(one.test), ("", ""))
        if outcome.exit_code != TESTS_FAILED or result != "failed":
            return Verdict(False, f"{result or 'no result'}, exit code {outcome.exit_code}: {words}".strip())
        if words.startswith(BROKEN_CODE):
            return Verdict(False, f"the code is broken, not the behaviour: {words}")
        return Verdict(True, words)

    @contextmanager
    def _broken(self, one: Sabotage) -> "Iterator[None]":
        path = self.folder / one.path
        whole = path.read_bytes()
        text = whole.decode()
        assert text.count(one.old) == 1, one.name
        write(path, text.replace(one.old, one.new).encode())
        try:
            yield
        finally:
            write(path, whole)

    def _pytest(self, tests: Sequence[str], more: Mapping[str, str], *, within_seconds: float) -> Outcome:
        report = self.folder / "outcome.xml"
        report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
        process = subprocess.Popen(
            [*command, f"--junitxml={report}", *tests],
            cwd=self.folder,
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=within_seconds)
        except subprocess.TimeoutExpired:
            return Outcome(-1, {}, f"not done within {within_seconds} s")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return Outcome(process.returncode, results_of(report), output)


def write(path: Path, content: bytes) -> None:
    """Bytecode is told apart by second and size only, which a broken and a mended file may share."""
    path.write_bytes(content)
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def key_of(test: str) -> tuple[str, str]:
    file, _, name = test.partition("::")
    return file, name


def results_of(report: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """The parameters of a test are one test: it failed where one of them did."""
    if not report.is_file():
        return {}
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        key = case.get("file", ""), case.get("name", "").partition("[")[0]
        found[key] = max(found.get(key, ("", "")), result_of(case), key=lambda one: WORSE.index(one[0]))
    return found


def result_of(case: ElementTree.Element) -> tuple[str, str]:
    for tag, result in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        if (child := case.find(tag)) is not None:
            return result, child.get("message", "").partition("\n")[0]
    return "passed", ""
