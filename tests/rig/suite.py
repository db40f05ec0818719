"""The whole suite on the rig: every process killable by name, every edge between them behind a proxy.

Whatever dies is started again at once, as a supervisor does; who listens where is ours, so a restart queues.
"""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.rig import nursery
from tests.rig.disk import SmallDisk
from tests.rig.edges import Edges
from tests.rig.servers import Servers, servers

from svc_contracts.suite import SERVICES, ServiceEntry
from svc_local.databases import DatabaseUrls, ensure_all
from svc_local.environments import Surroundings, environment_of, owner_environment, sandbox_environment
from svc_local.layout import SANDBOX, Ports, State
from svc_local.ports import free_offset, listening_sockets
from svc_local.processes import HOST, Guardian, tail
from svc_local.readiness import is_ready
from svc_local.secret_store import secrets_of
from svc_local.supervisor import create_owner, migration, topics
from svc_local.testing import SuiteForTests, shuffled_offsets

ALL_ROLES = ("api", "relay", "consume", "timers")
READY_SECONDS = 60.0
LOOK_SECONDS = 0.02
STOP_SECONDS = 25.0
GATEWAY_EDGE = "clients>gateway"


@dataclass(slots=True)
class Member:
    """One process of a service. `ends`: exit status of each life."""

    name: str
    service: str
    start: Callable[[], BaseProcess]
    process: BaseProcess | None = None
    ends: list[int | None] = field(default_factory=list)
    kept: bool = True

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.is_alive() else None


class Suite(Servers):
    """`replicas`: service → how many processes (they share its listening socket). Default one each. `told`: settings
    of every service.
    """

    def __init__(
        self, folder: Path, guardian: Guardian, edges: Edges, replicas: Mapping[str, int], told: Mapping[str, str]
    ) -> None:
        super().__init__(folder, guardian, edges)
        self.replicas = replicas
        self.told = told
        self.state = State(folder)
        self.state.make()
        self.secrets = secrets_of(self.state)
        offset = free_offset(shuffled_offsets())
        assert offset is not None, "no free ports on this machine"
        self.ports = Ports(offset)
        self.sockets: dict[str, socket.socket] = {}
        self.members: dict[str, Member] = {}
        self.urls: dict[str, DatabaseUrls] = {}
        self.edge_ports: dict[str, int] = {}
        self.extra: dict[str, dict[str, str]] = {}
        self.turn = threading.RLock()
        self.over = threading.Event()
        self.keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    # Starting and stopping

    def start(self) -> None:
        super().start()
        passwords = self.secrets.passwords()
        self.urls = ensure_all(self.url, passwords, databases=[entry.database for entry in SERVICES.values()])
        self._open_edges()
        self._prepare()
        self.sockets = listening_sockets({name: self.ports.of(name) for name in [*SERVICES, SANDBOX]})
        self.begin(SANDBOX, SANDBOX, lambda: self._born(SANDBOX, nursery.serve_sandbox, self.sockets[SANDBOX]))
        for name in SERVICES:
            for slot in range(self.replicas.get(name, 1)):
                self.add(name, slot)
        self._to_the_end("owner", create_owner, owner_environment(self._around()))
        self.until_ready()
        self.keeper.start()

    def stop(self) -> None:
        self.over.set()
        if self.keeper.is_alive():
            self.keeper.join(5)
        for member in self.members.values():
            if member.process is not None:
                nursery.kill(member.process)
        for holder in self.sockets.values():
            holder.close()
        super().stop()

    def add(self, service: str, slot: int, *, roles: Sequence[str] = ALL_ROLES) -> Member:
        """One more process of a service: on its socket, in a slot of its own."""
        name = service if slot == 0 else f"{service}-{slot}"

        def start() -> BaseProcess:
            entry = SERVICES[service]
            own_settings = {"SLOT": str(slot), **self.told, **self.extra.get(service, {})}
            environment = self.environment_of(service) | own_settings
            own = self.sockets[service]
            return nursery.born(
                name, nursery.serve, entry.package, own, tuple(roles), log=self.log_of(name), environment=environment
            )

        return self.begin(name, service, start)

    def begin(self, name: str, service: str, start: Callable[[], BaseProcess]) -> Member:
        with self.turn:
            member = self.members[name] = Member(name, service, start)
            member.process = start()
        return member

    def remove(self, name: str) -> None:
        """Killed and forgotten: what `add` brought."""
        with self.turn:
            member = self.members.pop(name)
        if member.process is not None:
            nursery.kill(member.process)

    def until_ready(self, *names: str, within_seconds: float = READY_SECONDS) -> float:
        """The seconds it took. Raises TimeoutError with the end of a log."""
        began = time.monotonic()
        services = {self.members[name].service for name in names} if names else {*SERVICES, SANDBOX}
        while waiting := [one for one in services if not is_ready(self.ports.url_of(one), timeout=1.0)]:
            if time.monotonic() - began > within_seconds:
                raise TimeoutError(f"{waiting} not ready; {waiting[0]}'s log ends:\n{tail(self.log_of(waiting[0]))}")
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    def replica(self, name: str, *, within_seconds: float = READY_SECONDS) -> dict[str, Any]:
        """What the readiness page of this very process says once it is ready. Raises TimeoutError."""
        member, began = self.members[name], time.monotonic()
        slot = name.removeprefix(member.service).removeprefix("-") or "0"
        while time.monotonic() - began < within_seconds:
            # Whoever of them takes the connection answers: asked until it is the one.
            page = readiness_page(self.ports.of(member.service))
            if page.get("ready") and page["slot"] == slot:
                return page
            time.sleep(LOOK_SECONDS)
        raise TimeoutError(f"{name} not ready; its log ends:\n{tail(self.log_of(name))}")

    # Faults

    def kill(self, name: str) -> bool:
        """SIGKILL; the keeper starts it again. False where it was just dead."""
        with self.turn:
            process = self.members[name].process
        return process is not None and nursery.kill(process)

    def pause(self, name: str) -> None:
        self._send(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._send(name, signal.SIGCONT)

    def stop_gently(self, name: str) -> int | None:
        """SIGTERM, as a deploy does; the keeper starts it again. Its exit status."""
        with self.turn:
            process = self.members[name].process
        assert process is not None
        nursery.send(process, signal.SIGTERM)
        process.join(STOP_SECONDS)
        return process.exitcode

    def leave_down(self, name: str) -> None:
        """Killed and not started again until `bring_back`."""
        self.members[name].kept = False
        self.kill(name)

    def bring_back(self, name: str) -> None:
        self.members[name].kept = True

    def restart_all(self) -> None:
        """Killed and started again, with the environment of now (another incarnation of the broker, for one)."""
        for name in self.members:
            if name != SANDBOX:
                self.kill(name)
        self.until_ready()

    # What clients see

    @property
    def gateway_url(self) -> str:
        return f"http://{HOST}:{self.edge_ports[GATEWAY_EDGE]}"

    @property
    def databases(self) -> dict[str, str]:
        """Straight to PostgreSQL, as each service's application role."""
        return {name: urls.app for name, urls in self.urls.items()}

    def for_tests(self) -> SuiteForTests:
        """As journeys know a suite."""
        ports = {name: self.ports.of(name) for name in [*SERVICES, SANDBOX]} | {"kafka": self.kafka_edge}
        return SuiteForTests(self.gateway_url, self.secrets.owner, ports, self.folder, self.databases)

    def log_of(self, name: str) -> Path:
        return self.state.log_of(name)

    # Inside

    def environment_of(self, service: str) -> dict[str, str]:
        """As `make up` tells it, every address by way of a proxy."""
        told = environment_of(service, self._around())
        told["DATABASE_URL"] = self.through(self.edge_ports[f"{service}>postgres"], told["DATABASE_URL"])
        told["SERVICE_URLS"] = json.dumps(
            {name: f"http://{HOST}:{self.edge_ports[f'{service}>{name}']}" for name in SERVICES if name != service}
        )
        if "PAYMENT_SANDBOX_URL" in told:
            told["PAYMENT_SANDBOX_URL"] = f"http://{HOST}:{self.edge_ports[f'{service}>{SANDBOX}']}"
        return told

    def _around(self) -> Surroundings:
        return Surroundings(
            ports=self.ports,
            secrets=self.secrets,
            server_url=self.url,
            databases=self.urls,
            kafka_bootstrap=self.bootstrap,
            kafka_cluster=self.cluster,
        )

    def _open_edges(self) -> None:
        wanted = {GATEWAY_EDGE: self.ports.of("gateway"), f"order-svc>{SANDBOX}": self.ports.of(SANDBOX)}
        for name in SERVICES:
            wanted[f"{name}>postgres"] = self.postgres_port
            wanted |= {f"{name}>{other}": self.ports.of(other) for other in SERVICES if other != name}
        self.edge_ports = {name: self.edges.open(name, port) for name, port in wanted.items()}

    def _prepare(self) -> None:
        around = self._around()
        jobs = [
            self._begin_job(f"migrate-{entry.name}", migrate_one, entry, around.databases[entry.database].owner)
            for entry in SERVICES.values()
        ]
        jobs.append(self._begin_job("topics", make_topics, self.bootstrap))
        for name, job in jobs:
            self._end_job(name, job)

    def _begin_job(self, name: str, work: Callable[..., None], *given: Any) -> tuple[str, BaseProcess]:
        return name, nursery.born(name, work, *given, log=self.log_of(name))

    def _end_job(self, name: str, job: BaseProcess) -> None:
        job.join(READY_SECONDS)
        assert job.exitcode == 0, f"{name}: {job.exitcode}\n{tail(self.log_of(name))}"

    def _to_the_end(self, name: str, work: Callable[[], None], environment: Mapping[str, str]) -> None:
        self._end_job(name, nursery.born(name, work, log=self.log_of(name), environment=environment))

    def _born(self, name: str, work: Callable[..., None], own: socket.socket) -> BaseProcess:
        return nursery.born(name, work, own, log=self.log_of(name), environment=sandbox_environment(self._around()))

    def _send(self, name: str, number: signal.Signals) -> None:
        process = self.members[name].process
        assert process is not None
        nursery.send(process, number)

    def _keep(self) -> None:
        while not self.over.wait(LOOK_SECONDS):
            with self.turn:
                for member in self.members.values():
                    if member.kept and member.process is not None and not member.process.is_alive():
                        member.ends.append(member.process.exitcode)
                        member.process = member.start()


def migrate_one(entry: ServiceEntry, owner_url: str) -> None:
    migration(entry.package, owner_url)()


def make_topics(bootstrap: str) -> None:
    topics(bootstrap)()


def readiness_page(port: int) -> dict[str, Any]:
    """Empty where nobody answers, or nobody who is well."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2.0)
    try:
        connection.request("GET", "/readyz")
        page: dict[str, Any] = json.load(connection.getresponse())
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    else:
        return page
    finally:
        connection.close()


class SuiteOnSmallDisk(Suite):
    """Its PostgreSQL has a disk of its own, of so many bytes. Takes root."""

    def __init__(self, folder: Path, guardian: Guardian, edges: Edges, bytes_max: int) -> None:
        super().__init__(folder, guardian, edges, {}, {})
        self.disk = SmallDisk(folder / "small-disk", bytes_max)
        self.postgres_folder = self.disk.folder / "postgres"

    def start(self) -> None:
        self.disk.mount()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.disk.unmount()


@contextmanager
def suite_on_small_disk(bytes_max: int) -> Iterator[SuiteOnSmallDisk]:
    with servers(lambda folder, guardian, edges: SuiteOnSmallDisk(folder, guardian, edges, bytes_max)) as made:
        yield made


@contextmanager
def suite(told: Mapping[str, str] | None = None, **replicas: int) -> Iterator[Suite]:
    """`suite(order_svc=2)`: two processes of order-svc. `told`: settings of every service."""
    counts = {name.replace("_", "-"): count for name, count in replicas.items()}
    with servers(lambda folder, guardian, edges: Suite(folder, guardian, edges, counts, told or {})) as made:
        yield made
