"""Alembic's entry: the kit runs it, the tables are this service's."""

from order_svc.addresses import tables as _addresses
from order_svc.audit import tables as _audit
from order_svc.carts import tables as _carts
from order_svc.channels import tables as _channels
from order_svc.copies import tables as _copies
from order_svc.orders import tables as _orders
from order_svc.payments import tables as _payments
from order_svc.quotes import tables as _quotes
from order_svc.rows import Row
from svc_kit.migrate import run_migrations

# Importing the rooms' tables is what fills the metadata.
ROOMS = (_addresses, _audit, _carts, _channels, _copies, _orders, _payments, _quotes)

run_migrations(Row.metadata)
