"""Coupon batches: one code, so many uses in all and per customer, for some time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Batch:
    id: str
    promotion_id: str
    shop: str
    code: str
    total: int
    per_customer: int
    state: State
    from_at: datetime | None
    until: datetime | None
    created_at: datetime
    version: int


def normal(code: str) -> str:
    """Buyers type codes as they please."""
    return code.strip().upper()


def possible(state: State) -> list[str]:
    return ["revoke"] if state is State.ACTIVE else []
