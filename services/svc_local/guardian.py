"""Ends servers and removes their folder once whoever started them is gone. Standard library only: it starts in 15 ms.

It reads lines `<pid> <signal>` from its standard input; the end of the input is the moment to act.
"""

import contextlib
import os
import shutil
import signal
import sys
import time

GRACE_SECONDS = 8.0
REMOVALS_MAX = 50


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    servers = [(int(pid), int(number)) for pid, number in (line.split() for line in sys.stdin)]
    for pid, number in servers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    for pid, _ in servers:
        with contextlib.suppress(ProcessLookupError):
            wait_or_kill(pid)
    for folder in sys.argv[1:]:
        remove(folder)


def wait_or_kill(pid: int) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    while not is_zombie(pid):
        os.kill(pid, 0)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.02)


def is_zombie(pid: int) -> bool:
    """Ended, but its parent has not read the status: the parent is busy, not we."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def remove(folder: str) -> None:
    """Again while something that was just being started still writes into it."""
    for _ in range(REMOVALS_MAX):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
