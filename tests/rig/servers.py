"""A PostgreSQL and a Kafka to be ill-treated, each behind a proxy."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import psutil
from tests.rig.edges import Edges

from svc_local import kafka as kafka_broker
from svc_local import postgres as postgres_server
from svc_local.databases import Databases, DatabaseUrls
from svc_local.processes import HOST, Guardian, end, free_ports
from svc_local.testing import PostgresForTests, guarded_folder

POSTGRES = "clients>postgres"
KAFKA = "clients>kafka"
# For whoever needs an edge of their own.
DOORS = ("one>kafka", "other>kafka")
# Migrations share what they know within a process.
MIGRATING = threading.Lock()
S = TypeVar("S", bound="Servers")


class Servers:
    """`bootstrap` leads through the proxy KAFKA, `doors` each through its own: who comes by one of them meets
    nothing of the others. `url` goes straight to PostgreSQL.
    """

    def __init__(self, folder: Path, guardian: Guardian, edges: Edges) -> None:
        self.folder = folder
        self.postgres_folder = folder / "postgres"
        self.guardian = guardian
        self.edges = edges
        self.password = postgres_server.new_password()
        self.postgres_port, self.kafka_port, self.controller_port, *behind = free_ports(3 + len(DOORS))
        self.kafka_edge = edges.open(KAFKA, self.kafka_port)
        self.postgres_edge = edges.open(POSTGRES, self.postgres_port)
        self.url = postgres_server.url_of(self.postgres_port, self.password)
        self.bootstrap = f"{HOST}:{self.kafka_edge}"
        self.side_doors = {port: edges.open(name, port) for name, port in zip(DOORS, behind, strict=True)}
        self.doors = dict(zip(DOORS, (f"{HOST}:{edge}" for edge in self.side_doors.values()), strict=True))
        self.cluster = ""
        self.postgres: subprocess.Popen[bytes] | None = None
        self.kafka: subprocess.Popen[bytes] | None = None
        self.postgres_pid = 0
        self.kafka_pid = 0

    def start(self) -> None:
        with ThreadPoolExecutor(2) as aside:
            both = aside.submit(self.start_postgres), aside.submit(self.start_kafka)
            for one in both:
                one.result()

    def start_postgres(self) -> None:
        started = postgres_server.start(
            self.postgres_folder,
            port=self.postgres_port,
            password=self.password,
            log=self.folder / "logs" / "postgres.log",
            spawned=lambda pid: self.guardian.watch(pid, signal.SIGINT),
        )
        assert started.process is not None
        self.postgres, self.postgres_pid = started.process, started.process.pid

    def start_kafka(self) -> None:
        started = kafka_broker.start(
            self.folder / "kafka",
            port=self.kafka_port,
            controller_port=self.controller_port,
            advertised_port=self.kafka_edge,
            side_doors=self.side_doors,
            log=self.folder / "logs" / "kafka.log",
            spawned=lambda pid: self.guardian.watch(pid, signal.SIGTERM),
        )
        assert started.process is not None
        self.kafka, self.kafka_pid, self.cluster = started.process, started.process.pid, started.cluster_id

    def stop(self) -> None:
        if self.kafka is not None:
            kafka_broker.stop(self.kafka_pid)
            self.kafka.wait(10)
        if self.postgres is not None:
            postgres_server.stop(self.postgres_pid)
            self.postgres.wait(10)

    def crash_postgres(self) -> None:
        """`pg_ctl stop -m immediate`: nothing is written any more; the next start recovers."""
        assert self.postgres is not None
        end(self.postgres_pid, signals=((signal.SIGQUIT, 10.0),))
        self.postgres.wait(10)

    def kill_postgres(self) -> None:
        """Every process of it at once."""
        assert self.postgres is not None
        postmaster = psutil.Process(self.postgres_pid)
        for process in (postmaster, *postmaster.children()):
            process.kill()
        self.postgres.wait(10)

    def kill_kafka(self) -> None:
        assert self.kafka is not None
        end(self.kafka_pid, signals=((signal.SIGKILL, 5.0),))
        self.kafka.wait(10)

    def pause_kafka(self) -> None:
        os.kill(self.kafka_pid, signal.SIGSTOP)

    def resume_kafka(self) -> None:
        os.kill(self.kafka_pid, signal.SIGCONT)

    def wipe_kafka(self) -> None:
        """Its disk is lost: the next start is another incarnation, `cluster` names it."""
        self.kill_kafka()
        shutil.rmtree(self.folder / "kafka" / "data")

    def through(self, edge_port: int, url: str) -> str:
        """The same address by way of a proxy."""
        parts = urlsplit(url)
        return parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{HOST}:{edge_port}").geturl()


class Ground(Servers):
    """Servers for what needs no service but its database: `database("order_svc")` is new and migrated."""

    def __init__(self, folder: Path, guardian: Guardian, edges: Edges) -> None:
        super().__init__(folder, guardian, edges)
        self.made: PostgresForTests | None = None

    def database(self, package: str) -> DatabaseUrls:
        """Both addresses lead through the proxy POSTGRES."""
        assert self.made is not None
        with MIGRATING:
            _, urls = self.made.clone_of(package)
        return DatabaseUrls(*(self.through(self.postgres_edge, url) for url in (urls.app, urls.owner)))


@contextmanager
def ground() -> Iterator[Ground]:
    with servers(Ground) as made, Databases(made.url) as databases:
        made.made = PostgresForTests(made.url, databases)
        yield made


@contextmanager
def servers(kind: Callable[[Path, Guardian, Edges], S]) -> Iterator[S]:
    with ExitStack() as stack:
        folder, guardian = stack.enter_context(guarded_folder())
        edges = stack.enter_context(Edges(folder / "logs" / "edges.log"))
        made = kind(folder, guardian, edges)
        try:
            made.start()
            yield made
        finally:
            made.stop()
