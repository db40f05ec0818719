"""What holds the gateway together: settings, tables, probes."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.accounts import tables as _accounts
from gateway.app import SERVICE
from gateway.rows import Row
from gateway.sessions import tables as _sessions
from gateway.settings import GatewaySettings
from svc_contracts.suite import SERVICES
from svc_kit.testing import PUBLIC, SEED, runtime_of

from .conftest import ACCESS_KEY, Gateway, Opened

pytestmark = pytest.mark.anyio
ROOMS = (_accounts, _sessions)
PRODUCTION: dict[str, Any] = {
    "yunying_env": "production",
    "database_url": "postgresql://x",
    "kafka_bootstrap_servers": "kafka:9092",
    "internal_signing_key": SEED,
    "internal_verify_keys": {"gateway": PUBLIC},
    "service_urls": {"order-svc": "http://order-svc:8002"},
    "access_signing_key": ACCESS_KEY,
}


def test_production_does_not_start_without_the_key_of_access_tokens() -> None:
    assert GatewaySettings(**PRODUCTION).shows_docs is False
    with pytest.raises(ValidationError, match="set ACCESS_SIGNING_KEY"):
        GatewaySettings(**{**PRODUCTION, "access_signing_key": ""})


def test_a_key_that_is_none_is_refused_and_not_shown() -> None:
    with pytest.raises(ValidationError, match="base64 of 32 bytes") as refused:
        GatewaySettings(**{**PRODUCTION, "access_signing_key": "c2hvcnQ="})

    assert "c2hvcnQ" not in str(refused.value)
    assert ACCESS_KEY not in repr(GatewaySettings(**PRODUCTION))


async def test_the_migration_lays_the_tables_that_are_declared(database: Any) -> None:
    async with runtime_of(SERVICE, database) as runtime, runtime.db.read() as con:
        rows = await con.fetch(
            "SELECT table_name, column_name, is_nullable = 'YES' AS nullable FROM information_schema.columns "
            "WHERE table_name = ANY($1)",
            list(Row.metadata.tables),
        )
    declared = {(t.name, c.name, bool(c.nullable)) for t in Row.metadata.tables.values() for c in t.columns}
    assert {tuple(row) for row in rows} == declared
    assert ROOMS


async def test_probes_answer_and_say_when_the_gateway_stops(gateway: Gateway) -> None:
    assert (await gateway.http.get("/livez")).json() == {"status": "alive"}
    assert (await gateway.http.get("/readyz")).json() == {"ready": True, "slot": "0"}

    gateway.runtime.ready = False

    assert (await gateway.http.get("/readyz")).status_code == 503


async def test_a_gateway_knows_every_service_but_itself(gateway_of: Opened) -> None:
    gateway = await gateway_of()

    assert set(gateway.runtime.state.upstreams.urls) == set(SERVICES) - {"gateway"}


async def test_an_unexpected_fault_is_told_without_its_words(gateway_of: Opened) -> None:
    """Here: a deployment that forgot to say where the services are."""
    gateway = await gateway_of(service_urls={})

    answer = await gateway.http.get("/v1/store/sample/carts/crt_1")

    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert "order-svc" not in answer.text
