"""The rows of metrics-svc, compared without its own help: what its numbers stand for instead of the numbers."""

from collections.abc import Sequence
from typing import Any

TABLES = ("fact_order", "fact_order_line", "fact_refund", "fact_traffic", "product_copy", "shop_copy")
COLUMNS = """
SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 ORDER BY 1
"""


def column(name: str, schema: str) -> str:
    """Numbers are each schema's own."""
    if name == "order_n":
        return f"(SELECT o.order_id FROM {schema}.fact_order o WHERE o.n = t.order_n) AS order_id"
    if name.endswith("_n"):
        return f"(SELECT w.word FROM {schema}.fact_word w WHERE w.n = t.{name}) AS {name.removesuffix('_n')}"
    return f"t.{name}"


def query(table: str, columns: Sequence[str], schema: str) -> str:
    told = ", ".join(column(name, schema) for name in columns if name != "n")
    return f"SELECT {told} FROM {schema}.{table} t"


async def rows(con: Any, schema: str) -> int:
    return sum([await con.fetchval(f"SELECT count(*) FROM {schema}.{table}") for table in TABLES])


async def differing(con: Any, left: str, right: str) -> dict[str, int]:
    """Table → rows that only one of the schemas has, and those that the other has more often."""
    found = {}
    for table in TABLES:
        columns = [row["name"] for row in await con.fetch(COLUMNS, left, table)]
        assert columns == [row["name"] for row in await con.fetch(COLUMNS, right, table)], table
        assert columns, table
        ours, theirs = (query(table, columns, schema) for schema in (left, right))
        found[table] = await con.fetchval(
            f"SELECT (SELECT count(*) FROM ({ours} EXCEPT ALL {theirs}) a)"
            f" + (SELECT count(*) FROM ({theirs} EXCEPT ALL {ours}) b)"
        )
    return found
