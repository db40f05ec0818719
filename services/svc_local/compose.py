"""The suite on an engine of containers: `python -m svc_local.compose secrets` and `… test` (make compose-…)."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from svc_contracts.suite import SERVICES
from svc_local.layout import ROOT, State, write_private
from svc_local.secret_store import Secrets, secrets_of
from svc_local.troubles import Trouble

FOLDER = ROOT / ".local" / "compose"
POSTGRES = "postgres:5432"
SANDBOX = "payment-sandbox"
GATEWAY_PORT_TEST = "18000"
PROJECT_TEST = "yunying-test"
HEALTHY_WITHIN_SECONDS = 90
JOURNEYS = "guest_buys_by_cart or buys_with_one_call or cancelling_after_payment"
SECRETS_OF: Mapping[str, tuple[str, ...]] = {
    "gateway": ("access_signing_key",),
    "order-svc": ("address_vault_key", "order_token_key", "payment_sandbox_secret"),
}


def write_secrets() -> Secrets:
    """A folder per container. The whole is closed to others; what is mounted has to be readable for its user."""
    secrets = secrets_of(State(FOLDER))
    folder = FOLDER / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    files = {
        "postgres": {"postgres": secrets.postgres_password},
        "databases": {"postgres": secrets.postgres_password, "passwords": json.dumps(secrets.values["databases"])},
        SANDBOX: {"payment_sandbox_secret": secrets.named("payment_sandbox_secret")},
        **{name: of_service(name, secrets) for name in SERVICES},
    }
    for container, values in files.items():
        mounted = folder / container
        mounted.mkdir(mode=0o755, exist_ok=True)
        for name, value in values.items():
            (mounted / name).write_text(value)
            (mounted / name).chmod(0o644)
    return secrets


def of_service(name: str, secrets: Secrets) -> dict[str, str]:
    database = SERVICES[name].database
    password = quote(secrets.passwords()[database].app, safe="")
    values = {
        "database_url": f"postgresql://{database}_app:{password}@{POSTGRES}/{database}",
        "internal_signing_key": secrets.signing_key(name),
        "internal_verify_keys": json.dumps(secrets.verify_keys()),
    }
    values |= {secret: secrets.named(secret) for secret in SECRETS_OF.get(name, ())}
    if name == "gateway":
        values |= {"owner_login": secrets.owner["login"], "owner_password": secrets.owner["password"]}
    return values


def test() -> int:
    """Built, started, bought in, every container's process killed, bought in again, gone."""
    secrets = write_secrets()
    began = time.monotonic()

    def step(words: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {words}", flush=True)

    suite = FOLDER / "suite.json"
    report = {
        "gateway_url": f"http://127.0.0.1:{GATEWAY_PORT_TEST}",
        "credentials": secrets.owner,
        "ports": {},
    }
    write_private(suite, report)
    try:
        docker("build", "--quiet")
        step("images built")
        docker("up", "--wait", "--quiet-pull")
        step("up --wait: all healthy")
        journeys(suite)
        step("journeys: bought, paid, shipped, cancelled")
        for name in (*SERVICES, SANDBOX, "kafka", "postgres"):
            kill(name)
            step(f"{name}: its process killed, healthy again")
        eventually_journeys(suite)
        step("journeys again")
    finally:
        docker("down", "--volumes", "--remove-orphans", "--timeout", "10")
    step("taken down: compose test good")
    return 0


def docker(*words: str, capture: bool = False) -> str:
    """`docker compose …`. Raises Trouble with the last lines of what it said."""
    if shutil.which("docker") is None:
        raise Trouble("There is no `docker` here: install an engine with the compose plugin (version 2 or newer).")
    environment = {**os.environ, "COMPOSE_PROJECT_NAME": PROJECT_TEST, "GATEWAY_PORT": GATEWAY_PORT_TEST}
    command = ["docker", "compose", "--project-directory", str(ROOT), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        logs = "" if words[0] == "down" else container_logs(environment)
        said = (done.stdout + done.stderr)[-3_000:]
        raise Trouble(f"`docker compose {' '.join(words)}` failed:\n{said}\n{logs}")
    return done.stdout if capture else ""


def container_logs(environment: Mapping[str, str]) -> str:
    command = ["docker", "compose", "--project-directory", str(ROOT), "logs", "--tail", "20"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout[-6_000:]


def kill(name: str) -> None:
    """SIGKILL to the container's main process, as when it crashes; the engine starts it again."""
    container = docker("ps", "--quiet", name, capture=True).strip()
    before = inspected(container, "{{.State.Pid}} {{.RestartCount}}")
    pid, restarts = before.split()
    os.kill(int(pid), 9)
    until(
        lambda: (
            int(inspected(container, "{{.RestartCount}}")) > int(restarts)
            and inspected(container, "{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}")
            in ("healthy", "running")
        ),
        because=f"{name} comes back after it was killed",
    )


def inspected(container: str, form: str) -> str:
    command = ["docker", "inspect", "--format", form, container]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def until(check: Callable[[], bool], *, because: str) -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while not check():
        if time.monotonic() > deadline:
            raise Trouble(f"Not within {HEALTHY_WITHIN_SECONDS} s: {because}.")
        time.sleep(0.5)


def journeys(suite: Path) -> None:
    done = run_journeys(suite)
    if done.returncode != 0:
        raise Trouble(done.stdout[-6_000:])


def eventually_journeys(suite: Path) -> None:
    """Right after the kills a call may still meet a part that wakes up: the journeys are tried three times."""
    for n in range(3):
        done = run_journeys(suite)
        if done.returncode == 0:
            return
        print(f"         journeys failed, try {n + 1} of 3", flush=True)
    raise Trouble(done.stdout[-6_000:])


def run_journeys(suite: Path) -> "subprocess.CompletedProcess[str]":
    command: Sequence[str] = (sys.executable, "-m", "pytest", "-q", "-x", "tests/journeys", "-k", JOURNEYS)
    environment = {**os.environ, "YUNYING_SUITE_FILE": str(suite)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def main() -> int:
    try:
        if sys.argv[1:] == ["secrets"]:
            write_secrets()
            print(f"written to {(FOLDER / 'secrets').relative_to(ROOT)}; next: docker compose up --build --wait")
            return 0
        if sys.argv[1:] == ["test"]:
            return test()
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    print("usage: python -m svc_local.compose secrets | test", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
