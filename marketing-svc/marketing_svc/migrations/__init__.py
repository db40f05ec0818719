"""Alembic migrations of the marketing database."""
