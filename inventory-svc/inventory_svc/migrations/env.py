"""Alembic's entry: the kit runs it, the tables are this service's."""

from inventory_svc.copies import tables as _copies
from inventory_svc.fulfilment import tables as _fulfilment
from inventory_svc.reservations import tables as _reservations
from inventory_svc.rows import Row
from inventory_svc.stock import tables as _stock
from inventory_svc.warehouses import tables as _warehouses
from svc_kit.migrate import run_migrations

# Importing the rooms' tables is what fills the metadata.
ROOMS = (_copies, _fulfilment, _reservations, _stock, _warehouses)

run_migrations(Row.metadata)
