"""Relays of other processes hear of a commit at once: NOTIFY, never inside a business transaction (kit.md §2)."""

import asyncio
from collections.abc import Callable

import asyncpg
import structlog

from svc_kit.timers import pause
from svc_kit.transaction import Database
from svc_kit.trouble import TROUBLE

log = structlog.get_logger()
CHANNEL = "outbox"
# What a relay says that leaves: its lanes are free now, not when its lease ends.
LEFT = "left"
AT_MOST_EVERY_SECONDS = 0.005
RETRY_SECONDS = 1.0
SETTINGS = {"synchronous_commit": "off", "application_name": "outbox announcements"}


async def announce(db: Database, stop: asyncio.Event, *, others: Callable[[], bool]) -> None:
    """Until stopped: one NOTIFY for all commits of a few milliseconds, where `others` says that somebody listens."""
    con: asyncpg.Connection[asyncpg.Record] | None = None
    try:
        while not stop.is_set():
            await either(db.announce, stop)
            db.announce.clear()
            if others() and not stop.is_set():
                try:
                    if con is None or con.is_closed():
                        con = await asyncpg.connect(db.url, server_settings=SETTINGS)
                    await con.execute(f"NOTIFY {CHANNEL}")
                except TROUBLE as fault:
                    log.warning("relays are not told", error=repr(fault))
                    await pause(stop, RETRY_SECONDS)
            await pause(stop, AT_MOST_EVERY_SECONDS)
    finally:
        if con is not None:
            con.terminate()


async def listen(db: Database, stop: asyncio.Event) -> None:
    """Until stopped: another process's commit wakes the relay of this one."""
    while not stop.is_set():
        try:
            con = await asyncpg.connect(db.url, server_settings=SETTINGS)
        except TROUBLE as fault:
            log.warning("relay does not hear of commits", error=repr(fault))
            await pause(stop, RETRY_SECONDS)
            continue
        try:
            await _until_lost(con, db, stop)
        except TROUBLE as fault:
            log.warning("relay does not hear of commits", error=repr(fault))
        finally:
            con.terminate()


async def _until_lost(con: "asyncpg.Connection[asyncpg.Record]", db: Database, stop: asyncio.Event) -> None:
    lost = asyncio.Event()
    con.add_termination_listener(lambda _: lost.set())
    await con.add_listener(CHANNEL, lambda *told: hear(db, told[-1]))
    db.wake.set()  # what was committed before we listened
    await either(lost, stop)


def hear(db: Database, payload: object) -> None:
    db.wake.set()
    if payload == LEFT:
        db.lanes_left.set()


async def either(one: asyncio.Event, other: asyncio.Event) -> None:
    waits = [asyncio.create_task(one.wait()), asyncio.create_task(other.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:  # also where this task is cancelled
        for task in waits:
            task.cancel()
