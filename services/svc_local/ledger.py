"""Which processes belong to this suite, written down so that another process can find, ask and end them."""

import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from svc_local import postgres
from svc_local.children import Child, Signals, stop_pids
from svc_local.layout import State, read_json, write_private

# psutil derives a start time from the boot time, which a correction of the clock moves a little.
TOLERANCE_SECONDS = 2.0
LEFTOVER_SIGNALS = ((signal.SIGTERM, 4.0),)


@dataclass(frozen=True, slots=True)
class Entry:
    """A process id alone may belong to somebody else by now; with its start time it cannot."""

    name: str
    pid: int
    created: float
    port: int = 0
    restarts: int = 0

    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) <= TOLERANCE_SECONDS
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def write(state: State, children: Iterable[Child]) -> None:
    """Called by the supervisor after every change."""
    entries = [{"name": "supervisor", "pid": os.getpid(), "created": created_at(os.getpid())}]
    entries += [
        {
            "name": child.name,
            "pid": child.pid,
            "created": created_at(child.pid),
            "port": child.port,
            "restarts": child.restarts,
        }
        for child in children
        if child.pid is not None
    ]
    write_private(state.processes_file, {"processes": entries})


def read(state: State) -> dict[str, Entry]:
    """By name, whether alive or not."""
    rows: list[Mapping[str, Any]] = read_json(state.processes_file).get("processes", [])
    return {str(row["name"]): Entry(**row) for row in rows}


def supervisor(state: State) -> Entry | None:
    """The living one."""
    entry = read(state).get("supervisor")
    return entry if entry is not None and entry.is_alive() else None


def end_leftovers(state: State) -> list[str]:
    """Ends what a supervisor that died has left running. Returns the names."""
    alive = [entry for entry in read(state).values() if entry.is_alive() and entry.pid != os.getpid()]
    services = {entry.pid: LEFTOVER_SIGNALS for entry in alive if entry.name not in ("postgres", "kafka")}
    stop_pids(services)
    servers: dict[int, Signals] = {entry.pid: LEFTOVER_SIGNALS for entry in alive if entry.name == "kafka"}
    server = postgres.running_pid(state.postgres)
    if server is not None:
        servers[server] = postgres.STOP_SIGNALS
    stop_pids(servers)
    state.processes_file.unlink(missing_ok=True)
    names = [entry.name for entry in alive]
    return names if server is None or "postgres" in names else [*names, "postgres"]


def created_at(pid: int | None) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0
