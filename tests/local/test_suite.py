"""The whole suite as `make up` starts it: what listens where, what happens when parts of it are killed."""

import http.client
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from svc_local import kafka as broker
from svc_local import ledger
from svc_local import postgres as server
from svc_local.layout import SANDBOX, State, built_services, read_json
from svc_local.processes import free_ports
from svc_local.readiness import is_ready
from svc_local.testing import SuiteForTests, guarded_folder, run_command, start_suite

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
NETWORK_CUT = dict.fromkeys([*PROXIES, "PIP_INDEX_URL"], "http://127.0.0.1:9")


def wait_for(check: Callable[[], bool], *, within_seconds: float, because: str) -> None:
    deadline = time.monotonic() + within_seconds
    while not check():
        assert time.monotonic() < deadline, because
        time.sleep(0.02)


def state_of(suite: SuiteForTests) -> State:
    return State(suite.state_dir)


@pytest.fixture
def state() -> Iterator[State]:
    """For a suite that a test starts and ends itself."""
    with guarded_folder() as (folder, _):
        mine = State(folder / "state")
        yield mine
        run_command("down", mine)


def test_everything_is_ready_and_says_so(suite: SuiteForTests) -> None:
    done = run_command("status", state_of(suite))

    assert done.returncode == 0, done.stdout
    for name in ("supervisor", *built_services(), SANDBOX, "postgres", "kafka"):
        assert f"\n{name} " in f"\n{done.stdout}"
    assert " no " not in done.stdout


def test_nothing_listens_for_other_machines(suite: SuiteForTests) -> None:
    listening = {
        (name, connection.laddr.ip)
        for name, entry in ledger.read(state_of(suite)).items()
        for connection in psutil.Process(entry.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }

    assert {name for name, _ in listening} >= {*built_services(), SANDBOX, "postgres", "kafka"}
    assert {address for _, address in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_on_a_running_suite_up_prints_the_addresses_again(suite: SuiteForTests) -> None:
    done = run_command("up", state_of(suite))

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0].startswith("ready in ")
    assert f"  gateway     {suite.gateway_url}" in lines
    assert f"  docs        {suite.gateway_url}/docs" in lines
    assert f"  openapi     {suite.gateway_url}/openapi.json" in lines
    assert any(line.startswith("  PostgreSQL  postgresql://") for line in lines)
    assert f"  Kafka       127.0.0.1:{suite.ports['kafka']}" in lines
    assert f"  log-in      {suite.credentials['login']} / {suite.credentials['password']}" in lines
    assert lines[-1] == "next: make tour"


def test_another_offset_is_refused_while_it_runs(suite: SuiteForTests) -> None:
    done = run_command("up", state_of(suite), YUNYING_PORT_OFFSET="0")

    assert done.returncode == 1
    assert "The suite runs already, with port offset" in done.stderr


def test_secrets_are_readable_by_their_owner_alone(suite: SuiteForTests) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in suite.state_dir.glob("*.json")}

    assert {"suite.json", "secrets.json"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_the_log_of_one_service_can_be_read(suite: SuiteForTests) -> None:
    done = run_command("logs", state_of(suite), SERVICE="supervisor")
    unknown = run_command("logs", state_of(suite), SERVICE="nobody")

    assert done.returncode == 0
    assert unknown.returncode == 1
    assert "check SERVICE" in unknown.stderr


def test_a_killed_service_is_started_again_and_requests_wait_meanwhile(suite: SuiteForTests) -> None:
    state = state_of(suite)
    before = ledger.read(state)["metrics-svc"]

    os.kill(before.pid, signal.SIGKILL)
    wait_for(lambda: not before.is_alive(), within_seconds=5, because="it was killed")
    connection = http.client.HTTPConnection("127.0.0.1", before.port, timeout=10)
    connection.request("GET", "/livez")
    status = connection.getresponse().status
    connection.close()

    after = ledger.read(state)["metrics-svc"]
    assert status == 200
    assert after.pid != before.pid
    assert after.restarts == before.restarts + 1


def test_a_killed_database_is_started_again(suite: SuiteForTests) -> None:
    state = state_of(suite)
    before = ledger.read(state)["postgres"]

    os.kill(before.pid, signal.SIGKILL)

    wait_for(
        lambda: ledger.read(state).get("postgres", before).pid != before.pid and all_ready(suite),
        within_seconds=20,
        because="the supervisor starts it again and the services find it",
    )


def all_ready(suite: SuiteForTests) -> bool:
    return all(is_ready(f"http://127.0.0.1:{suite.ports[name]}", timeout=2) for name in built_services())


def test_after_the_supervisor_died_the_next_up_cleans_up_and_the_data_are_there(state: State) -> None:
    start_suite(state)
    owner = read_json(state.suite_file)["credentials"]
    left = ledger.read(state)
    os.kill(left["supervisor"].pid, signal.SIGKILL)
    wait_for(lambda: not left["supervisor"].is_alive(), within_seconds=5, because="it was killed")
    assert "Left over from it: " in run_command("status", state).stdout

    began = time.monotonic()
    again = run_command("up", state, **NETWORK_CUT)

    assert again.returncode == 0, again.stderr
    assert "The last run ended badly; still running and ended now: " in again.stdout
    assert time.monotonic() - began < 30
    assert not any(entry.is_alive() for entry in left.values())
    assert read_json(state.suite_file)["credentials"] == owner

    began = time.monotonic()
    assert run_command("down", state).returncode == 0
    assert time.monotonic() - began < 10
    assert not any(entry.is_alive() for entry in ledger.read(state).values())
    assert server.running_pid(state.postgres) is None


def test_reset_asks_and_leaves_the_downloads_alone(state: State, tmp_path: Path) -> None:
    state.make()
    (state.postgres / "data").mkdir(parents=True)
    cache = tmp_path / "cache" / "yunying"
    cache.mkdir(parents=True)
    (cache / "kafka.jar").touch()

    asked = run_command("reset", state, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (asked.returncode, (state.postgres / "data").exists()) == (1, True)
    assert "Nothing was deleted" in asked.stdout

    done = run_command("reset", state, XDG_CACHE_HOME=str(tmp_path / "cache"), YES="1")
    assert (done.returncode, list(state.folder.iterdir())) == (0, [])
    assert (cache / "kafka.jar").exists()


def test_servers_that_exist_are_used_instead(state: State, tmp_path: Path) -> None:
    with guarded_folder() as (folder, guardian):
        cluster = server.start(
            folder / "postgres",
            port=free_ports(1)[0],
            password="theirs",
            log=folder / "postgres.log",
            spawned=lambda pid: guardian.watch(pid, signal.SIGINT),
        )
        port, control = free_ports(2)
        running = broker.start(
            folder / "kafka",
            port=port,
            controller_port=control,
            log=folder / "kafka.log",
            spawned=lambda pid: guardian.watch(pid, signal.SIGTERM),
        )
        try:
            start_suite(state, YUNYING_POSTGRES_URL=cluster.url, KAFKA_BOOTSTRAP_SERVERS=running.bootstrap)
            report = read_json(state.suite_file)
            assert not {"postgres", "kafka"} & ledger.read(state).keys()
            assert report["postgres_url"] == cluster.url
            assert report["kafka"] == running.bootstrap
            assert report["kafka_cluster"] == running.cluster_id
            assert not state.postgres.exists()
            run_command("down", state)
        finally:
            for process in (cluster.process, running.process):
                assert process is not None
                process.terminate()
                process.wait(timeout=10)


def test_a_busy_port_ends_up_with_one_and_leaves_nothing_behind(state: State) -> None:
    with socket.socket() as holder:
        state.make()
        offset = next(o for o in range(2_000, 13_000, 100) if bind(holder, 8001 + o))

        done = run_command("up", state, YUNYING_PORT_OFFSET=str(offset))

    assert done.returncode == 1
    assert f"Port {8001 + offset} (catalog-svc) is in use by process {os.getpid()}" in done.stderr
    assert not any(entry.is_alive() for entry in ledger.read(state).values())


def bind(holder: socket.socket, port: int) -> bool:
    try:
        holder.bind(("127.0.0.1", port))
        holder.listen()
    except OSError:
        return False
    return True
