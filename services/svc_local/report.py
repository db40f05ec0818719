"""What a user needs to know about the running suite: written to `.local/suite.json`, printed by `make up`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from svc_local.environments import Surroundings
from svc_local.layout import Ports, State, read_json, write_private


def write_report(state: State, ports: Ports, around: Surroundings, *, seconds: float | None) -> dict[str, Any]:
    """`seconds` is None while the suite is still being filled."""
    gateway = ports.url_of("gateway")
    owner = around.secrets.owner
    report = {
        "state": "starting" if seconds is None else "ready",
        "ready_in_seconds": None if seconds is None else round(seconds, 1),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "port_offset": ports.offset,
        "gateway_url": gateway,
        "docs_url": f"{gateway}/docs",
        "openapi_url": f"{gateway}/openapi.json",
        "ports": ports.all(),
        "postgres": {"app": {name: urls.app for name, urls in around.databases.items()}},
        "postgres_url": around.server_url,
        "kafka": around.kafka_bootstrap,
        "kafka_cluster": around.kafka_cluster,
        "credentials": owner,
    }
    write_private(state.suite_file, report)
    return report


def mark(state: State, what: str, ports: Ports | None = None) -> None:
    """Another state of the suite; the offset stays, so that the next start listens where this one did."""
    report = read_json(state.suite_file)
    if ports is not None:
        report["port_offset"] = ports.offset
    if report:
        write_private(state.suite_file, {**report, "state": what})


def closing_lines(report: Mapping[str, Any]) -> list[str]:
    """The last lines of `make up`."""
    owner = report["credentials"]
    return [
        f"ready in {report['ready_in_seconds']} s",
        f"  gateway     {report['gateway_url']}",
        f"  docs        {report['docs_url']}",
        f"  openapi     {report['openapi_url']}",
        f"  PostgreSQL  {without_password(str(report['postgres_url']))}  (password in .local/suite.json)",
        f"  Kafka       {report['kafka']}",
        f"  log-in      {owner['login']} / {owner['password']}",
        "next: make tour",
    ]


def without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    role, _, address = rest.rpartition("@")
    return f"{scheme}://{role.partition(':')[0]}@{address}"
