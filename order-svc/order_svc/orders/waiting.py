"""Buyers who wait for the decision about their order."""

from order_svc.orders.rules.order import Order
from order_svc.orders.store import orders as store
from order_svc.waiting import Rooms

UNDECIDED: Rooms[Order] = Rooms(store.decided)
