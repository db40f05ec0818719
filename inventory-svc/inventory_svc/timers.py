"""What falls due."""

from svc_kit.timers import Timer

from inventory_svc.stock.commands.announcements import announce
from inventory_svc.stock.commands.ledger import ANNOUNCE

TIMERS = (Timer(kind=ANNOUNCE, table="stock_level", id_column="key", fire=announce),)
