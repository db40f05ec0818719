"""The pytest plugin of the project: real servers for tests, one set per run, started when first asked for.

Everything lives in one temporary folder and on free ports, so a run disturbs neither `make up` nor another run. Each
server has a guardian, which ends it and removes its folder even when pytest itself is killed.
"""

import asyncio
import inspect
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, overload

import pytest
import structlog

from svc_contracts.suite import SERVICES
from svc_local import kafka as kafka_broker
from svc_local import ledger
from svc_local import postgres as postgres_server
from svc_local.databases import Databases, DatabaseUrls, Passwords
from svc_local.layout import OFFSET_STEP, State, read_json
from svc_local.ports import free_offset
from svc_local.processes import Guardian, free_ports

T = TypeVar("T")
POLL_SECONDS = 0.02
# What whoever runs the tests may have told `make`, and no test may hear of.
TOLD_TO_MAKE = frozenset(
    {"YUNYING_PORT_OFFSET", "YUNYING_POSTGRES_URL", "KAFKA_BOOTSTRAP_SERVERS", "YES", "SERVICE", "FOLLOW"}
)


def pytest_configure() -> None:
    """Tracebacks as Python writes them: structlog's own show every variable, for seconds, within a transaction."""
    *before, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, plain])


@dataclass(slots=True)
class PostgresForTests:
    """The cluster of this run. `database_of` is what a test wants; `url` is the superuser's."""

    url: str
    databases: Databases
    templates: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def clone_of(self, package: str) -> tuple[str, DatabaseUrls]:
        """A new database with the package's migrations applied: its name, its addresses."""
        database = database_name(package)
        template = f"template_{database}"
        if template not in self.templates:
            self.make_template(package, database, template)
        name = f"{database}_{next(self.numbers)}"
        return name, self.databases.clone(template, name, roles_of=database)

    def make_template(self, package: str, database: str, template: str) -> None:
        passwords = Passwords(app=postgres_server.new_password(), owner=postgres_server.new_password())
        urls = self.databases.ensure(template, roles_of=database, passwords=passwords)
        # A thread of its own: migrations run an event loop, and the caller may be inside one.
        with ThreadPoolExecutor(max_workers=1) as aside:
            aside.submit(migrate, package, urls.owner).result()
        self.templates.add(template)


@dataclass(frozen=True, slots=True)
class KafkaForTests:
    bootstrap: str
    cluster_id: str


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresForTests]:
    with guarded_folder() as (folder, guardian):
        cluster = postgres_server.start(
            folder / "data",
            port=free_ports(1)[0],
            password=postgres_server.new_password(),
            log=folder / "server.log",
            spawned=lambda pid: guardian.watch(pid, signal.SIGINT),
        )
        with ended_at_last(cluster.process, postgres_server.stop), Databases(cluster.url) as databases:
            yield PostgresForTests(cluster.url, databases)


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaForTests]:
    with guarded_folder() as (folder, guardian):
        port, controller_port = free_ports(2)
        broker = kafka_broker.start(
            folder / "broker",
            port=port,
            controller_port=controller_port,
            log=folder / "server.log",
            spawned=lambda pid: guardian.watch(pid, signal.SIGTERM),
        )
        with ended_at_last(broker.process, kafka_broker.stop):
            yield KafkaForTests(broker.bootstrap, broker.cluster_id)


@dataclass(frozen=True, slots=True)
class SuiteForTests:
    """The whole suite as `make up` starts it, in a folder of its own. `credentials`: the owner's login and password;
    `databases`: the address of each, none where they are out of reach.
    """

    gateway_url: str
    credentials: dict[str, str]
    ports: dict[str, int]
    state_dir: Path
    databases: dict[str, str]


@pytest.fixture(scope="session")
def suite() -> Iterator[SuiteForTests]:
    """Started once per run, without the sample shop. YUNYING_SUITE_FILE names the `suite.json` of one that runs."""
    if given := os.environ.get("YUNYING_SUITE_FILE"):
        report = read_json(Path(given))
        yield suite_of(report, Path(given).parent)
        return
    with guarded_folder() as (folder, guardian):
        state = State(folder / "state")
        start_suite(state, guardian)
        report = read_json(state.suite_file)
        try:
            yield suite_of(report, state.folder)
        finally:
            run_command("down", state)


def suite_of(report: dict[str, Any], folder: Path) -> SuiteForTests:
    databases = report.get("postgres", {}).get("app", {})
    return SuiteForTests(report["gateway_url"], report["credentials"], report["ports"], folder, databases)


def start_suite(state: State, guardian: Guardian | None = None, **settings: str) -> str:
    """`make up` on free ports. Returns what it printed."""
    state.make()
    state.sample_marker.touch()
    offset = free_offset(shuffled_offsets())
    assert offset is not None, "no free ports on this machine"
    done = run_command("up", state, YUNYING_PORT_OFFSET=str(offset), **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    if guardian is not None:
        watch_all(guardian, state)
    return done.stdout


def run_command(name: str, state: State, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`python -m svc_local <name>` for another state folder than this clone's."""
    inherited = {name: value for name, value in os.environ.items() if name not in TOLD_TO_MAKE}
    environment = {**inherited, "YUNYING_STATE_DIR": str(state.folder), **settings}
    command = [sys.executable, "-m", "svc_local", name]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)


def watch_all(guardian: Guardian, state: State) -> None:
    """Should pytest be killed, the supervisor ends first and takes its children with it."""
    entry = ledger.supervisor(state)
    assert entry is not None
    guardian.watch(entry.pid, signal.SIGTERM)


def shuffled_offsets() -> list[int]:
    """Below the ports that the system hands out to connections, and in another order for every run."""
    offsets = list(range(2_000, 13_000, OFFSET_STEP))
    secrets.SystemRandom().shuffle(offsets)
    return offsets


@pytest.fixture
def database_of(postgres: PostgresForTests) -> Iterator[Callable[[str], DatabaseUrls]]:
    """`database_of("order_svc")`: a database of that package for this test alone."""
    made: list[str] = []

    def make(package: str) -> DatabaseUrls:
        name, urls = postgres.clone_of(package)
        made.append(name)
        return urls

    yield make
    for name in made:
        postgres.databases.drop(name)


@overload
async def eventually(check: Callable[[], Awaitable[T]], *, within_seconds: float, because: str) -> T: ...
@overload
async def eventually(check: Callable[[], T], *, within_seconds: float, because: str) -> T: ...
async def eventually(check: Callable[[], object], *, within_seconds: float, because: str) -> object:
    """Asks again and again until the check is truthy (or, returning None, neither fails nor misses a row any more).

    Returns: what the check returned. Raises: AssertionError that says `because`, with the last failure as its cause.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        failure: AssertionError | LookupError | None = None
        try:
            value = check()
            if inspect.isawaitable(value):
                value = await value
        except (AssertionError, LookupError) as fault:
            failure = fault
        else:
            if value is None or value:
                return value
        if time.monotonic() > deadline:
            last = repr(failure) if failure else f"the last answer was {value!r}"
            raise AssertionError(f"not within {within_seconds} s: {because} ({last})") from failure
        await asyncio.sleep(POLL_SECONDS)


def database_name(package: str) -> str:
    return next((entry.database for entry in SERVICES.values() if entry.package == package), package)


def migrate(package: str, owner_url: str) -> None:
    from svc_kit import migrate as migrations

    migrations.upgrade(package, owner_url)


@contextmanager
def guarded_folder() -> Iterator[tuple[Path, Guardian]]:
    """A temporary folder and the guardian that removes it."""
    folder = Path(tempfile.mkdtemp(prefix="yunying-test-"))
    with Guardian(folder) as guardian:
        yield folder, guardian


@contextmanager
def ended_at_last(process: subprocess.Popen[bytes] | None, stop: Callable[[int], None]) -> Iterator[None]:
    assert process is not None
    try:
        yield
    finally:
        stop(process.pid)
        process.wait(timeout=10)
