"""Alembic's entry: the kit runs it, the tables are this service's."""

from marketing_svc.benefits import tables as _benefits
from marketing_svc.campaigns import tables as _campaigns
from marketing_svc.copies import tables as _copies
from marketing_svc.coupons import tables as _coupons
from marketing_svc.promotions import tables as _promotions
from marketing_svc.rows import Row
from svc_kit.migrate import run_migrations

# Importing the rooms' tables is what fills the metadata.
ROOMS = (_benefits, _campaigns, _copies, _coupons, _promotions)

run_migrations(Row.metadata)
