"""What falls due."""

from catalog_svc.listings.commands.announcing import REPRICE, reprice_due
from catalog_svc.listings.commands.steps import PUBLISH, UNPUBLISH, publish_due, unpublish_due
from svc_kit.timers import Timer

TIMERS = (
    Timer(kind=PUBLISH, table="listing", id_column="id", fire=publish_due),
    Timer(kind=UNPUBLISH, table="listing", id_column="id", fire=unpublish_due),
    Timer(kind=REPRICE, table="listing", id_column="id", fire=reprice_due),
)
