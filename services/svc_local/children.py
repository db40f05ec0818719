"""The processes under the supervisor: forked from it or started by it, watched and restarted in one way."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from svc_local.processes import tail
from svc_local.troubles import Trouble

BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_LAST_SECONDS = 30.0
# Alive for so long, a child counts as well again and its next restart is immediate.
WELL_AFTER_SECONDS = 60.0
COMM_LENGTH_MAX = 15

Signals = Sequence[tuple[signal.Signals, float]]


class Handle(Protocol):
    """A started process that is ours to wait for."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...


@dataclass(slots=True)
class Forked:
    pid: int
    status: int | None = None

    def poll(self) -> int | None:
        if self.status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status


@dataclass(slots=True)
class Child:
    """`start` begins it anew. `signals` end it: each is given its seconds before the next."""

    name: str
    start: Callable[[], Handle]
    port: int
    signals: Signals
    handle: Handle | None = None
    started: float = 0.0
    restarts: int = 0
    backoff_seconds: float = 0.0
    next_start: float = 0.0
    exits: list[int] = field(default_factory=list)

    def begin(self) -> None:
        self.handle = self.start()
        self.started = time.monotonic()

    def check(self, now: float) -> bool:
        """Notices an end and starts again when its time has come. True where something changed."""
        if self.handle is not None and self.handle.poll() is None:
            return False
        if self.handle is not None:
            self.note_end(now)
            return True
        if now < self.next_start:
            return False
        self.restarts += 1
        self.begin()
        return True

    def note_end(self, now: float) -> None:
        assert self.handle is not None
        status = self.handle.poll()
        self.exits.append(0 if status is None else status)
        self.handle = None
        if now - self.started >= WELL_AFTER_SECONDS:
            self.backoff_seconds = 0.0
        self.next_start = now + self.backoff_seconds
        self.backoff_seconds = min(max(self.backoff_seconds * 2, BACKOFF_FIRST_SECONDS), BACKOFF_LAST_SECONDS)
        print(f"{self.name} ended with status {status}; again in {self.next_start - now:.1f} s", flush=True)

    @property
    def pid(self) -> int | None:
        return self.handle.pid if self.handle is not None and self.handle.poll() is None else None


def fork(
    name: str, work: Callable[[], None], *, log: Path, environment: Mapping[str, str], close: Iterable[int] = ()
) -> Forked:
    """Runs `work` in a copy of this process, which shares the memory of everything imported so far."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Forked(pid)
    status = 1
    try:
        become(name, log, environment, close)
        work()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the outermost frame of a process
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def become(name: str, log: Path, environment: Mapping[str, str], close: Iterable[int]) -> None:
    """A process of its own: default signals, its own log and environment, none of the supervisor's files."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for handle in close:
        with contextlib.suppress(OSError):
            os.close(handle)
    with log.open("ab", buffering=0) as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name[:COMM_LENGTH_MAX])
    os.environ.clear()
    os.environ.update(environment)


def run_to_end(
    jobs: Mapping[str, Forked], *, seconds: float, log: Path, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Waits for forked jobs that end by themselves, and does `meanwhile` again and again.

    Raises: Trouble naming the first that failed or did not end in time.
    """
    deadline = time.monotonic() + seconds
    waiting = dict(jobs)
    while waiting:
        meanwhile()
        for name, job in list(waiting.items()):
            status = job.poll()
            if status == 0:
                del waiting[name]
            elif status is not None:
                kill_all(waiting.values())
                raise Trouble(f"{name} failed; {log} says why:\n{tail(log)}")
        if time.monotonic() > deadline:
            kill_all(waiting.values())
            raise Trouble(f"{', '.join(waiting)} took longer than {seconds:.0f} s; see {log}.")
        time.sleep(0.01)


def kill_all(jobs: Iterable[Forked]) -> None:
    for job in jobs:
        if job.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(job.pid, signal.SIGKILL)


def stop_together(children: Iterable[Child]) -> None:
    """All are asked at once, and none is given more than its time."""
    alive = [child for child in children if child.pid is not None]
    stop_pids({child.pid: child.signals for child in alive if child.pid is not None})
    for child in alive:
        if isinstance(child.handle, subprocess.Popen):
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.handle.wait(timeout=1)


def stop_pids(signals_of: Mapping[int, Signals]) -> None:
    """Ends processes side by side, ours or left over ones: at last with SIGKILL."""
    plans = {pid: [*signals, (signal.SIGKILL, 5.0)] for pid, signals in signals_of.items() if psutil.pid_exists(pid)}
    until = dict.fromkeys(plans, 0.0)
    while plans:
        for pid, plan in list(plans.items()):
            if is_gone(pid):
                del plans[pid]
            elif time.monotonic() >= until[pid]:
                if not plan:
                    del plans[pid]
                    continue
                number, seconds = plan.pop(0)
                until[pid] = time.monotonic() + seconds
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Also reads the status of a child of ours, so that it does not stay as a zombie."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
