"""Sessions that ended while their access tokens still live: refused here at once, by other processes in seconds."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from gateway.sessions import store
from svc_kit.transaction import Database

log = structlog.get_logger()
POLL_SECONDS = 2.0
# A transaction that commits late has an earlier `ended_at` than what was read before it.
OVERLAP = timedelta(seconds=15)
PURGE_EVERY_SECONDS = 3_600.0
PURGE_MAX = 5_000
KEPT_AFTER_EXPIRY = timedelta(days=7)


class EndedSessions:
    def __init__(self, db: Database, *, access_token_seconds: int) -> None:
        self._db = db
        self._kept = timedelta(seconds=access_token_seconds) + OVERLAP
        self._ended: dict[str, datetime] = {}
        self._since: datetime | None = None
        self._purged_at = 0.0

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._ended

    def add(self, ids: Iterable[str]) -> None:
        now = self._db.clock.now()
        self._ended.update(dict.fromkeys(ids, now))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.read()
                await self._purge_now_and_then()
            except Exception as fault:  # noqa: BLE001 - the outermost loop: the database comes back
                log.warning("ended sessions not read", error=repr(fault))
            await asyncio.sleep(POLL_SECONDS)

    async def read(self) -> None:
        """Takes in what others ended, forgets what no token can name any more."""
        now = self._db.clock.now()
        oldest = now - self._kept
        async with self._db.read() as con:
            found = await store.ended_since(con, self._since - OVERLAP if self._since else oldest)
        self._ended.update(found)
        self._since = max((at for _, at in found), default=self._since or now)
        for id in [id for id, at in self._ended.items() if at < oldest]:
            del self._ended[id]

    async def _purge_now_and_then(self) -> None:
        now = self._db.clock.monotonic()
        if self._purged_at and now - self._purged_at < PURGE_EVERY_SECONDS:
            return
        self._purged_at = now
        async with self._db.read() as con:
            await store.purge(con, now=self._db.clock.now(), kept=KEPT_AFTER_EXPIRY, limit=PURGE_MAX)
