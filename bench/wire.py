"""The least that speaks HTTP/1.1 to a server: one connection, one request at a time, bytes in and bytes out.

The load generator shares the machine with what it measures, so it may cost next to nothing (a sixth of aiohttp's).
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

HEAD_END = b"\r\n\r\n"
JSON = {"Content-Type": "application/json"}


def request(method: str, path: str, headers: Mapping[str, str] | None = None, body: object = None) -> bytes:
    """The bytes of one request; `body` is sent as JSON."""
    content = b"" if body is None else orjson.dumps(body)
    whole = {"Host": "127.0.0.1", **(JSON if content else {}), **(headers or {})}
    if method != "GET":
        whole["Content-Length"] = str(len(content))
    lines = "".join(f"{name}: {value}\r\n" for name, value in whole.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content


class Wire(asyncio.Protocol):
    """A client's own connection to `url`; made anew where the server closed it."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self.host, self.port = str(address.hostname), int(address.port or 80)
        self.transport: Any = None
        self.buffer = b""
        self.body_at = 0
        self.needed = 0
        self.waiting: asyncio.Future[tuple[int, bytes]] | None = None

    async def open(self) -> "Wire":
        await asyncio.get_running_loop().create_connection(lambda: self, self.host, self.port)
        return self

    async def ask(self, data: bytes) -> tuple[int, bytes]:
        """Status and body. Raises ConnectionError where the answer never came."""
        if self.transport is None:
            await self.open()
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return await self.waiting

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer, self.needed = b"", 0

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        if not self.needed:
            end = self.buffer.find(HEAD_END)
            if end < 0:
                return
            self.body_at = end + len(HEAD_END)
            self.needed = self.body_at + length_of(self.buffer[: self.body_at])
        if len(self.buffer) >= self.needed and self.waiting is not None:
            answer = int(self.buffer[9:12]), self.buffer[self.body_at : self.needed]
            waiting, self.waiting = self.waiting, None
            self.buffer, self.needed = b"", 0
            if not waiting.done():
                waiting.set_result(answer)

    def connection_lost(self, fault: Exception | None) -> None:
        self.transport = None
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(ConnectionResetError("no answer"))


def length_of(head: bytes) -> int:
    """Raises ValueError for an answer of unknown length: nothing here sends one."""
    at = head.find(b"content-length:")
    if at < 0:
        at = head.lower().find(b"content-length:")
    if at < 0:
        if head[9:12] in (b"204", b"304"):
            return 0
        raise ValueError("an answer without Content-Length")
    return int(head[at + 15 : head.index(b"\r\n", at)])
