"""What catalog-svc can be told from outside, beside the kit's settings."""

from pydantic import Field

from svc_kit.settings import KitSettings


class CatalogSettings(KitSettings):
    """Every variable is the kit's; one has another default here."""

    body_bytes_max: int = Field(
        default=6_291_456,
        ge=1_024,
        le=16_777_216,
        description="larger bodies get 413; pictures come up to 5 MiB",
    )
