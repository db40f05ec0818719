"""A TCP proxy on an edge: passes bytes, or does to them what networks do."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum

CHUNK = 65_536


class Mode(Enum):
    PASS = "pass"
    HOLD = "hold"  # a black hole: connections stand, nothing moves
    REFUSE = "refuse"  # new connections are closed at once, old ones stay
    LOSE_ANSWERS = "lose answers"  # requests arrive, and the connection breaks before the answer


@dataclass(slots=True)
class Proxy:
    """Listens on `port` of the loopback and speaks to `target` there."""

    target: int
    port: int = 0
    mode: Mode = Mode.PASS
    delay_seconds: float = 0.0
    connections: set[asyncio.StreamWriter] = field(default_factory=set)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    server: asyncio.Server | None = None
    moving: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> "Proxy":
        self.moving.set()
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
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
        self.mode = mode
        if mode is Mode.HOLD:
            self.moving.clear()
        else:
            self.moving.set()

    def reset(self) -> None:
        """Every connection breaks now."""
        for writer in list(self.connections):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if self.mode is Mode.REFUSE:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, there_writer}
        self.connections |= pair
        try:
            await asyncio.gather(
                self._pump(reader, there_writer, answers=False), self._pump(there_reader, writer, answers=True)
            )
        finally:
            self.connections -= pair
            for one in pair:
                one.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self.moving.wait()
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if answers and self.mode is Mode.LOSE_ANSWERS:
                    writer.transport.abort()
                    return
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except (OSError, RuntimeError):
            writer.transport.abort()
