"""`make help` is the table of contents: nothing is missing in it."""

import re
import subprocess

from svc_local.layout import ROOT


def test_help_lists_every_target_with_one_line() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets is not None

    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    listed = [line.split()[1] for line in shown.splitlines()]
    assert sorted(listed) == sorted(targets.group(1).split())
    assert all(len(line) <= 120 and len(line.split()) > 3 for line in shown.splitlines())
