"""marketing-svc has no settings of its own yet; the kit's stand."""

from svc_kit.settings import KitSettings


class MarketingSettings(KitSettings):
    """Every variable is the kit's."""
