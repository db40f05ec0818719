"""All proxies of a run in one process of their own: what they carry does not wait for whoever breaks things."""

import asyncio
import threading
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import uvloop
from tests.rig.nursery import CONTEXT, born, kill
from tests.rig.proxy import Mode, Proxy


class Edges:
    """Named edges. Every call returns when it has happened."""

    def __init__(self, log: Path) -> None:
        self.ours, theirs = CONTEXT.Pipe()
        self.turn = threading.Lock()
        self.process = born("edges", carry, theirs, log=log)
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        kill(self.process)

    def open(self, name: str, target: int) -> int:
        """The port that leads to `target` from now on."""
        return int(self._ask("open", name, target))

    def set(self, name: str, mode: Mode) -> None:
        self._ask("set", name, mode)

    def delay(self, name: str, seconds: float) -> None:
        """Each way."""
        self._ask("delay", name, seconds)

    def reset(self, name: str) -> None:
        """Every connection over this edge breaks now."""
        self._ask("reset", name, None)

    def commits_cut(self, name: str) -> int:
        """How many, by Mode.LOSE_COMMITS and Mode.STOP_COMMITS."""
        return int(self._ask("commits cut", name, None))

    def _ask(self, what: str, name: str, given: Any) -> Any:
        with self.turn:
            self.ours.send((what, name, given))
            done, answer = self.ours.recv()
        if not done:
            raise RuntimeError(f"{what} {name}: {answer}")
        return answer


def carry(commands: Connection) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_carry(commands))


async def _carry(commands: Connection) -> None:
    proxies: dict[str, Proxy] = {}
    heard = asyncio.Event()
    asyncio.get_running_loop().add_reader(commands.fileno(), heard.set)
    async with AsyncExitStack() as stack:
        while True:
            await heard.wait()
            heard.clear()
            while commands.poll():
                what, name, given = commands.recv()
                try:
                    if what == "open":
                        proxies[name] = await stack.enter_async_context(Proxy(given))
                    answer = act(proxies[name], what, given)
                except (OSError, KeyError) as fault:
                    commands.send((False, repr(fault)))
                else:
                    commands.send((True, answer))


def act(proxy: Proxy, what: str, given: Any) -> int:
    if what == "set":
        proxy.set(given)
    elif what == "delay":
        proxy.delay_seconds = given
    elif what == "reset":
        proxy.reset()
    elif what == "commits cut":
        return proxy.commits_cut
    return proxy.port
