"""HTTP over a connection of one's own: kept alive, and asked once. It never asks again by itself, as libraries do."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

HEAD_END = b"\r\n\r\n"
ANSWER_BYTES_MAX = 1 << 20


class Broken(Exception):
    """The connection ended before the answer was whole: nobody knows what became of the request."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


def request_of(
    method: str, path: str, *, host: str, headers: Mapping[str, str] | None = None, body: Any = None
) -> bytes:
    """The bytes of a whole request. `body`: JSON, or bytes as they are."""
    content = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    told = {"Host": host}
    if body is not None:
        told |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    told |= headers or {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + content


@dataclass(slots=True)
class Line:
    """One connection at a time to `url`; a new one only where the last was ended, and before anything is sent."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    opened: int = 0
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> Answer:
        """Raises Broken, and OSError where nobody listens."""
        await self.connect()
        await self.send(
            request_of(method, path, host=self.host, headers={**self.headers, **(headers or {})}, body=body)
        )
        return await self.answer()

    async def connect(self) -> None:
        if self.reader is not None and self.reader.at_eof():
            self.close()
        if self.writer is None:
            parts = urlsplit(self.url)
            self.reader, self.writer = await asyncio.open_connection(parts.hostname, parts.port, limit=ANSWER_BYTES_MAX)
            self.opened += 1

    async def send(self, data: bytes) -> None:
        assert self.writer is not None
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError as fault:
            self.close()
            raise Broken(repr(fault)) from fault

    async def answer(self) -> Answer:
        assert self.reader is not None
        try:
            head = (await self.reader.readuntil(HEAD_END)).decode("latin-1")
            first, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
            status = int(first.split(" ")[1])
            body = await self._body(status, headers)
        except (OSError, asyncio.IncompleteReadError) as fault:
            self.close()
            raise Broken(repr(fault)) from fault
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)

    async def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        assert self.reader is not None
        if status in (204, 304):
            return b""
        if "transfer-encoding" not in headers:
            return await self.reader.readexactly(int(headers.get("content-length", "0")))
        parts = []
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            parts.append(await self.reader.readexactly(size))
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return b"".join(parts)

    def close(self) -> None:
        """What was not sent is not sent any more."""
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None
