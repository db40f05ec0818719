"""What a rebuild found, and what may follow from it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of one table. `missing`: in use, but not told by the topics; `extra`: told, but not in use."""

    rows: int
    missing: int
    extra: int


@dataclass(frozen=True, slots=True)
class Report:
    records: int
    unreadable_keys: tuple[str, ...]
    traffic_copied: int
    tables: Mapping[str, Difference] = field(default_factory=dict)
    swapped: bool = False

    @property
    def is_equal(self) -> bool:
        return not any(one.missing or one.extra for one in self.tables.values())


def may_swap(tables: Mapping[str, Difference]) -> bool:
    """What visitors did is nowhere else once its topic has let it go: the tables in use stay while they know more."""
    return tables["fact_traffic"].missing == 0


def sentences(report: Report) -> list[str]:
    said = [f"{report.records} records read, {report.traffic_copied} older traffic rows copied"]
    if report.unreadable_keys:
        said.append(f"{len(report.unreadable_keys)} keys cannot be read, as when they were parked")
    for table, found in report.tables.items():
        same = "the same" if not (found.missing or found.extra) else f"{found.missing} missing, {found.extra} extra"
        said.append(f"{table}: {found.rows} rows rebuilt, {same}")
    if report.swapped:
        said.append("the rebuilt tables are in use; the former ones stand in the schema metrics_before")
    elif not may_swap(report.tables):
        said.append("not put in use: traffic is missing that only the tables in use still have")
    return said
