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
    with explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="ascii")
    with file:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    file.seek(0)
                    holder = file.read().strip() or "unknown"
                    raise Trouble(
                        f"Process {holder} has held {path} for {wait_seconds:.0f} s: wait for it, or end it with "
                        f"`kill {holder}`, and try again."
                    ) from None
                time.sleep(0.05)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
