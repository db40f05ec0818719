"""Real processes, forked from one that has imported the libraries once: born in a tenth of a second, killed at will."""

import atexit
import ctypes
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from weakref import WeakSet

from svc_local.children import become
from svc_local.processes import HOST

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.rig.preloaded"])
PR_SET_PDEATHSIG = 1
LOOKING = threading.RLock()
LOOK_SECONDS = 0.005
BORN: "WeakSet[BaseProcess]" = WeakSet()


class Watched(CONTEXT.Process):  # type: ignore[name-defined,misc]
    """Several threads look at it, and its exit status can be read only once: whoever comes second would read 255."""

    def is_alive(self) -> bool:
        with LOOKING:
            return bool(super().is_alive())

    @property
    def exitcode(self) -> int | None:
        with LOOKING:
            status: int | None = super().exitcode
            return status

    def join(self, timeout: float | None = None) -> None:
        until = None if timeout is None else time.monotonic() + timeout
        while self.is_alive():
            if until is not None and time.monotonic() > until:
                return
            time.sleep(LOOK_SECONDS)
        with LOOKING:
            super().join(0)


def born(
    name: str, work: Callable[..., None], *given: Any, log: Path, environment: Mapping[str, str] | None = None
) -> BaseProcess:
    """`work(*given)` in a process of its own; it ends with us, however we end."""
    process: BaseProcess = Watched(
        target=_live, args=(name, log, dict(os.environ if environment is None else environment), work, given), name=name
    )
    process.start()
    BORN.add(process)
    return process


@atexit.register
def kill_who_is_left() -> None:
    """Python would wait for them for ever; a frozen one hears nothing but this."""
    for process in list(BORN):
        send(process, signal.SIGKILL)


def _live(name: str, log: Path, environment: Mapping[str, str], work: Callable[..., None], given: Any) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    log.parent.mkdir(parents=True, exist_ok=True)
    become(name, log, environment, ())
    work(*given)


def serve(package: str, own: socket.socket | None, roles: tuple[str, ...]) -> None:
    """A service as it runs in production."""
    from svc_kit import process

    process.run(package, sock=own, roles=roles)


def serve_sandbox(own: socket.socket) -> None:
    from svc_local import sandbox

    sandbox.run(own)


def free_socket() -> socket.socket:
    """Listening on a port that the system chose."""
    return socket.create_server((HOST, 0))


def send(process: BaseProcess, number: signal.Signals) -> bool:
    """False where it is gone already."""
    if process.pid is None or not process.is_alive():
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def kill(process: BaseProcess) -> bool:
    """Dead and gone when this returns. False where it was gone already."""
    was_alive = send(process, signal.SIGKILL)
    process.join(10)
    return was_alive
