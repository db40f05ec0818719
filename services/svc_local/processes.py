"""Start, watch and end the servers that we own: by process id, never by name."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from svc_local.troubles import Trouble

HOST = "127.0.0.1"
POLL_SECONDS = 0.01
TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class Identity:
    """A system user that a server runs as instead of root."""

    uid: int
    gid: int


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    folder: Path,
    identity: Identity | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A process in a session of its own (Ctrl-C at our terminal is not for it), its output in `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(os.environ) if environment is None else dict(environment),
            start_new_session=True,
            user=identity.uid if identity else None,
            group=identity.gid if identity else None,
            extra_groups=[] if identity else None,
        )


def end(pid: int, *, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Ends a process: each signal is given its seconds before the next, the last is SIGKILL."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return
    for number, seconds in (*signals, (signal.SIGKILL, 5.0)):
        try:
            process.send_signal(number)
            process.wait(timeout=seconds)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue
        return


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    holders = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for holder in holders:
            holder.bind((HOST, 0))
        return [int(holder.getsockname()[1]) for holder in holders]
    finally:
        for holder in holders:
            holder.close()


def is_listening(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, for a sentence that explains why something did not start."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


class Guardian:
    """Ends servers and removes `folder` when this process is gone, however it went, or at the end of the block.

    A small process waits on a pipe whose other end only we hold, so that it also sees our SIGKILL.
    """

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("guardian.py")
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", os.fspath(script), os.fspath(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)

    def watch(self, pid: int, stop: signal.Signals) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{pid} {int(stop)}\n".encode())
        self._process.stdin.flush()


def wait_until_listening(process: subprocess.Popen[bytes], port: int, *, log: Path, seconds: float, what: str) -> None:
    """Raises: Trouble with the end of the log where the process ended or the time is over."""
    deadline = time.monotonic() + seconds
    while not is_listening(port):
        if process.poll() is not None:
            raise Trouble(f"{what} ended at once (status {process.returncode}); its log {log} ends with:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise Trouble(f"{what} did not answer within {seconds:.0f} s; its log {log} ends with:\n{tail(log)}")
        time.sleep(POLL_SECONDS)
