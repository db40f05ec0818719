"""One bash for the whole tour, so that a step finds the variables of the ones before it."""

import os
import secrets
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

READ_BYTES = 65_536
END_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is None where the commands did not come to an end, or ended the shell itself."""

    text: str
    status: int | None
    seconds: float


class Shell:
    """Commands run in `folder`, without a terminal and without input; errors stand between the answers."""

    def __init__(self, folder: Path) -> None:
        self._scripts = tempfile.TemporaryDirectory(prefix="yunying-tour-")
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        self._scripts.cleanup()

    def run(self, commands: str, *, within_seconds: float) -> Outcome:
        began = time.monotonic()
        mark = f"end-of-step-{secrets.token_hex(8)}"
        script = Path(self._scripts.name) / "step.sh"
        script.write_text(commands, encoding="utf-8")
        # Sourced: what it sets stays, and a mistake in its grammar ends it and not the shell.
        line = f". '{script}' </dev/null; printf '\\n{mark} %d\\n' $?\n"
        try:
            self._stdin.write(line.encode())
        except BrokenPipeError:
            return Outcome("the shell has ended", None, 0.0)
        text, status = self._read_until(mark, began + within_seconds)
        return Outcome(text, status, time.monotonic() - began)

    def end(self) -> None:
        """Also what the commands have left running in the background."""
        self._stdin.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(END_SECONDS)
        self._stdout.close()

    def _read_until(self, mark: str, deadline: float) -> tuple[str, int | None]:
        found = b""
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self._stdout], [], [], left)
            if not ready:
                break
            got = os.read(self._stdout.fileno(), READ_BYTES)
            found += got
            before, seen, after = found.partition(f"\n{mark} ".encode())
            if seen and after.endswith(b"\n"):
                return before.decode(errors="replace"), int(after)
            if not got:
                return found.decode(errors="replace"), None
        self.kill_step()
        return found.decode(errors="replace"), None

    def kill_step(self) -> None:
        """Commands that do not end take the shell with them: later steps would read their leftovers."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(END_SECONDS)

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout
