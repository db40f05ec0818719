"""Which event leads to which command."""

from order_svc.copies.commands import HANDLED as COPIED
from order_svc.copies.commands import keep
from order_svc.orders.commands.replies import HANDLED, apply_replies
from svc_kit.consumer import Consumer

DECIDE = Consumer(group="order-decide", deciding=True, handles=HANDLED, handle=apply_replies)
PROJECT = Consumer(group="order-project", deciding=False, handles=COPIED, handle=keep)
