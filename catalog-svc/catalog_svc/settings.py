"""What catalog-svc can be told from outside, beside the kit's settings."""

from svc_kit.settings import KitSettings


class CatalogSettings(KitSettings):
    """Every variable is the kit's."""
