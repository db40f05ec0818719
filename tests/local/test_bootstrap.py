"""The first step on a bare machine, and what it says when the machine is too bare."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from svc_local import bootstrap
from svc_local.layout import ROOT

SCRIPT = ROOT / "services" / "svc_local" / "bootstrap.py"
UNREACHABLE = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"}


def clone(tmp_path: Path, lock: str = "") -> Path:
    for name in bootstrap.LOCKS.values():
        (tmp_path / name).write_text(lock)
    return tmp_path


def run(root: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "YUNYING_ROOT": str(root), **settings}
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_it_makes_an_environment_runs_the_module_and_the_second_time_does_nothing_but_run(tmp_path: Path) -> None:
    root = clone(tmp_path)

    first = run(root, "json.tool", "--help", **UNREACHABLE)
    second = run(root, "json.tool", "--help", **UNREACHABLE)

    assert first.returncode == 0, first.stderr
    assert "Python environment" in first.stdout
    assert second.stdout.startswith("usage: ")
    path_file = next((root / ".venv").rglob("yunying.pth"))
    assert path_file.read_text().splitlines() == [f"{root}/{folder}" for folder in bootstrap.ON_THE_PATH]


def test_a_changed_lock_is_noticed(tmp_path: Path) -> None:
    root = clone(tmp_path)
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").touch()
    bootstrap.write_stamp(str(root), "dev")
    assert bootstrap.is_stamped(str(root), "run")

    (root / "requirements.lock").write_text("another==1\n")

    assert not bootstrap.is_stamped(str(root), "run")
    assert bootstrap.is_stamped(str(root), "dev")


def test_an_environment_that_was_moved_is_not_trusted(tmp_path: Path) -> None:
    root = clone(tmp_path)
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").touch()
    bootstrap.write_stamp(str(root), "run")
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    root.rename(moved)

    assert not bootstrap.is_stamped(str(moved), "run")


def test_a_registry_out_of_reach_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in UNREACHABLE.items():
        monkeypatch.setenv(name, value)
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"nowhere-to-be-found==1.0 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(bootstrap.Trouble) as refused:
        bootstrap.install(str(tmp_path), sys.executable, str(lock))

    assert str(refused.value).startswith("The package registry is out of reach: check the network or the proxy")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "A package arrived with another"),
        ("ProtocolError('Connection broken: IncompleteRead(10 bytes read, 90 more expected)')", "A download broke off"),
        ("Failed to establish a new connection: Temporary failure in name resolution", "The package registry is out"),
        ("[Errno 13] Permission denied: '/home/b/.venv/bin/pip'", "Files here belong to another user"),
    ],
)
def test_what_pip_says_becomes_one_sentence_that_says_what_to_do(said: str, sentence: str) -> None:
    told = bootstrap.reason(said)

    assert told is not None
    assert told.startswith(sentence)


def test_what_we_do_not_know_is_shown_as_it_is() -> None:
    assert bootstrap.reason("ERROR: something new") is None


def test_without_ensurepip_and_pip_the_package_to_install_is_named(tmp_path: Path) -> None:
    root = tmp_path / "clone"
    root.mkdir()
    clone(root)
    missing = tmp_path / "missing"
    missing.mkdir()
    for module in ("ensurepip", "pip"):
        (missing / f"{module}.py").write_text("raise ImportError")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "apt-get").write_text("")
    (tools / "apt-get").chmod(0o755)

    done = run(root, "json.tool", PYTHONPATH=str(missing), PATH=str(tools))

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert done.returncode == 1
    assert f"has neither ensurepip nor pip: type `apt-get install python{version}-venv` (as root)" in done.stderr
    assert not (root / ".venv").exists()


def test_an_old_python_says_which_one_is_needed() -> None:
    code = f"import sys; sys.version_info = (3, 9, 1); sys.argv = ['x']; sys.path.insert(0, {str(SCRIPT.parent)!r})\n"
    code += "import bootstrap; sys.exit(bootstrap.main(['json.tool']))"
    environment = {"PATH": "", "YUNYING_ROOT": "/nonexistent", "HOME": "/"}

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "This needs Python 3.11 or newer" in done.stderr
    assert "`make up PYTHON=/path/to/python3.12`" in done.stderr


def test_files_of_another_user_are_not_touched() -> None:
    code = f"import os, sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import bootstrap\n"
    code += "if os.geteuid() == 0: os.setuid(65534)\n"
    code += "sys.exit(bootstrap.main(['json.tool']))"
    environment = {**os.environ, "YUNYING_ROOT": "/etc"}

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("/etc belongs to another user: use a clone of your own")
