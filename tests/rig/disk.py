"""A disk small enough to be full: a tmpfs, which takes root to mount."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

FILL_TRIES = 20
KIB = 1024


def may_mount() -> bool:
    return os.geteuid() == 0


@dataclass(slots=True)
class SmallDisk:
    """Mounted on `folder`. Raises CalledProcessError where that is not ours to do."""

    folder: Path
    bytes_max: int

    def mount(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={self.bytes_max // KIB}k,mode=0755", "tmpfs", str(self.folder))

    def unmount(self) -> None:
        run("umount", "--lazy", str(self.folder))

    def fill(self, *, free_bytes: int = 0) -> None:
        """The disk shrinks to what lies on it and so many bytes more."""
        for tries_left in range(FILL_TRIES - 1, -1, -1):
            status = os.statvfs(self.folder)
            used = (status.f_blocks - status.f_bfree) * status.f_frsize
            try:
                self._resize(used + free_bytes)
            except subprocess.CalledProcessError:
                # Somebody wrote more between the look and the resize: it cannot be smaller than what is there.
                if not tries_left:
                    raise
            else:
                return

    def clear(self) -> None:
        self._resize(self.bytes_max)

    @property
    def free_bytes(self) -> int:
        status = os.statvfs(self.folder)
        return status.f_bfree * status.f_frsize

    def _resize(self, size: int) -> None:
        run("mount", "-o", f"remount,size={-(-size // KIB)}k", str(self.folder))


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
