"""What a machine may do to us, each said in one sentence: full disk, files of others, locks, ports, settings."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from svc_local.downloads import locked
from svc_local.layout import Ports, State, ports_of, read_json, write_private
from svc_local.ports import free_offset, listening_sockets
from svc_local.rotation import Rotation
from svc_local.troubles import Trouble, explained


def run_python(code: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"The disk that holds .* is full: free some space"), explained(tmp_path):
        Path("/dev/full").write_text("every write here is refused for want of space")


def test_secrets_that_do_not_fit_are_not_half_written(tmp_path: Path) -> None:
    code = f"""
import resource; from pathlib import Path
from svc_local.layout import write_private; from svc_local.troubles import Trouble
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
try: write_private(Path({str(tmp_path)!r}) / "secrets.json", {{"key": "x" * 100}})
except Trouble as trouble: print(trouble)
"""

    done = run_python(code)

    assert "is full: free some space" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_files_of_another_user_are_named_with_their_owner() -> None:
    # As root we ask on behalf of nobody; as anybody else the system's own folder belongs to somebody else anyway.
    code = """
import os; from pathlib import Path; from svc_local.troubles import Trouble, refuse_files_of_others
if os.geteuid() == 0: os.setuid(65534)
try: refuse_files_of_others(Path("/etc/yunying/.local"))
except Trouble as trouble: print(trouble)
"""

    done = run_python(code)

    assert done.stdout.startswith("/etc belongs to root and you are ")
    assert "run as that user, or take it over with `sudo chown -R" in done.stdout


def test_private_files_are_closed_to_others_from_their_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"

    write_private(path, {"a": 1})

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_json(path) == {"a": 1}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "suite.json").write_text("{half")

    with pytest.raises(Trouble, match=r"suite\.json is damaged: `make reset` begins anew"):
        read_json(tmp_path / "suite.json")


def test_a_lock_file_that_a_dead_process_left_is_no_lock(tmp_path: Path) -> None:
    lock = tmp_path / "kafka.lock"
    lock.write_text("999999")

    with locked(lock, wait_seconds=0):
        assert lock.read_text() == str(os.getpid())


def test_a_lock_that_is_held_names_its_holder_and_is_free_when_the_holder_was_killed(tmp_path: Path) -> None:
    lock = tmp_path / "kafka.lock"
    code = f"""
import sys; from pathlib import Path; from svc_local.downloads import locked
with locked(Path({str(lock)!r})): print("held", flush=True); sys.stdin.read()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(Trouble, match=rf"Process {holder.pid} has held .* `kill {holder.pid}`"),
            locked(lock, wait_seconds=0.1),
        ):
            pass
        holder.kill()
        holder.wait()

    with locked(lock, wait_seconds=0):
        pass


def test_a_busy_port_names_the_port_the_process_and_what_to_type() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]

        with pytest.raises(Trouble) as refused:
            listening_sockets({"gateway": port})

    sentence = str(refused.value)
    assert f"Port {port} (gateway) is in use by process {os.getpid()} (" in sentence
    assert f"`kill {os.getpid()}` ends it." in sentence
    assert "`make up YUNYING_PORT_OFFSET=" in sentence


def test_the_proposed_offset_has_every_port_free() -> None:
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken = next(offset for offset in range(5_000, 9_000, 100) if free_offset([offset]))
        holder.bind(("127.0.0.1", Ports(taken).of("metrics-svc")))
        holder.listen()

        assert free_offset([taken]) is None


@pytest.mark.parametrize("asked", ["50", "-100", "x", "40100", "1e3"])
def test_an_offset_that_would_not_do_is_refused(asked: str, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="must be a multiple of 100 from 0 to 40000"):
        ports_of(State(tmp_path), {"YUNYING_PORT_OFFSET": asked})


def test_the_offset_moves_every_port_and_is_remembered(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert ports_of(state, {}).of("gateway") == 8000
    assert ports_of(state, {"YUNYING_PORT_OFFSET": "300"}).all() == {
        name: port + 300 for name, port in Ports(0).all().items()
    }

    state.suite_file.write_text(json.dumps({"port_offset": 300}))

    assert ports_of(state, {}).offset == 300
    assert ports_of(state, {"YUNYING_PORT_OFFSET": "0"}).offset == 0


def test_a_log_that_grows_too_long_is_emptied_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with log.open("a") as writer:
        writer.write("old " * 100)
        writer.flush()

        Rotation(tmp_path, bytes_max=100, every_seconds=0).turn()
        writer.write("new")

    assert log.read_text() == "new"
    assert (tmp_path / "gateway.log.1").read_text() == "old " * 100
