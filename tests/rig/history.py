"""What clients asked and what they were told. An answer that never came is unknown: it may have happened or not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Told(Enum):
    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Operation:
    """`began`, `ended`: monotonic seconds."""

    n: int
    what: str
    key: str
    began: float
    ended: float | None = None
    told: Told = Told.UNKNOWN
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class History:
    operations: list[Operation] = field(default_factory=list)

    def begin(self, what: str, key: str, now: float) -> Operation:
        operation = Operation(len(self.operations) + 1, what, key, now)
        self.operations.append(operation)
        return operation

    def of(self, what: str, *told: Told) -> Iterator[Operation]:
        """In the order in which they began."""
        return (one for one in self.operations if one.what == what and (not told or one.told in told))
