"""What each process is told: the same variables that a deployment sets, so that the services know no other way."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from svc_contracts.suite import SERVICES
from svc_local.databases import DatabaseUrls
from svc_local.layout import SANDBOX, Ports
from svc_local.processes import HOST
from svc_local.secret_store import Secrets


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is up before the first service starts. `server_url` is the superuser's; `databases`: name → addresses."""

    ports: Ports
    secrets: Secrets
    server_url: str
    databases: Mapping[str, DatabaseUrls]
    kafka_bootstrap: str
    kafka_cluster: str


def environment_of(service: str, around: Surroundings) -> dict[str, str]:
    """The whole environment of one service's process."""
    entry = SERVICES[service]
    urls = around.databases[entry.database]
    own = {
        "YUNYING_ENV": "development",
        "HOST": HOST,
        "PORT": str(around.ports.of(service)),
        "SLOT": "0",
        "DATABASE_URL": urls.app,
        "MIGRATION_DATABASE_URL": urls.owner,
        "KAFKA_BOOTSTRAP_SERVERS": around.kafka_bootstrap,
        "KAFKA_CLUSTER": around.kafka_cluster,
        "SERVICE_URLS": json.dumps({name: around.ports.url_of(name) for name in SERVICES}),
        "INTERNAL_SIGNING_KEY": around.secrets.signing_key(service),
        "INTERNAL_VERIFY_KEYS": json.dumps(around.secrets.verify_keys()),
    }
    return inherited() | own | extras_of(service, around)


def sandbox_environment(around: Surroundings) -> dict[str, str]:
    return inherited() | {
        "YUNYING_ENV": "development",
        "HOST": HOST,
        "PORT": str(around.ports.of(SANDBOX)),
        "CALLBACK_URL": f"{around.ports.url_of('gateway')}/v1/callbacks/sandbox",
        "PAYMENT_SANDBOX_SECRET": around.secrets.named("payment_sandbox_secret"),
    }


def owner_environment(around: Surroundings) -> dict[str, str]:
    """For `python -m gateway create-owner`."""
    owner = around.secrets.owner
    return environment_of("gateway", around) | {"OWNER_LOGIN": owner["login"], "OWNER_PASSWORD": owner["password"]}


def extras_of(service: str, around: Surroundings) -> dict[str, str]:
    if service == "gateway":
        return {"ACCESS_SIGNING_KEY": around.secrets.named("access_signing_key")}
    if service == "order-svc":
        return {
            "ADDRESS_VAULT_KEY": around.secrets.named("address_vault_key"),
            "ORDER_TOKEN_KEY": around.secrets.named("order_token_key"),
            "PAYMENT_SANDBOX_URL": around.ports.url_of(SANDBOX),
            "PAYMENT_SANDBOX_SECRET": around.secrets.named("payment_sandbox_secret"),
        }
    return {}


def inherited() -> dict[str, str]:
    """Ours, without the variables that would lead a PostgreSQL client elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
