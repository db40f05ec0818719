"""What inventory-svc can be told from outside, beside the kit's settings."""

from pydantic import Field

from svc_kit.settings import KitSettings


class InventorySettings(KitSettings):
    """Every variable is the kit's but these."""

    address_time_box_ms: int = Field(
        default=1_500,
        ge=50,
        le=10_000,
        description="how long the packing view waits for order-svc; then it answers 503 and packing tries again",
    )
