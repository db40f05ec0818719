"""What order-svc can be told from outside, beside the kit's settings."""

import base64
import hashlib

from pydantic import Field, field_validator, model_validator

from svc_kit.settings import KEY_BYTES, KitSettings


class OrderSettings(KitSettings):
    """Every variable is the kit's but these."""

    address_vault_key: str = Field(
        default="", repr=False, description="base64, 32 bytes: addresses at rest are sealed with it; lost with it"
    )
    order_token_key: str = Field(
        default="",
        repr=False,
        description="base64, 32 bytes: signs guests' order tokens; a new one makes old ones void",
    )
    payment_sandbox_url: str = Field(default="", description="base address of the sandbox provider")
    payment_sandbox_secret: str = Field(default="", repr=False, description="signs the sandbox provider's callbacks")
    bank_transfer_account: str | None = Field(
        default=None, description="where buyers transfer to (holder, bank, number), shown to those who pay so"
    )
    benefit_time_box_ms: int = Field(
        default=150, ge=10, le=2_000, description="how long a quote waits for marketing-svc; then full prices"
    )
    payment_time_box_ms: int = Field(
        default=5_000, ge=100, le=15_000, description="how long a call to a provider may take; then it is unknown"
    )

    @field_validator("address_vault_key", "order_token_key")
    @classmethod
    def _is_32_bytes(cls, value: str) -> str:
        if value and len(base64.b64decode(value)) != KEY_BYTES:
            raise ValueError(f"must be base64 of {KEY_BYTES} bytes")
        return value

    @model_validator(mode="after")
    def _no_secret_missing(self) -> "OrderSettings":
        needed = ("address_vault_key", "order_token_key", "payment_sandbox_secret")
        if self.yunying_env == "production" and (gone := [one.upper() for one in needed if not getattr(self, one)]):
            raise ValueError(f"set {', '.join(gone)}; only development and test do without")
        return self

    @property
    def vault_key(self) -> bytes:
        return _key(self.address_vault_key, "address vault")

    @property
    def token_key(self) -> bytes:
        return _key(self.order_token_key, "order token")


def _key(given: str, purpose: str) -> bytes:
    """What was given; in development and test, where nothing was, a key that everybody knows."""
    return base64.b64decode(given) if given else hashlib.sha256(f"development: {purpose}".encode()).digest()
