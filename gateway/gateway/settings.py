"""What the gateway can be told from outside, beside the kit's settings."""

import base64
from typing import Self

from pydantic import Field, field_validator, model_validator

from svc_kit.settings import KEY_BYTES, KitSettings


class GatewaySettings(KitSettings):
    """Every variable is the kit's but these."""

    access_signing_key: str = Field(
        default="",
        repr=False,
        description="base64 Ed25519 seed that signs access tokens; outside production one is made at each start",
    )
    access_token_seconds: int = Field(
        default=900, ge=60, le=3_600, description="life of an access token; how long a front end works without asking"
    )
    session_days: int = Field(
        default=30, ge=1, le=365, description="life of a session that is refreshed; then people sign in again"
    )
    owner_login: str = Field(default="", description="for create-owner alone: the first owner's log-in")
    owner_password: str = Field(
        default="", repr=False, description="for create-owner alone: the first owner's password"
    )
    sign_in_failures_max: int = Field(
        default=10, ge=3, le=1_000, description="failed sign-ins of one log-in at once; more get 429"
    )
    sign_in_failure_seconds: float = Field(
        default=30.0, gt=0, le=3_600, description="so long until one more failure is forgiven"
    )
    address_attempts_max: int = Field(
        default=200, ge=10, le=100_000, description="sign-ins and registrations of one address at once; more get 429"
    )
    address_attempts_per_second: float = Field(
        default=10.0, gt=0, le=10_000, description="so many more of one address every second"
    )
    cors_origins: list[str] = Field(
        default_factory=list, description="origins whose pages may call; `*`: any; empty: only pages of this origin"
    )
    docs_open: bool | None = Field(
        default=None, description="serve /docs and /openapi.json; by default only outside production"
    )
    metrics_token: str = Field(
        default="", repr=False, description="bearer token that opens /metrics; without one nobody reads it here"
    )
    media_bytes_max: int = Field(
        default=5_242_880, ge=1_024, le=16_777_216, description="larger pictures get 413; other bodies: body_bytes_max"
    )
    upstream_connections_max: int = Field(
        default=1_024, ge=8, le=20_000, description="connections to one service; more requests wait for one"
    )
    upstream_connect_ms: int = Field(
        default=1_000, ge=50, le=10_000, description="how long a connection may take; then 503"
    )
    upstream_time_box_seconds: float = Field(
        default=30.0, ge=0.1, le=300, description="how long a service may be silent; then 504"
    )
    page_time_box_ms: int = Field(
        default=2_000, ge=50, le=10_000, description="how long the required part of a composed page may take"
    )
    part_time_box_ms: int = Field(
        default=400, ge=20, le=5_000, description="how long each other part may take; then it is listed as unavailable"
    )
    cache_seconds: float = Field(default=2.0, ge=0, le=60, description="how long public reads are remembered")
    cache_entries_max: int = Field(default=4_000, ge=1, le=1_000_000, description="remembered public reads")
    cache_bytes_max: int = Field(
        default=67_108_864, ge=65_536, le=4_294_967_296, description="bytes of remembered public reads"
    )
    tracking_queue_max: int = Field(
        default=50_000, ge=500, le=1_000_000, description="events that wait for the broker; more get 503"
    )

    @field_validator("access_signing_key")
    @classmethod
    def _is_an_access_key(cls, value: str) -> str:
        if value and len(base64.b64decode(value)) != KEY_BYTES:
            raise ValueError(f"must be base64 of {KEY_BYTES} bytes")
        return value

    @model_validator(mode="after")
    def _signs_in_production(self) -> Self:
        if self.yunying_env == "production" and not self.access_signing_key:
            raise ValueError("set ACCESS_SIGNING_KEY; only development and test do without")
        return self

    @property
    def shows_docs(self) -> bool:
        return self.yunying_env != "production" if self.docs_open is None else self.docs_open
