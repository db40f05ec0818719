"""Alembic migrations of the database `catalog`."""
