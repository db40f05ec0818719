"""The secrets of this clone: made once, kept in `.local/secrets.json` (mode 600), shown to nobody else."""

import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from svc_contracts.suite import SERVICES
from svc_local.databases import Passwords
from svc_local.layout import State, read_json, write_private
from svc_local.postgres import new_password

KEY_BYTES = 32
OWNER_LOGIN = "owner"


@dataclass(frozen=True, slots=True)
class Secrets:
    """`values` is the file's content; its fields are named by the methods below."""

    values: dict[str, Any]

    @property
    def postgres_password(self) -> str:
        return str(self.values["postgres"])

    def passwords(self) -> dict[str, Passwords]:
        """By database."""
        return {name: Passwords(**pair) for name, pair in self.values["databases"].items()}

    def signing_key(self, service: str) -> str:
        return str(self.values["signing_keys"][service])

    def verify_keys(self) -> dict[str, str]:
        """Service → base64 of its Ed25519 public key."""
        return {name: public_half(seed) for name, seed in self.values["signing_keys"].items()}

    def named(self, name: str) -> str:
        return str(self.values[name])

    @property
    def owner(self) -> dict[str, str]:
        return {"login": str(self.values["owner"]["login"]), "password": str(self.values["owner"]["password"])}


def secrets_of(state: State) -> Secrets:
    """Those of the file, with what a newer version needs added; new ones where there is no file."""
    kept = read_json(state.secrets_file)
    values = {**fresh(), **kept}
    values["databases"] = {**fresh()["databases"], **kept.get("databases", {})}
    values["signing_keys"] = {**fresh()["signing_keys"], **kept.get("signing_keys", {})}
    if values != kept:
        write_private(state.secrets_file, values)
    return Secrets(values)


def fresh() -> dict[str, Any]:
    return {
        "postgres": new_password(),
        "databases": {entry.database: {"app": new_password(), "owner": new_password()} for entry in SERVICES.values()},
        "signing_keys": {entry.name: key() for entry in SERVICES.values()},
        "access_signing_key": key(),
        "address_vault_key": key(),
        "order_token_key": key(),
        "payment_sandbox_secret": secrets.token_urlsafe(32),
        "owner": {"login": OWNER_LOGIN, "password": secrets.token_urlsafe(12)},
    }


def key() -> str:
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def public_half(seed: str) -> str:
    return b64encode(Ed25519PrivateKey.from_private_bytes(b64decode(seed)).public_key().public_bytes_raw()).decode()
