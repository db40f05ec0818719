"""Where the suite of this clone keeps its state, and on which ports it listens."""

import importlib.util
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from svc_contracts.suite import (
    PORT_KAFKA,
    PORT_KAFKA_CONTROLLER,
    PORT_PAYMENT_SANDBOX,
    PORT_POSTGRES,
    SERVICES,
    ServiceEntry,
)
from svc_local.processes import HOST
from svc_local.troubles import Trouble, explained

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = "payment-sandbox"
OFFSET_STEP = 100
OFFSET_MAX = 40_000


@dataclass(frozen=True, slots=True)
class State:
    """The folder `.local` of a clone (or another one, for a test)."""

    folder: Path

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def kafka(self) -> Path:
        return self.folder / "kafka"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def secrets_file(self) -> Path:
        return self.folder / "secrets.json"

    @property
    def suite_file(self) -> Path:
        return self.folder / "suite.json"

    @property
    def processes_file(self) -> Path:
        return self.run / "processes.json"

    @property
    def lock_file(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def sample_marker(self) -> Path:
        return self.run / "sample-loaded"

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def make(self) -> None:
        with explained(self.folder):
            for folder in (self.folder, self.run, self.logs):
                folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Ports:
    """Every port of the suite, moved by one offset."""

    offset: int

    def of(self, name: str) -> int:
        return self.all()[name]

    def all(self) -> dict[str, int]:
        """Process name → port, the doors that clients use first."""
        base = {entry.name: entry.port for entry in SERVICES.values()}
        base |= {
            SANDBOX: PORT_PAYMENT_SANDBOX,
            "postgres": PORT_POSTGRES,
            "kafka": PORT_KAFKA,
            "kafka-controller": PORT_KAFKA_CONTROLLER,
        }
        return {name: port + self.offset for name, port in base.items()}

    def url_of(self, name: str) -> str:
        return f"http://{HOST}:{self.of(name)}"


def state_here() -> State:
    """`.local` at the root of this clone; YUNYING_STATE_DIR (a path) names another folder."""
    return State(Path(os.environ.get("YUNYING_STATE_DIR") or ROOT / ".local"))


def ports_of(state: State, environment: Mapping[str, str]) -> Ports:
    """The offset that is asked for, else the one that this clone used last, else none.

    Raises: Trouble for an offset that is no multiple of 100 or out of range.
    """
    asked = environment.get("YUNYING_PORT_OFFSET", "").strip()
    if not asked:
        return Ports(int(read_json(state.suite_file).get("port_offset", 0)))
    if not asked.isascii() or not asked.isdigit() or int(asked) % OFFSET_STEP or int(asked) > OFFSET_MAX:
        raise Trouble(
            f"YUNYING_PORT_OFFSET is {asked!r}; it must be a multiple of {OFFSET_STEP} from 0 to {OFFSET_MAX}."
        )
    return Ports(int(asked))


def read_json(path: Path) -> dict[str, Any]:
    """An empty dictionary where there is no file.

    Raises: Trouble when it belongs to another user or is damaged.
    """
    with explained(path):
        try:
            value = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as fault:
            raise Trouble(f"{path} is damaged: `make reset` begins anew, or repair the file by hand.") from fault
    return value if isinstance(value, dict) else {}


def write_private(path: Path, value: Mapping[str, Any]) -> None:
    """Mode 600 from its first byte, and never half written."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, half = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with open(handle, "w", encoding="utf-8") as file:
                json.dump(value, file, indent=2)
                file.write("\n")
            os.replace(half, path)
        except BaseException:
            os.unlink(half)
            raise


def built_services() -> dict[str, ServiceEntry]:
    """The services that have an application to start, in the order of the suite."""
    return {
        name: entry
        for name, entry in SERVICES.items()
        if importlib.util.find_spec(entry.package) and importlib.util.find_spec(f"{entry.package}.app")
    }
