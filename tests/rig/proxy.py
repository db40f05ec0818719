"""A TCP proxy on an edge: passes bytes, or does to them what networks do."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

COMMIT = b"COMMIT;"  # as asyncpg sends it


class Mode(Enum):
    PASS = "pass"
    HOLD = "hold"  # a black hole: connections stand, nothing moves
    REFUSE = "refuse"  # new connections are closed at once, old ones stay
    LOSE_ANSWERS = "lose answers"  # requests arrive, and the connection breaks before the answer
    LOSE_COMMITS = "lose commits"  # so it is with PostgreSQL's COMMIT alone
    STOP_COMMITS = "stop commits"  # the connection breaks, and the COMMIT never arrives


@dataclass(slots=True)
class Proxy:
    """Listens on `port` of the loopback and speaks to `target` there."""

    target: int
    port: int = 0
    mode: Mode = Mode.PASS
    delay_seconds: float = 0.0
    commits_cut: int = 0
    halves: set["Half"] = field(default_factory=set)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    server: asyncio.Server | None = None

    async def __aenter__(self) -> "Proxy":
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Half(self, answers=False), "127.0.0.1", self.port, backlog=1024)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()
        self.reset()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def set(self, mode: Mode) -> None:
        """What was held leaves now, also the end of those who have gone meanwhile."""
        self.mode = mode
        for half in list(self.halves):
            for one in (half, half.peer):
                if one is not None:
                    one.move()

    def reset(self) -> None:
        """Every connection breaks now."""
        for half in list(self.halves):
            half.abort()

    def connect(self, client: "Half") -> None:
        task = asyncio.get_running_loop().create_task(self._connect(client))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _connect(self, client: "Half") -> None:
        there = Half(self, answers=True)
        there.peer = client
        try:
            await asyncio.get_running_loop().create_connection(lambda: there, "127.0.0.1", self.target)
        except OSError:
            client.abort()
            return
        if client.transport is None or client.transport.is_closing():
            there.abort()
            return
        client.peer = there
        client.move()


class Half(asyncio.Protocol):
    """One of the two connections. What it reads waits here until its time, then leaves by the other."""

    def __init__(self, proxy: Proxy, *, answers: bool) -> None:
        self.proxy = proxy
        self.answers = answers
        self.transport: Any = None
        self.peer: Half | None = None
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.ended = False
        self.mute = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.proxy.halves.add(self)
        if self.answers:
            return
        if self.proxy.mode is Mode.REFUSE:
            self.abort()
        else:
            self.proxy.connect(self)

    def data_received(self, data: bytes) -> None:
        if self.answers and (self.mute or self.proxy.mode is Mode.LOSE_ANSWERS):
            self.abort()
            return
        if not self.answers and COMMIT in data and self.cuts_commit():
            return
        self.waiting.append((asyncio.get_running_loop().time() + self.proxy.delay_seconds, data))
        self.move()

    def cuts_commit(self) -> bool:
        """Whether nothing of it leaves."""
        if self.proxy.mode is Mode.STOP_COMMITS:
            self.proxy.commits_cut += 1
            self.abort()
            return True
        if self.proxy.mode is Mode.LOSE_COMMITS and self.peer is not None:
            self.proxy.commits_cut += 1
            self.peer.mute = True
        return False

    def move(self) -> None:
        """What is due leaves, in order."""
        loop = asyncio.get_running_loop()
        if self.peer is None or self.peer.transport is None or self.proxy.mode is Mode.HOLD:
            return
        if self.peer.transport.is_closing():
            self.waiting.clear()
        while self.waiting and self.waiting[0][0] <= loop.time():
            self.peer.transport.write(self.waiting.popleft()[1])
        if self.waiting:
            loop.call_at(self.waiting[0][0] + 0.0005, self.move)
        elif self.ended:
            self.peer.transport.close()

    def pause_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.resume_reading()

    def connection_lost(self, fault: Exception | None) -> None:
        self.proxy.halves.discard(self)
        self.ended = True
        if fault is not None and self.peer is not None and self.peer.transport is not None:
            self.peer.transport.abort()
        else:
            self.move()

    def abort(self) -> None:
        for half in (self, self.peer):
            if half is not None and half.transport is not None:
                half.transport.abort()
