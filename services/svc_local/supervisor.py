"""The parent of the suite: imports the libraries once, holds the listening sockets, forks the services, keeps them up.

It runs in the background. `boot` brings everything up in order, `watch` restarts what ends, `shut_down` ends it.
"""

import asyncio
import contextlib
import gc
import importlib
import importlib.util
import inspect
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from svc_contracts.suite import SERVICES
from svc_local import kafka, ledger, postgres
from svc_local.children import Child, Forked, Handle, fork, run_to_end, stop_together
from svc_local.databases import DatabaseUrls, ensure_all
from svc_local.environments import Surroundings, environment_of, owner_environment, sandbox_environment
from svc_local.layout import SANDBOX, Ports, State, built_services
from svc_local.ports import listening_sockets, refuse_busy
from svc_local.processes import HOST, wait_until_listening
from svc_local.progress import Channel
from svc_local.readiness import wait_until_ready
from svc_local.report import write_report
from svc_local.rotation import Rotation
from svc_local.secret_store import secrets_of
from svc_local.troubles import Trouble, sentence_of

# Imported before the fork, so that their memory is shared.
LIBRARIES = (
    "aiohttp", "aiokafka", "argon2", "asyncpg", "fastapi", "httpx", "httpx_aiohttp", "jwt", "orjson",
    "phonenumbers", "prometheus_client", "pydantic_settings", "structlog",
    "uvicorn.protocols.http.httptools_impl", "uvloop", "svc_contracts.events", "svc_kit.process",
)  # fmt: skip
WATCH_SECONDS = 0.1
MIGRATION_SECONDS = 120.0
SERVICE_SIGNALS = ((signal.SIGTERM, 6.0),)


class StopAsked(BaseException):
    """SIGTERM or SIGINT came while the suite was being started."""


class Supervisor:
    def __init__(self, state: State, ports: Ports, channel: Channel, *, lock: int) -> None:
        self.state = state
        self.ports = ports
        self.channel = channel
        self.lock = lock
        self.children: dict[str, Child] = {}
        self.sockets: dict[str, socket.socket] = {}
        self.rotation = Rotation(state.logs)
        self.secrets = secrets_of(state)
        self.began = time.monotonic()
        self.stopping = False
        self.deferring = False
        self.books = threading.Lock()
        self.booted = False
        self.environment = dict(os.environ)

    def run(self) -> int:
        """The exit status. Whatever happens, nothing of ours is left running."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        status = 0
        try:
            self.boot()
            self.watch()
        except StopAsked:
            self.channel.tell(failed="Stopped before it was ready.")
            status = 1
        except Trouble as trouble:
            self.channel.tell(failed=str(trouble))
            status = 1
        except OSError as fault:
            traceback.print_exc()
            self.channel.tell(failed=sentence_of(fault, self.state.folder) or f"{fault}; see {self.log}")
            status = 1
        except BaseException:  # noqa: BLE001 - the outermost frame of the supervisor
            traceback.print_exc()
            self.channel.tell(failed=f"The supervisor met a fault of its own; {self.log} has it.")
            status = 1
        finally:
            self.shut_down()
        return status

    @property
    def log(self) -> Path:
        return self.state.log_of("supervisor")

    def boot(self) -> None:
        tell = self.channel
        left = ledger.end_leftovers(self.state)
        if left:
            tell.tell(note=f"The last run ended badly; still running and ended now: {', '.join(left)}.")
        self.sockets = listening_sockets({name: self.ports.of(name) for name in [*built_services(), SANDBOX]})
        around = self.start_servers()
        with tell.step("databases and topics"):
            self.prepare_contents(around)
        gc.collect()
        gc.freeze()
        with tell.step("services and the payment sandbox"):
            self.start_services(around)
            self.create_owner(around)
            wait_until_ready(
                {name: self.ports.url_of(name) for name in self.sockets},
                while_=self.tend,
                exits_of=lambda name: self.children[name].exits,
                log_of=self.state.log_of,
            )
        report = write_report(self.state, self.ports, around, seconds=None)
        if not self.state.sample_marker.exists():
            self.load_sample(around)
        seconds = time.monotonic() - self.began
        write_report(self.state, self.ports, around, seconds=seconds)
        self.booted = True
        tell.tell(ready=seconds, **{"suite": report["gateway_url"]})
        tell.close()

    def start_servers(self) -> Surroundings:
        """PostgreSQL and Kafka side by side, while this thread imports the libraries."""
        pool = ThreadPoolExecutor(max_workers=2)
        try:
            database, broker = pool.submit(self.start_postgres), pool.submit(self.start_kafka)
            with self.channel.step("libraries"):
                import_libraries()
            # In short rounds, so that a signal is heard in between.
            while not (database.done() and broker.done()) and not failed(database) and not failed(broker):
                time.sleep(0.01)
            server = database.result() if database.done() else ""
            running = broker.result()
            server = server or database.result()
        finally:
            # Not waited for: a download would hold up Ctrl-C. What it starts from now on is refused by `begin`.
            pool.shutdown(wait=False, cancel_futures=True)
        return Surroundings(
            ports=self.ports,
            secrets=self.secrets,
            server_url=server,
            databases=self.make_databases(server),
            kafka_bootstrap=running.bootstrap,
            kafka_cluster=running.cluster_id,
        )

    def start_postgres(self) -> str:
        """The superuser's address."""
        url = os.environ.get("YUNYING_POSTGRES_URL")
        with self.channel.step("PostgreSQL"):
            if url:
                return asyncio.run(postgres.external(url)).url
            port, folder, log = self.ports.of("postgres"), self.state.postgres, self.state.log_of("postgres")
            refuse_busy({"postgres": port})
            postgres.prepare(folder, password=self.secrets.postgres_password)
            child = self.begin("postgres", lambda: postgres.launch(folder, port=port, log=log), postgres.STOP_SIGNALS)
            postgres.wait_until_ready(popen_of(child), folder, log)
            return postgres.url_of(port, self.secrets.postgres_password)

    def start_kafka(self) -> kafka.Broker:
        bootstrap = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        with self.channel.step("Apache Kafka") as progress:
            if bootstrap:
                return asyncio.run(kafka.external(bootstrap))
            port, control = self.ports.of("kafka"), self.ports.of("kafka-controller")
            folder, log = self.state.kafka, self.state.log_of("kafka")
            refuse_busy({"kafka": port, "kafka-controller": control})
            jars = kafka.prepare(folder, port=port, controller_port=control, progress=progress)
            child = self.begin("kafka", lambda: kafka.launch(jars, folder, log=log), kafka.STOP_SIGNALS)
            wait_until_listening(popen_of(child), port, log=log, seconds=kafka.START_SECONDS, what="Apache Kafka")
            return kafka.Broker(f"{HOST}:{port}", str(kafka.cluster_id_of(folder)), child.pid)

    def make_databases(self, server_url: str) -> dict[str, DatabaseUrls]:
        names = [entry.database for entry in SERVICES.values()]
        return ensure_all(server_url, self.secrets.passwords(), databases=names)

    def prepare_contents(self, around: Surroundings) -> None:
        """Migrations and topics."""
        log = self.state.log_of("migrate")
        jobs = {
            "migrating the databases": self.fork("migrate", lambda: migrate_all(around, log=log), self.environment),
            "making the topics": self.fork("topics", topics(around.kafka_bootstrap), self.environment),
        }
        run_to_end(jobs, seconds=MIGRATION_SECONDS, log=log)

    def start_services(self, around: Surroundings) -> None:
        self.begin(SANDBOX, self.forking(SANDBOX, run_sandbox, sandbox_environment(around)), SERVICE_SIGNALS)
        for name, entry in built_services().items():
            run = running(entry.package)
            self.begin(name, self.forking(name, run, environment_of(name, around)), SERVICE_SIGNALS)

    def create_owner(self, around: Surroundings) -> None:
        if "gateway" not in built_services():
            return
        job = self.fork("owner", create_owner, owner_environment(around))
        run_to_end({"creating the first owner": job}, seconds=60, log=self.state.log_of("owner"))

    def load_sample(self, around: Surroundings) -> None:
        if "gateway" not in built_services():
            return
        with self.channel.step("sample shop"):
            url, owner = self.ports.url_of("gateway"), around.secrets.owner
            job = self.fork("sample", lambda: load_sample(url, owner), self.environment)
            run_to_end(
                {"loading the sample shop": job}, seconds=300, log=self.state.log_of("sample"), meanwhile=self.tend
            )
            self.state.sample_marker.touch()

    def fork(self, name: str, work: Callable[[], None], environment: dict[str, str]) -> Forked:
        """A job without a socket."""
        close = [self.lock, *(holder.fileno() for holder in self.sockets.values())]
        return fork(name, self.quietly(work), log=self.state.log_of(name), environment=environment, close=close)

    def forking(
        self, name: str, run: Callable[[socket.socket], None], environment: dict[str, str]
    ) -> Callable[[], Handle]:
        """How one service is forked, the first time and every time after."""

        def start() -> Handle:
            own = self.sockets[name]
            others = [holder.fileno() for holder in self.sockets.values() if holder is not own]
            return fork(
                name,
                self.quietly(lambda: run(own)),
                log=self.state.log_of(name),
                environment=environment,
                close=[self.lock, *others],
            )

        return start

    def quietly(self, work: Callable[[], None]) -> Callable[[], None]:
        """A child does not speak to the terminal."""

        def run() -> None:
            self.channel.close()
            work()

        return run

    def begin(self, name: str, start: Callable[[], Handle], signals: tuple[tuple[signal.Signals, float], ...]) -> Child:
        child = Child(name, start, self.ports.of(name), signals)
        with self.deferred():
            if self.stopping:
                raise StopAsked
            self.children[name] = child
            child.begin()
            ledger.write(self.state, self.children.values())
        return child

    def tend(self) -> None:
        """Restarts what has ended."""
        now = time.monotonic()
        with self.deferred():
            changed = [child.check(now) for child in self.children.values()]
            if any(changed):
                ledger.write(self.state, self.children.values())

    def watch(self) -> None:
        """Until SIGTERM."""
        while not self.stopping:
            self.tend()
            self.rotation.turn()
            time.sleep(WATCH_SECONDS)

    def shut_down(self) -> None:
        """Services first, so that they can finish their transactions; then the broker and the database."""
        self.booted, self.stopping = True, True
        for holder in self.sockets.values():
            holder.close()
        servers = [child for name, child in self.children.items() if name in ("postgres", "kafka")]
        services = [child for name, child in self.children.items() if name not in ("postgres", "kafka")]
        stop_together(services)
        stop_together(servers)
        self.state.processes_file.unlink(missing_ok=True)
        self.channel.close()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True
        if not self.booted and not self.deferring:
            raise StopAsked

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Between a start and its note in the ledger nothing interrupts us, or the process would be nobody's."""
        with self.books:
            self.deferring = True
            try:
                yield
            finally:
                self.deferring = False
        if self.stopping and not self.booted:
            raise StopAsked


def failed(future: "Future[str] | Future[kafka.Broker]") -> bool:
    return future.done() and future.exception() is not None


def import_libraries() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    # The collector would write into every page that the children share with us.
    gc.collect()
    gc.freeze()


def popen_of(child: Child) -> "subprocess.Popen[bytes]":
    assert isinstance(child.handle, subprocess.Popen)
    return child.handle


def running(package: str) -> Callable[[socket.socket], None]:
    def run(own: socket.socket) -> None:
        from svc_kit import process

        process.run(package, sock=own)

    return run


def run_sandbox(own: socket.socket) -> None:
    from svc_local import sandbox

    sandbox.run(own)


def migration(package: str, owner_url: str) -> Callable[[], None]:
    def run() -> None:
        from svc_kit import migrate

        migrate.upgrade(package, owner_url)

    return run


def migrate_all(around: Surroundings, *, log: Path) -> None:
    """In a process that alone imports what only migrations need (27 MiB), each in another: two services may name a
    table alike.
    """
    importlib.import_module("svc_kit.migrate")
    jobs = {
        f"migrating {entry.name}": fork(
            "migrate",
            migration(entry.package, around.databases[entry.database].owner),
            log=log,
            environment=environment_of(entry.name, around),
        )
        for entry in built_services().values()
    }
    run_to_end(jobs, seconds=MIGRATION_SECONDS, log=log)


def topics(bootstrap: str) -> Callable[[], None]:
    def run() -> None:
        from svc_kit import topics as kit_topics

        asyncio.run(kit_topics.ensure(bootstrap))

    return run


def create_owner() -> None:
    """As on any deployment: `python -m gateway create-owner`."""
    sys.argv = ["gateway", "create-owner"]
    runpy.run_module("gateway", run_name="__main__", alter_sys=True)


def load_sample(gateway_url: str, owner: dict[str, str]) -> None:
    from svc_local import sample

    outcome = sample.load(gateway_url, owner)
    if inspect.isawaitable(outcome):
        asyncio.run(as_coroutine(outcome))


async def as_coroutine(awaited: Awaitable[object]) -> None:
    await awaited
