"""Rows behind caps and budgets: one counter per promotion, coupon batch and campaign, and who used what."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class UsageCounter(SQLModel, table=True):
    """The row that is locked when uses or money of its subject are taken. No cap: null."""

    __tablename__ = "usage_counter"
    __table_args__ = (
        CheckConstraint("used >= 0 AND locked >= 0", name="usage_counter_not_negative"),
        CheckConstraint("cap IS NULL OR used + locked <= cap", name="usage_counter_cap"),
        CheckConstraint("reserved_minor >= 0 AND spent_minor >= 0", name="usage_counter_money_not_negative"),
        CheckConstraint(
            "hard_cap_minor IS NULL OR reserved_minor + spent_minor <= hard_cap_minor", name="usage_counter_budget"
        ),
    )

    subject_id: str = Field(sa_column=Column(Text, primary_key=True))
    cap: int | None = Field(default=None, sa_column=Column(BigInteger))
    used: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    locked: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    hard_cap_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    reserved_minor: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    spent_minor: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class BenefitOrder(SQLModel, table=True):
    """The one row per order that is locked when marketing answers about it; carries the key's `event_seq`."""

    __tablename__ = "benefit_order"
    __table_args__ = (
        CheckConstraint("outcome IN ('pending','locked','refused','used','released')", name="benefit_order_outcome"),
    )

    order_id: str = Field(sa_column=Column(Text, primary_key=True))
    attempt: int = Field(sa_column=Column(BigInteger, nullable=False))
    outcome: str = Field(sa_column=Column(Text, nullable=False))
    items: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    event_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class BenefitUse(SQLModel, table=True):
    """One use of one subject by one order. Slots make the cap per customer a unique key."""

    __tablename__ = "benefit_use"
    __table_args__ = (Index("benefit_use_slot", "subject_id", "person_id", "slot", unique=True),)

    order_id: str = Field(sa_column=Column(Text, primary_key=True))
    subject_id: str = Field(sa_column=Column(Text, primary_key=True))
    person_id: str = Field(sa_column=Column(Text, nullable=False))
    slot: int = Field(sa_column=Column(BigInteger, nullable=False))
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))


class BudgetEntry(SQLModel, table=True):
    """Append-only: Σ entries of a subject = its counters, at any time."""

    __tablename__ = "budget_entry"
    __table_args__ = (
        CheckConstraint("kind IN ('reserve','settle','release','return')", name="budget_entry_kind"),
        Index("budget_entry_once", "subject_id", "order_id", "attempt", "kind", unique=True),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    subject_id: str = Field(sa_column=Column(Text, nullable=False))
    order_id: str = Field(sa_column=Column(Text, nullable=False))
    attempt: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    uses: int = Field(sa_column=Column(BigInteger, nullable=False))
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
