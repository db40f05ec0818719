"""What falls due."""

from marketing_svc.promotions.commands.ticking import TICK, tick
from svc_kit.timers import Timer

TIMERS = (Timer(kind=TICK, table="promotion_shop", id_column="shop", fire=tick),)
