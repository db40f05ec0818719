"""The README's tour, walked on the running suite: it ends as promised, and it notices where it does not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from svc_local import sample
from svc_local.layout import ROOT
from svc_local.tour.reading import steps_of

README = (ROOT / "README.md").read_text(encoding="utf-8")


def walk(state: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "YUNYING_STATE_DIR": str(state)}
    command = [sys.executable, "-m", "svc_local.tour", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def sample_shop(suite: Any) -> Any:
    sample.load(suite.gateway_url, suite.credentials)
    return suite


@pytest.mark.parametrize("times", ["once", "and again"])
def test_every_step_of_the_readme_answers_what_it_promises(sample_shop: Any, times: str) -> None:
    done = walk(sample_shop.state_dir)

    assert done.returncode == 0, done.stdout + done.stderr
    *lines, last = done.stdout.splitlines()
    assert [line.split()[-3] for line in lines] == ["ok"] * len(steps_of(README))
    assert last.endswith("all as promised")


def test_a_broken_promise_is_named_and_fails(sample_shop: Any, tmp_path: Path) -> None:
    begins = README.partition("### 3")[0]
    other = tmp_path / "README.md"
    other.write_text(begins.replace("Four Seasons Living CNY open", "Five Seasons Living CNY open"), encoding="utf-8")

    done = walk(sample_shop.state_dir, str(other))

    assert done.returncode == 1
    assert "promised  四时生活馆 Five Seasons Living CNY open" in done.stdout
    assert "answered  四时生活馆 Four Seasons Living CNY open" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("1 differ")


def test_without_a_suite_it_says_what_to_type(tmp_path: Path) -> None:
    done = walk(tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The suite is not running: type `make up` first.\n"
