"""What falls due."""

from order_svc.audit.commands.holds import DEADLINE
from order_svc.audit.commands.releasing import hold_due
from order_svc.orders.commands.falling_due import decision_overdue, unpaid_overdue
from order_svc.payments.commands.unknown import hold_unknown
from svc_kit.timers import Timer

TIMERS = (
    Timer(kind="undecided", table="orders", id_column="id", fire=decision_overdue),
    Timer(kind="unpaid", table="orders", id_column="id", fire=unpaid_overdue),
    Timer(kind="unknown_payment", table="orders", id_column="id", fire=hold_unknown),
    Timer(kind=DEADLINE, table="orders", id_column="id", fire=hold_due),
)
