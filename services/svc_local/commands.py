"""up, down, status, logs, reset: what the Makefile's first lines do."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from svc_local import ledger
from svc_local.downloads import holder_of, try_lock, write_holder
from svc_local.layout import Ports, State, ports_of, read_json
from svc_local.progress import Channel, Display, messages
from svc_local.readiness import is_ready
from svc_local.report import closing_lines, mark
from svc_local.troubles import Trouble, explained, refuse_files_of_others, sentence_of

STOP_SECONDS = 10.0
START_SECONDS_MAX = 900.0
LOG_LINES = 20


def up(state: State) -> int:
    """Starts the suite in the background and returns when it is ready. On a running one it prints the addresses.

    Where another `make up` is still at work it waits for it, and takes over should that one fail.
    Raises: Trouble when the suite runs with another offset than the one asked for.
    """
    refuse_files_of_others(state.folder)
    state.make()
    ports = ports_of(state, os.environ)
    deadline = time.monotonic() + START_SECONDS_MAX
    while (lock := try_lock(state.lock_file)) is None:
        report = read_json(state.suite_file)
        if report.get("state") == "ready":
            return already_running(state, ports, report)
        if time.monotonic() > deadline:
            raise Trouble(f"Another `make up` has held {state.lock_file} for too long: type `make down` first.")
        time.sleep(0.2)
    return start(state, ports, lock)


def start(state: State, ports: Ports, lock: int) -> int:
    mark(state, "starting", ports)
    reading, writing = os.pipe()
    if daemonise():
        os.close(reading)
        os._exit(supervise(state, ports, Channel(writing), lock))
    os.close(writing)
    os.close(lock)
    return follow(state, reading)


def already_running(state: State, ports: Ports, report: Mapping[str, Any]) -> int:
    if int(report["port_offset"]) != ports.offset:
        raise Trouble(
            f"The suite runs already, with port offset {report['port_offset']}: type `make down` before "
            f"`make up YUNYING_PORT_OFFSET={ports.offset}`."
        )
    print_addresses(state)
    return 0


def supervise(state: State, ports: Ports, channel: Channel, lock: int) -> int:
    status = 1
    try:
        detach_output(state)
        write_holder(lock)
        from svc_local.supervisor import Supervisor

        supervisor = Supervisor(state, ports, channel, lock=lock)
        channel.tell(pid=os.getpid())
        status = supervisor.run()
    except Trouble as trouble:
        channel.tell(failed=str(trouble))
    except OSError as fault:
        channel.tell(failed=sentence_of(fault, state.folder) or str(fault))
    return status


def daemonise() -> bool:
    """True in the background process, which has no terminal and nobody as its parent."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    return True


def detach_output(state: State) -> None:
    with open(os.devnull, "rb") as nothing, state.log_of("supervisor").open("ab", buffering=0) as log:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


def follow(state: State, reading: int) -> int:
    """Shows the steps until the suite is ready. Ctrl-C ends what was begun."""
    display, pid = Display(), 0
    try:
        for message in messages(reading):
            if "pid" in message:
                pid = int(message["pid"])
            elif "step" in message:
                display.show(message)
            elif "note" in message:
                display.end_line()
                print(message["note"])
            elif "failed" in message:
                display.end_line()
                print(message["failed"], file=sys.stderr)
                wait_for_end(pid, STOP_SECONDS)
                return 1
            elif "ready" in message:
                print_addresses(state)
                return 0
    except KeyboardInterrupt:
        display.end_line()
        print("Stopped; ending what was begun.")
        signal_and_wait(pid)
        return 130
    print(f"The supervisor ended without a word; see {state.log_of('supervisor')}.", file=sys.stderr)
    return 1


def print_addresses(state: State) -> None:
    print("\n".join(closing_lines(read_json(state.suite_file))))


def down(state: State) -> int:
    """Ends everything of this clone, also what a dead supervisor left behind. The data stay."""
    pid = holder_of(state.lock_file)
    began = time.monotonic()
    if pid is not None:
        signal_and_wait(pid)
    left = ledger.end_leftovers(state)
    mark(state, "stopped")
    if pid is None and not left:
        print("The suite was not running.")
    else:
        print(f"down in {time.monotonic() - began:.1f} s; the data stay in {state.folder}")
    return 0


def signal_and_wait(pid: int) -> None:
    if not pid:
        return
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    if not wait_for_end(pid, STOP_SECONDS):
        os.kill(pid, signal.SIGKILL)


def wait_for_end(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while pid and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def status(state: State) -> int:
    """A line per process. Exit status 0 only where everything is ready."""
    entries = {name: entry for name, entry in ledger.read(state).items() if entry.is_alive()}
    if "supervisor" not in entries:
        rest = f" Left over from it: {', '.join(entries)}; `make up` or `make down` ends them." if entries else ""
        print(f"The suite is not running.{rest}")
        return 1
    report = read_json(state.suite_file)
    print(f"{'process':<18}{'pid':>8}{'port':>7}{'ready':>7}{'restarts':>10}{'up':>9}{'PSS MiB':>9}")
    everything = report.get("state") == "ready"
    for name in ["supervisor", *report.get("ports", {})]:
        entry = entries.get(name)
        if entry is None:
            everything = (everything and name in ("kafka-controller",)) or is_external(name)
            continue
        ready = name in ("supervisor", "postgres", "kafka") or is_ready(f"http://127.0.0.1:{entry.port}", timeout=2)
        everything = everything and ready
        seconds = int(time.time() - entry.created)
        memory = pss_mib(entry.pid, with_children=name == "postgres")
        print(
            f"{name:<18}{entry.pid:>8}{entry.port or '':>7}{'yes' if ready else 'no':>7}{entry.restarts:>10}"
            f"{seconds // 60:>5}m{seconds % 60:02}s{memory:>9}"
        )
    print(f"gateway {report.get('gateway_url')}")
    return 0 if everything else 1


def is_external(name: str) -> bool:
    variable = {"postgres": "YUNYING_POSTGRES_URL", "kafka": "KAFKA_BOOTSTRAP_SERVERS"}.get(name)
    return variable is not None and variable in os.environ


def pss_mib(pid: int, *, with_children: bool) -> str:
    """Its fair share of memory where the system tells (Linux), else nothing."""
    try:
        process = psutil.Process(pid)
        family = [process, *(process.children() if with_children else [])]
        pages = [member.memory_full_info() for member in family]
        return f"{sum(info.pss for info in pages) / 2**20:.0f}"
    except (psutil.Error, AttributeError):
        return ""


def logs(state: State) -> int:
    """The last lines of every log (SERVICE=name: of one), then what is added, until Ctrl-C; FOLLOW=0 only the first."""
    wanted = os.environ.get("SERVICE")
    files = [state.log_of(wanted)] if wanted else sorted(state.logs.glob("*.log"))
    if not files or not files[0].exists():
        raise Trouble(f"There is no log in {state.logs}: type `make up` first, or check SERVICE.")
    positions = {}
    for file in files:
        lines = file.read_text(errors="replace").splitlines()[-LOG_LINES:]
        print("".join(f"{file.stem:<16} {line}\n" for line in lines), end="", flush=True)
        positions[file] = file.stat().st_size
    if os.environ.get("FOLLOW") == "0" or not sys.stdout.isatty():
        return 0
    try:
        while True:
            for file, position in positions.items():
                positions[file] = print_new(file, position)
            time.sleep(0.25)
    except KeyboardInterrupt:
        return 0


def print_new(file: Any, position: int) -> int:
    """Returns the new position; an emptied log begins anew."""
    with file.open(errors="replace") as log:
        size = os.fstat(log.fileno()).st_size
        log.seek(position if size >= position else 0)
        for line in log:
            print(f"{file.stem:<16} {line.rstrip()}")
        return int(log.tell())


def reset(state: State) -> int:
    """Ends the suite and deletes its state. Asks first; YES=1 answers. The download cache is never touched."""
    if not state.folder.exists():
        print("There is nothing to reset.")
        return 0
    if os.environ.get("YES") != "1" and not agreed(f"Delete all data in {state.folder}? Type yes: "):
        print("Nothing was deleted. (`make reset YES=1` does not ask.)")
        return 1
    down(state)
    with explained(state.folder):
        for entry in state.folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    print(f"{state.folder} is empty; `make up` begins anew.")
    return 0


def agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() == "yes"
    except EOFError:
        print()
        return False


COMMANDS: dict[str, Callable[[State], int]] = {"up": up, "down": down, "status": status, "logs": logs, "reset": reset}
