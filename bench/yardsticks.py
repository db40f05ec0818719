"""What the same machine does in the same minute without us: pgbench on the same PostgreSQL, FastAPI around nothing."""

import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench.load import closed_loop
from bench.wire import Wire, request
from svc_local.postgres import bin_folder

HERE = Path(__file__).parent
DATABASE = "bench_yardstick"
THREADS = 2
TABLES = """
CREATE TABLE bench_order (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person bigint NOT NULL,
    total bigint NOT NULL, status text NOT NULL, placed_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE bench_line (order_id bigint, n int, sku bigint NOT NULL, quantity bigint NOT NULL, amount bigint NOT NULL,
    PRIMARY KEY (order_id, n));
CREATE TABLE bench_outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key bigint NOT NULL,
    value text NOT NULL);
CREATE TABLE bench_stock (sku bigint PRIMARY KEY, available bigint NOT NULL);
INSERT INTO bench_stock SELECT n, 1000000000 FROM generate_series(1, 1000) AS n;
"""
RATE = re.compile(r"tps = ([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Yardstick:
    name: str
    script: str
    clients: int


ORDER_INSERTS = tuple(Yardstick(f"order_insert_{n}", "order_insert.sql", n) for n in (1, 16, 64))
HOT_INSERT = Yardstick("order_insert_hot_16", "order_insert_hot.sql", 16)
BARE = "bare_fastapi"
BARE_CLIENTS = 16


@asynccontextmanager
async def yardstick_database(server_url: str) -> AsyncIterator[str]:
    """An empty database with the yardstick's tables, dropped afterwards. Yields its address."""
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{DATABASE}"))
    server = await asyncpg.connect(server_url)
    try:
        await server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await server.execute(f"CREATE DATABASE {DATABASE}")
        inside = await asyncpg.connect(url)
        await inside.execute(TABLES)
        await inside.close()
        yield url
        await server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    finally:
        await server.close()


def transactions_per_second(url: str, yardstick: Yardstick, *, seconds: int) -> float:
    """Raises RuntimeError with pgbench's words."""
    parts = urlsplit(url)
    command: list[str | Path] = [
        bin_folder() / "pgbench",
        *("-n", "-M", "prepared", "-T", str(seconds), "-c", str(yardstick.clients)),
        *("-j", str(min(THREADS, yardstick.clients)), "-f", HERE / yardstick.script),
        *("-h", str(parts.hostname), "-p", str(parts.port), "-U", str(parts.username), parts.path.lstrip("/")),
    ]
    environment = {**os.environ, "PGPASSWORD": parts.password or ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = RATE.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench: {done.stdout[-500:]}{done.stderr[-500:]}")
    return float(found.group(1))


async def bare_answers_per_second(content: bytes, *, seconds: float, times: int) -> float:
    """The same bytes as the product list, from one worker, to 16 clients."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.bare", file.name, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{int(await process.stdout.readline())}"
            wires = [await Wire(url).open() for _ in range(BARE_CLIENTS)]
            asked = request("GET", "/")

            async def call(n: int) -> str:
                status, body = await wires[n].ask(asked)
                return "ok" if status == 200 and len(body) == len(content) else str(status)

            runs = [
                await closed_loop(call, clients=BARE_CLIENTS, seconds=seconds, warm_seconds=0.5) for _ in range(times)
            ]
            for wire in wires:
                wire.close()
        finally:
            process.terminate()
            await process.wait()
    return statistics.median(run.rate for run in runs)
