"""What falls due."""

from inventory_svc.stock.commands.announcements import announce
from inventory_svc.stock.commands.ledger import ANNOUNCE
from svc_kit.timers import Timer

TIMERS = (Timer(kind=ANNOUNCE, table="stock_level", id_column="key", fire=announce),)
