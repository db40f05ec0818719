"""Alembic migrations of the metrics database."""
