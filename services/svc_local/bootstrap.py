"""The first step on a bare machine: `python3 services/svc_local/bootstrap.py [--dev] MODULE [ARGUMENT …]`.

Standard library only, and readable by old Pythons so that they can say what is missing. Makes `.venv` from the
hash-pinned lock (with --dev: also what tests, checks and the demo need), then runs `python -m MODULE` in it.
When nothing has changed since the last time it asks no network and takes a few milliseconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHON_MIN = (3, 11)
PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
ON_THE_PATH = ("services", "catalog-svc", "order-svc", "inventory-svc", "marketing-svc", "metrics-svc", "gateway")
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}


class Trouble(Exception):
    """Printed as one sentence; the exit status is 1."""


def main(arguments: list[str]) -> int:
    profile = "dev" if arguments[:1] == ["--dev"] else "run"
    module = arguments[1:] if profile == "dev" else arguments
    root = os.environ.get("YUNYING_ROOT") or ROOT
    try:
        python = environment(root, profile)
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; what has arrived is kept.\n")
        return 130
    if not module:
        return 0
    sys.stdout.flush()
    os.execv(python, [python, "-m", *module])
    return 0


def environment(root: str, profile: str) -> str:
    """The path of a Python that has everything the profile's lock names."""
    folder = os.path.join(root, ".venv")
    python = os.path.join(folder, "bin", "python")
    if is_stamped(root, profile):
        return python
    refuse_old_python()
    refuse_files_of_others(root, folder)
    with Lock(os.path.join(root, ".local", "venv.lock")):
        if is_stamped(root, profile):
            return python
        if not works(python):
            with Step("Python environment"):
                create(folder, python)
        install(root, python, os.path.join(root, LOCKS[profile]))
        write_path_file(root, python)
        write_stamp(root, profile)
    return python


def refuse_old_python() -> None:
    """Hands over to a newer Python where there is one beside this."""
    if sys.version_info >= PYTHON_MIN:
        return
    for name in PYTHONS:
        found = shutil.which(name)
        if found:
            os.execv(found, [found, *sys.argv])
    raise Trouble(
        f"This needs Python 3.11 or newer and {sys.executable} is {sys.version.split()[0]}: install python3.11 (or "
        "newer) and type `make up` again, or name one with `make up PYTHON=/path/to/python3.12`."
    )


def refuse_files_of_others(root: str, folder: str) -> None:
    place = folder if os.path.exists(folder) else root
    if not os.access(place, os.W_OK | os.X_OK):
        raise Trouble(
            f"{place} belongs to another user: use a clone of your own, or take this one over with "
            f"`sudo chown -R $(id -un) {root}`."
        )


def works(python: str) -> bool:
    """False also for an environment whose Python was moved or removed."""
    if not os.path.exists(python):
        return False
    check = f"import sys; sys.exit(sys.version_info < {PYTHON_MIN!r})"
    return subprocess.call([python, "-c", check], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def create(folder: str, python: str) -> None:
    """A fresh environment with pip: from ensurepip, else by the pip or uv of this machine."""
    import venv

    try:
        with_ensurepip = has_module(sys.executable, "ensurepip")
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=with_ensurepip).create(folder)
        if with_ensurepip:
            return
        if has_module(sys.executable, "pip"):
            run_quietly([sys.executable, "-m", "pip", "--python", python, "install", "pip"], "installing pip")
            return
    except (OSError, subprocess.CalledProcessError) as fault:
        shutil.rmtree(folder, ignore_errors=True)
        raise Trouble(reason(str(fault)) or f"The environment {folder} could not be made: {fault}") from fault
    shutil.rmtree(folder, ignore_errors=True)
    raise Trouble(missing_pip())


def missing_pip() -> str:
    """Which package brings it, by the package manager that is there."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    packages = (
        ("apt-get", f"apt-get install python{version}-venv"),
        ("dnf", "dnf install python3-pip"),
        ("zypper", "zypper install python3-pip"),
        ("pacman", "pacman -S python-pip"),
        ("apk", "apk add py3-pip"),
    )
    command = next((text for tool, text in packages if shutil.which(tool)), "your package manager: python3-pip")
    return f"{sys.executable} has neither ensurepip nor pip: type `{command}` (as root) and `make up` again."


def has_module(python: str, name: str) -> bool:
    return subprocess.call([python, "-c", f"import {name}"], stderr=subprocess.DEVNULL) == 0


def run_quietly(command: list[str], what: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Trouble(reason(done.stdout) or f"{what} failed:\n{done.stdout[-2000:]}")


def install(root: str, python: str, lock: str) -> None:
    """Only what is missing is fetched; every file must have the hash that the lock names."""
    command = [python, "-m", "pip", "install", "--require-hashes", "--no-deps", "-r", lock]
    command += [
        "--disable-pip-version-check",
        "--no-input",
        "--retries",
        "2",
        "--timeout",
        "30",
        "--progress-bar",
        "off",
    ]
    command += ["--only-binary", ":all:", "--cache-dir", os.path.join(cache_folder(), "pip")]
    if os.geteuid() == 0:
        command += ["--root-user-action", "ignore"]
    with open(lock, encoding="utf-8") as file:
        wanted = sum(1 for line in file if re.match(r"[A-Za-z0-9]", line))
    with Step("Python packages") as step:
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, seen = [], 0
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                output.append(line)
                if line.startswith(("Collecting ", "Requirement already satisfied")):
                    seen += 1
                    step.show(f"{seen} of {wanted}")
                elif line.startswith("Installing"):
                    step.show(f"installing {wanted}")
        if process.wait():
            text = "".join(output)
            raise Trouble(reason(text) or f"The Python packages could not be installed:\n{text[-2000:]}")


def reason(output: str) -> str | None:
    """One sentence for what pip (or the system) said; None where we do not know it."""
    sentences = (
        (
            r"No space left on device|Errno 28|Disk quota exceeded",
            "The disk is full: free some space (`df -h .` shows it) and type `make up` again; what has arrived is "
            "kept.",
        ),
        (
            r"DO NOT MATCH THE HASHES",
            "A package arrived with another hash than requirements.lock names, so nothing was installed: a proxy or "
            "mirror on the way changes files; fetch from the registry itself and type `make up` again.",
        ),
        (
            r"IncompleteRead|Connection broken|incomplete-download|Connection reset",
            "A download broke off: type `make up` again; what has arrived is kept.",
        ),
        (
            r"NewConnectionError|ConnectTimeout|ReadTimeout|Name or service not known|name resolution|"
            r"Connection refused|ProxyError|Network is unreachable|No matching distribution found|Connection error",
            "The package registry is out of reach: check the network or the proxy settings (HTTPS_PROXY, "
            "PIP_INDEX_URL) and type `make up` again; what has arrived is kept.",
        ),
        (
            r"Permission denied|Errno 13",
            "Files here belong to another user: use a clone of your own, or take this one over with "
            "`sudo chown -R $(id -un) .`.",
        ),
    )
    return next((sentence for pattern, sentence in sentences if re.search(pattern, output)), None)


def write_path_file(root: str, python: str) -> None:
    """Puts the folders of the services on the import path of this environment."""
    done = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    with open(os.path.join(done.stdout.strip(), "yunying.pth"), "w", encoding="utf-8") as file:
        file.writelines(os.path.join(root, folder) + "\n" for folder in ON_THE_PATH)


def is_stamped(root: str, profile: str) -> bool:
    """True where the environment was finished from exactly this lock and in this place."""
    try:
        with open(stamp_file(root, profile), encoding="ascii") as file:
            stamped = file.read()
    except OSError:
        return False
    return stamped == stamp(root, profile) and works_here(root)


def works_here(root: str) -> bool:
    """The interpreter that the environment points to still exists."""
    return os.path.exists(os.path.join(root, ".venv", "bin", "python"))


def stamp(root: str, profile: str) -> str:
    digest = hashlib.sha256(root.encode())
    with open(os.path.join(root, LOCKS[profile]), "rb") as file:
        digest.update(file.read())
    return digest.hexdigest()


def write_stamp(root: str, profile: str) -> None:
    """The larger profile holds the smaller one."""
    for name in ("run", "dev") if profile == "dev" else ("run",):
        with open(stamp_file(root, name), "w", encoding="ascii") as file:
            file.write(stamp(root, name))


def stamp_file(root: str, profile: str) -> str:
    return os.path.join(root, ".venv", f"yunying-{profile}.stamp")


def cache_folder() -> str:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return os.path.join(base if os.path.isabs(base) else os.path.expanduser("~/.cache"), "yunying")


class Lock:
    """Two `make` in one clone take turns. The kernel frees the lock when its holder ends, however it ended."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.handle = -1

    def __enter__(self) -> Lock:
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            self.handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as fault:
            raise Trouble(reason(str(fault)) or str(fault)) from fault
        fcntl.flock(self.handle, fcntl.LOCK_EX)
        return self

    def __exit__(self, *fault: object) -> None:
        os.close(self.handle)


class Step:
    """One line with its time; on a terminal it is rewritten while the work goes on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.began = 0.0

    def __enter__(self) -> Step:
        self.began = time.monotonic()
        self.show("…")
        return self

    def show(self, text: str) -> None:
        if sys.stdout.isatty():
            sys.stdout.write(f"\r\x1b[K  {self.name:<34} {text}")
            sys.stdout.flush()

    def __exit__(self, kind: object, *fault: object) -> None:
        clear = "\r\x1b[K" if sys.stdout.isatty() else ""
        if kind is None:
            sys.stdout.write(f"{clear}  {self.name:<34}{time.monotonic() - self.began:>7.1f} s\n")
        else:
            sys.stdout.write(clear)
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
