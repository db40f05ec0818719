"""Ends one process and removes folders once whoever started it is gone. Standard library only: it starts in 15 ms."""

import contextlib
import os
import shutil
import signal
import sys
import time

GRACE_SECONDS = 8.0


def main() -> None:
    pid, number, folders = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    sys.stdin.buffer.read()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            if is_zombie(pid):
                break
            time.sleep(0.02)
        else:
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(folder))  # only where we were the last in there


def is_zombie(pid: int) -> bool:
    """Ended, but its parent has not read the status: the parent is busy, not we."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


if __name__ == "__main__":
    main()
