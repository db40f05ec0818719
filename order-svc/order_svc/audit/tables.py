"""Rows of the audit. An order's row is locked before any of its holds is changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlmodel import Field

from order_svc.rows import Row, count, document, text, timestamp


class OrderHoldRow(Row, table=True):
    """Why an order waits for a person. One open hold per order and reason; released ones stay as the record."""

    __tablename__ = "order_hold"
    __table_args__ = (
        CheckConstraint("severity IN ('warn', 'fail')", name="order_hold_severity"),
        CheckConstraint("state IN ('open', 'released', 'closed')", name="order_hold_state"),
        CheckConstraint("on_deadline IN ('release', 'cancel')", name="order_hold_on_deadline"),
        CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="order_hold_ended_at"),
        CheckConstraint("(state = 'released') = (released_by IS NOT NULL)", name="order_hold_released_by"),
        Index("order_hold_one_open", "order_id", "reason", unique=True, postgresql_where=sql("state = 'open'")),
        Index("order_hold_by_order", "order_id", "id"),
        Index("order_hold_open", "id", postgresql_where=sql("state = 'open'")),
    )

    id: str = Field(sa_column=text(primary_key=True))
    order_id: str = Field(sa_column=text())
    shop: str = Field(sa_column=text())
    reason: str = Field(sa_column=text())
    severity: str = Field(sa_column=text())
    evidence: dict[str, Any] = Field(sa_column=document())
    state: str = Field(sa_column=text())
    opened_at: datetime = Field(sa_column=timestamp())
    due_at: datetime = Field(sa_column=timestamp())
    on_deadline: str | None = Field(default=None, sa_column=text(nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    ended_why: str | None = Field(default=None, sa_column=text(nullable=True))
    released_by: str | None = Field(default=None, sa_column=text(nullable=True))
    note: str | None = Field(default=None, sa_column=text(nullable=True))
    version: int = Field(sa_column=count())


class ContactAttemptRow(Row, table=True):
    """Somebody tried to reach the buyer."""

    __tablename__ = "contact_attempt"
    __table_args__ = (
        CheckConstraint("kind IN ('call', 'sms', 'im', 'email')", name="contact_attempt_kind"),
        CheckConstraint(
            "outcome IN ('reached_confirmed', 'reached_changed', 'no_answer', 'refused', 'wrong_number')",
            name="contact_attempt_outcome",
        ),
        Index("contact_attempt_by_hold", "hold_id", "id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    hold_id: str = Field(sa_column=text())
    kind: str = Field(sa_column=text())
    outcome: str = Field(sa_column=text())
    note: str | None = Field(default=None, sa_column=text(nullable=True))
    next_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    made_by: str = Field(sa_column=text())
    made_at: datetime = Field(sa_column=timestamp())
