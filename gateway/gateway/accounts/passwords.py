"""Passwords: argon2id, away from the event loop, never more at once than the machine bears."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from svc_kit.refusals import Overloaded

T = TypeVar("T")

# OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one lane (20 ms of one core here).
MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
THREADS = 2
# Behind so many, a newcomer would wait for seconds.
WAITING_MAX = 128


class Passwords:
    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._waiting = 0
        # What a password is compared with where nobody has the log-in: the answer takes as long.
        self._nobodys = self._hasher.hash("nobody's")

    async def hash(self, password: str) -> str:
        """Raises Overloaded."""
        return await self._aside(lambda: self._hasher.hash(password))

    async def match(self, password: str, hashed: str | None) -> bool:
        """False also without a hash, in the same time. Raises Overloaded."""
        same = await self._aside(lambda: self._same(hashed or self._nobodys, password))
        return same and hashed is not None

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _same(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _aside(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise Overloaded(retry_after_seconds=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
