"""CPU seconds and memory of every process of the suite, and of this one."""

import os
from dataclasses import dataclass

import psutil

from svc_local import ledger
from svc_local.layout import State

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """`pss_mib` shares common pages among those who share them."""

    cpu_seconds: float
    pss_mib: float


def usage_of(state: State) -> dict[str, Usage]:
    """By the name of the process; children (PostgreSQL's) counted with their parent."""
    pids = {name: entry.pid for name, entry in ledger.read(state).items() if entry.is_alive()}
    return {name: _with_children(pid) for name, pid in pids.items() if name != "supervisor"} | {
        "supervisor": _alone(psutil.Process(pids["supervisor"])),
        "load generator": _alone(psutil.Process(os.getpid())),
    }


def _with_children(pid: int) -> Usage:
    root = psutil.Process(pid)
    found = [_alone(root)]
    for child in root.children(recursive=True):
        try:
            found.append(_alone(child))
        except psutil.NoSuchProcess:
            continue
    # What ended children used is booked with their parent.
    gone = root.cpu_times()
    ended = gone.children_user + gone.children_system
    return Usage(sum(one.cpu_seconds for one in found) + ended, sum(one.pss_mib for one in found))


def _alone(process: psutil.Process) -> Usage:
    times = process.cpu_times()
    return Usage(times.user + times.system, process.memory_full_info().pss / MIB)


def cpu_between(before: dict[str, Usage], after: dict[str, Usage]) -> dict[str, float]:
    """CPU seconds by process."""
    return {name: round(after[name].cpu_seconds - before[name].cpu_seconds, 3) for name in after if name in before}
