"""Alembic's entry: the kit runs it, the tables are this service's."""

from gateway.accounts import tables as _accounts
from gateway.rows import Row
from gateway.sessions import tables as _sessions
from svc_kit.migrate import run_migrations

# Importing the rooms' tables is what fills the metadata.
ROOMS = (_accounts, _sessions)

run_migrations(Row.metadata)
