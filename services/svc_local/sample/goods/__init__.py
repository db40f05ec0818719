"""What the sample shop sells: one file per category, written for this project."""

from svc_local.sample.goods import bedding, electronics, kitchen, outdoors, stationery, tea

CATEGORIES = (
    tea.CATEGORY,
    kitchen.CATEGORY,
    bedding.CATEGORY,
    stationery.CATEGORY,
    outdoors.CATEGORY,
    electronics.CATEGORY,
)
