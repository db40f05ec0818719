"""Everything that the services hold about the business, row by row. What the kit needs for itself is left out."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.facts import query
from tests.faults.lifetimes import connected

from svc_kit import schema

OWN = {name for statement in schema.TABLES for name in re.findall(r"CREATE TABLE (\w+)", statement)}
# Words without a number of their own are told where they are used.
LEFT_OUT = OWN | {"alembic_version", "fact_word"}
TABLES = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
COLUMNS = """
SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Row:
    database: str
    table: str
    text: str


async def dump(urls: Mapping[str, str]) -> Counter[Row]:
    """Of every service's database."""
    found: Counter[Row] = Counter()
    for database, url in urls.items():
        async with connected(url) as con:
            for table in [row["name"] for row in await con.fetch(TABLES)]:
                if table in LEFT_OUT or table.startswith("outbox_archive"):
                    continue
                columns = [row["name"] for row in await con.fetch(COLUMNS, table)]
                told = query(table, columns, "public") if database == "metrics" else f"SELECT * FROM public.{table}"
                for row in await con.fetch(f"SELECT r::text AS text FROM ({told}) r"):
                    found[Row(database, table, row["text"])] += 1
    return found


def names_beside(rows: Counter[Row], names: Sequence[str]) -> set[str]:
    """These, and the products and addresses that are named in one row with them."""
    texts = [row.text for row in rows if any(name in row.text for name in names)]
    return {*names, *(found for text in texts for found in re.findall(r"\b(?:prd|adr)_\w+", text))}


def differences(before: Counter[Row], after: Counter[Row], fresh: Iterable[str]) -> tuple[list[Row], list[Row]]:
    """(rows that are gone, rows that have come); without those about what is `fresh` (ids and skus in their text)."""
    names = list(fresh)

    def old(rows: Counter[Row]) -> list[Row]:
        return [row for row in rows.elements() if not any(name in row.text for name in names)]

    return old(before - after), old(after - before)
