"""Alembic's entry: the kit runs it, the tables are this service's."""

from metrics_svc.copies import tables as _copies
from metrics_svc.facts import tables as _facts
from metrics_svc.rows import Row
from svc_kit.migrate import run_migrations

# Importing the rooms' tables is what fills the metadata.
ROOMS = (_copies, _facts)

run_migrations(Row.metadata)
