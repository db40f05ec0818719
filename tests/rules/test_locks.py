"""Three locks, one truth: what the services run on is part of what one machine needs, is part of what tests need."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements-services.lock", "requirements.lock", "requirements-dev.lock")
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(?: ;.*)? \\$", re.MULTILINE)


def pinned(lock: str) -> dict[str, str]:
    return dict(PINNED.findall((ROOT / lock).read_text()))


@pytest.mark.parametrize(("smaller", "larger"), [LOCKS[:2], LOCKS[1:]])
def test_a_lock_is_part_of_the_next(smaller: str, larger: str) -> None:
    ours, theirs = pinned(smaller), pinned(larger)

    assert ours
    assert {name: theirs.get(name) for name in ours} == ours


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert "://" not in text
    assert "--index-url" not in text
    for block in re.split(r"(?m)^(?=[a-z])", text)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_every_dependency_that_is_named_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {
        "requirements-services.lock": project["dependencies"],
        "requirements.lock": project["dependencies"] + extras["local"],
        "requirements-dev.lock": [*project["dependencies"], *(one for extra in extras.values() for one in extra)],
    }
    for lock, names in wanted.items():
        missing = {re.split(r"[\[<>=!~;\s]", name)[0].lower() for name in names} - pinned(lock).keys()
        assert missing == set(), lock
