"""Every sabotage, by what it breaks."""

from tests.sabotage import decisions, kit, services

SABOTAGES = (*decisions.SABOTAGES, *kit.SABOTAGES, *services.SABOTAGES)
