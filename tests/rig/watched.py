"""A consumer as it runs in production (`--roles consume`), taking notes, with the page that says how it is."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx
import uvloop
from tests.rig import nursery
from tests.rig.workers import SOURCE, note_taker

from svc_contracts.events.stock import StockRefused
from svc_kit import process
from svc_kit.assembly import Service, create_app
from svc_kit.consumer import Consumer, Received
from svc_kit.settings import KitSettings
from svc_kit.telemetry import configure_logs
from svc_kit.transaction import Tx
from svc_local.processes import HOST

ASK_SECONDS = 2.0


@dataclass(slots=True)
class Watched:
    """Killed and started again at will. `deciding`: eager, and answers each event with one of its own; else it
    projects.
    """

    group: str
    marker: str
    url: str
    bootstrap: str
    cluster: str
    log: Path
    deciding: bool = True
    heeds_poison: bool = True
    process: BaseProcess | None = None
    port: int = 0

    def start(self) -> None:
        """It joins its group under the same name each time."""
        told = {
            "YUNYING_ENV": "test", "DATABASE_URL": self.url, "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "KAFKA_CLUSTER": self.cluster, "PORT": "1",
        }  # fmt: skip
        with nursery.free_socket() as own:
            self.port = own.getsockname()[1]
            self.process = nursery.born(
                self.group, _serve, self.group, self.marker, self.deciding, self.heeds_poison, own, log=self.log,
                environment={**os.environ, **told},
            )  # fmt: skip

    def kill(self) -> bool:
        return self.process is not None and nursery.kill(self.process)

    def send(self, number: signal.Signals) -> bool:
        return self.process is not None and nursery.send(self.process, number)

    async def ask(self) -> tuple[bool, dict[str, Any]]:
        """(is it ready, what it says of its consumer). Nothing where it does not answer yet."""
        try:
            answer = await self._get("/readyz")
        except httpx.HTTPError:
            return False, {}
        return answer.status_code == 200, answer.json().get(self.group, {})

    async def metric(self, name: str) -> float:
        found = re.search(
            rf'^{name}{{consumer="{self.group}"}} (\S+)$', (await self._get("/metrics")).text, re.MULTILINE
        )
        return float(found.group(1)) if found else 0.0

    async def _get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=ASK_SECONDS) as http:
            return await http.get(f"http://{HOST}:{self.port}{path}")


def answering(notes: Consumer) -> Callable[[Tx, Sequence[Received]], Awaitable[None]]:
    async def handle(tx: Tx, events: Sequence[Received]) -> None:
        await notes.handle(tx, events)
        for one in events:
            tx.emit(StockRefused(order_id=one.key, shortages=[]), seq=one.seq, cause=one)

    return handle


def _serve(group: str, marker: str, deciding: bool, heeds_poison: bool, own: socket.socket) -> None:
    configure_logs(group, "info")
    notes = note_taker(group, marker, heeds_poison=heeds_poison)
    consumer = replace(notes, handle=answering(notes)) if deciding else replace(notes, deciding=False)
    service = Service(name=SOURCE, settings=KitSettings, consumers=(consumer,))
    settings = KitSettings()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(process.serve(create_app(service, settings), service, settings, frozenset({"consume"}), own))
