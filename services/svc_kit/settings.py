"""Every variable that a service can be told, with unit, default, bound and consequence. Subclasses add their own."""

import base64
import os
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

KEY_BYTES = 32


class KitSettings(BaseSettings):
    """Read from the environment, then from files of these names in the folder SECRETS_DIR.

    Outside development and test nothing secret has a default: the start is refused.
    """

    model_config = SettingsConfigDict(
        env_prefix="",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        secrets_dir=os.environ.get("SECRETS_DIR") or None,
    )

    yunying_env: Literal["development", "test", "production"] = Field(
        default="production",
        description="development: pages for people, short stop; production: no defaults for secrets",
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=0, ge=0, le=65_535, description="port to listen on; 0: the service's own of the suite")
    slot: str = Field(default="0", description="replica number; static group membership is host + role + slot")
    database_url: str = Field(default="", repr=False, description="the application role's database")
    database_pool_size: int = Field(
        default=8, ge=2, le=50, description="connections, beside two for the relay; PostgreSQL's max_connections bounds"
    )
    kafka_bootstrap_servers: str = Field(default="", description="host:port,…; empty only for --roles api")
    kafka_cluster: str = Field(default="local", description="the broker's incarnation; offsets belong to it")
    service_urls: dict[str, str] = Field(default_factory=dict, description="service name → base address")
    internal_signing_key: str = Field(default="", repr=False, description="base64 Ed25519 seed of this service")
    internal_verify_keys: dict[str, str] = Field(default_factory=dict, description="service name → base64 public key")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")
    failpoints: str = Field(default="", description="see svc_kit.failpoints; refused in production")
    clock_jumps: str = Field(default="", description="a clock that jumps, see svc_kit.clock; refused in production")
    body_bytes_max: int = Field(default=1_048_576, ge=1_024, le=16_777_216, description="larger bodies get 413")
    stop_notice_seconds: float = Field(
        default=3.0,
        ge=0,
        le=10,
        description="between readiness turning red and refusing connections; 0.1 in development",
    )

    @field_validator("internal_signing_key")
    @classmethod
    def _is_a_key(cls, value: str) -> str:
        if value and len(base64.b64decode(value)) != KEY_BYTES:
            raise ValueError(f"must be base64 of {KEY_BYTES} bytes")
        return value

    @model_validator(mode="before")
    @classmethod
    def _short_notice_in_development(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("yunying_env") in ("development", "test"):
            given.setdefault("stop_notice_seconds", 0.1)
        return given

    @model_validator(mode="after")
    def _nothing_missing(self) -> "KitSettings":
        needed = (
            "database_url",
            "kafka_bootstrap_servers",
            "internal_signing_key",
            "internal_verify_keys",
            "service_urls",
        )
        if self.yunying_env == "production":
            if missing := [name.upper() for name in needed if not getattr(self, name)]:
                raise ValueError(f"set {', '.join(missing)}; only development and test do without")
            if self.failpoints or self.clock_jumps:
                raise ValueError("FAILPOINTS and CLOCK_JUMPS have no place in production")
        return self
