"""Logs that do not fill the disk: each file at most so long, one older one kept beside it."""

import contextlib
import shutil
import time
from pathlib import Path

LOG_BYTES_MAX = 10 * 1024 * 1024
TURN_EVERY_SECONDS = 5.0


class Rotation:
    """The writers hold their files open in append mode, so a full one is copied and emptied, not renamed."""

    def __init__(
        self, folder: Path, *, bytes_max: int = LOG_BYTES_MAX, every_seconds: float = TURN_EVERY_SECONDS
    ) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._every_seconds = every_seconds
        self._next = 0.0

    def turn(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every_seconds
        for log in self._folder.glob("*.log"):
            with contextlib.suppress(OSError):
                if log.stat().st_size > self._bytes_max:
                    shutil.copyfile(log, log.with_suffix(".log.1"))
                    with log.open("r+b") as file:
                        file.truncate(0)
