"""The migrations lay what the rooms declare."""

from importlib import import_module
from typing import Any

import pytest

from order_svc.rows import Row

pytestmark = pytest.mark.anyio

ROOMS = ("addresses", "audit", "carts", "channels", "copies", "orders", "payments", "quotes")
for room in ROOMS:
    import_module(f"order_svc.{room}.tables")


async def test_the_migrated_tables_are_those_that_the_rooms_declare(house: Any) -> None:
    async with house.runtime.db.read() as con:
        rows = await con.fetch(
            "SELECT table_name, column_name, data_type, is_nullable = 'YES' AS nullable "
            "FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ANY($1::text[])",
            list(Row.metadata.tables),
        )
        indexes = await con.fetch(
            "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ANY($1::text[])",
            list(Row.metadata.tables),
        )
        checks = await con.fetch("SELECT conname FROM pg_constraint WHERE contype IN ('c', 'u')")

    tables = Row.metadata.tables.values()
    declared = {(t.name, c.name, bool(c.nullable)) for t in tables for c in t.columns}
    assert {(row["table_name"], row["column_name"], row["nullable"]) for row in rows} == declared
    assert {index.name for t in tables for index in t.indexes} <= {row["indexname"] for row in indexes}
    named = {str(one.name) for t in tables for one in t.constraints if one.name and t.primary_key is not one}
    assert named <= {row["conname"] for row in checks}


async def test_nothing_in_the_database_lets_an_order_contradict_itself(house: Any) -> None:
    order_id = await house.placed()
    wrong = (
        "total_minor = total_minor + 1",
        "status = 'lost'",
        "shipped_units = units + 1",
        "delivered_units = 1",
        "refunding_minor = 1",
        "gross_minor = -1",
    )
    for change in wrong:
        with pytest.raises(Exception, match="violates check constraint"):
            async with house.runtime.db.transaction() as tx:
                await tx.con.execute(f"UPDATE orders SET {change} WHERE id = $1", order_id)
