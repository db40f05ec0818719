"""Alembic per service: `python -m svc_kit.migrate order_svc` or `upgrade("order_svc", url)`."""

import asyncio
import importlib.util
import os
import sys
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

LOCK_TIMEOUT = "SET lock_timeout = '5s'"
# One migration of a database at a time, whoever starts it.
ONE_AT_A_TIME = "SELECT pg_advisory_lock(7309182)"


def upgrade(package: str, owner_url: str) -> None:
    """Brings the database to the package's newest migration. Blocking; runs an event loop of its own."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(package)
    config = Config()
    config.set_main_option("script_location", str(Path(found.submodule_search_locations[0]) / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = owner_url
    command.upgrade(config, "head")


def run_migrations(metadata: MetaData) -> None:
    """For a service's `migrations/env.py`."""
    url = context.config.attributes["url"]
    asyncio.run(_run(metadata, url.replace("postgresql://", "postgresql+asyncpg://", 1)))


async def _run(metadata: MetaData, url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate, metadata)
    finally:
        await engine.dispose()


def _migrate(connection: Connection, metadata: MetaData) -> None:
    connection.exec_driver_sql(ONE_AT_A_TIME)
    connection.exec_driver_sql(LOCK_TIMEOUT)
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


if __name__ == "__main__":
    upgrade(sys.argv[1], os.environ["MIGRATION_DATABASE_URL"])
