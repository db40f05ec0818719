"""What `make up` shows while it works: one line per step with its time, written by whoever does the work.

The supervisor works in the background and tells the terminal's process through a pipe, one JSON object per line.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class Channel:
    """The writing end. Nobody listening (Ctrl-C at the terminal) is no reason to fail."""

    def __init__(self, handle: int | None) -> None:
        self._handle = handle

    def tell(self, **message: Any) -> None:
        if self._handle is None:
            return
        try:
            os.write(self._handle, (json.dumps(message) + "\n").encode())
        except OSError:
            self.close()

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """Announces a step, then how long it took. Yields `progress(done, of)`."""
        began = time.monotonic()
        self.tell(step=name)
        yield lambda done, of: self.tell(step=name, done=done, of=of)
        self.tell(step=name, seconds=time.monotonic() - began)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Display:
    """The reading end: rewrites the line on a terminal, prints only finished steps elsewhere."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._terminal = self._out.isatty()

    def show(self, message: dict[str, Any]) -> None:
        name = message["step"]
        if "seconds" in message:
            self._line(f"  {name:<34}{message['seconds']:>7.1f} s", last=True)
        elif "done" in message:
            self._line(f"  {name:<34}{message['done']:>4} of {message['of']}")
        else:
            self._line(f"  {name:<34}      …")

    def _line(self, text: str, *, last: bool = False) -> None:
        if self._terminal:
            self._out.write(f"\r\x1b[K{text}" + ("\n" if last else ""))
        elif last:
            self._out.write(text + "\n")
        self._out.flush()

    def end_line(self) -> None:
        """Before anything else is printed below an unfinished step."""
        if self._terminal:
            self._out.write("\r\x1b[K")
            self._out.flush()


def messages(handle: int) -> Iterator[dict[str, Any]]:
    """Until the writing end is closed."""
    with os.fdopen(handle, encoding="utf-8") as pipe:
        for line in pipe:
            yield json.loads(line)
