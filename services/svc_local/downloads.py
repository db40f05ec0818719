"""The download cache that all clones of this user share: under a lock, never holding a file that is not whole."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from svc_local.troubles import Trouble, explained

LOCK_WAIT_SECONDS = 300.0
CHUNK_BYTES = 1 << 20


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "yunying"


@contextmanager
def locked(path: Path, *, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Holds the lock file while the block runs.

    The kernel frees a lock when its holder ends, however it ended: a file that stays behind is not a lock.
    Raises: Trouble naming the holder when it is still held after `wait_seconds`.
    """
    deadline = time.monotonic() + wait_seconds
    while (handle := try_lock(path)) is None:
        if time.monotonic() >= deadline:
            holder = holder_of(path)
            raise Trouble(
                f"Process {holder} has held {path} for {wait_seconds:.0f} s: wait for it, or end it with "
                f"`kill {holder}`, and try again."
            )
        time.sleep(0.05)
    try:
        yield
    finally:
        os.close(handle)


def try_lock(path: Path) -> int | None:
    """The open lock file with our process id in it, or None where another process holds it. Closing it frees it."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            write_holder(handle)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:
            os.close(handle)
            raise
    return handle


def holder_of(path: Path) -> int | None:
    """The process that holds the lock now; None where nobody does."""
    try:
        with path.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read().strip() or 0) or None
    except FileNotFoundError:
        pass
    return None


def write_holder(handle: int) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
