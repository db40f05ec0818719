"""Every sabotage, by what it breaks."""

from tests.sabotage import decisions, kit, rooms

SABOTAGES = (*decisions.SABOTAGES, *kit.SABOTAGES, *rooms.SABOTAGES)
