"""Rows behind caps and budgets: one counter per promotion, coupon batch and campaign, and who used what."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, UniqueConstraint
from sqlmodel import Field

from marketing_svc.rows import Row, count, document, text, timestamp


class UsageCounter(Row, table=True):
    """The row that is locked when uses or money of its subject are taken. No cap: null."""

    __tablename__ = "usage_counter"
    __table_args__ = (
        CheckConstraint("used >= 0 AND locked >= 0", name="usage_counter_not_negative"),
        CheckConstraint("used + locked <= cap", name="usage_counter_cap"),
        CheckConstraint("reserved_minor >= 0 AND spent_minor >= 0", name="usage_counter_money_not_negative"),
        CheckConstraint("reserved_minor + spent_minor <= hard_cap_minor", name="usage_counter_budget"),
    )

    subject_id: str = Field(sa_column=text(primary_key=True))
    cap: int | None = Field(default=None, sa_column=count(nullable=True))
    used: int = Field(sa_column=count())
    locked: int = Field(sa_column=count())
    hard_cap_minor: int | None = Field(default=None, sa_column=count(nullable=True))
    reserved_minor: int = Field(sa_column=count())
    spent_minor: int = Field(sa_column=count())


class BenefitOrder(Row, table=True):
    """The one row per order that is locked when marketing answers about it; carries the key's `event_seq`."""

    __tablename__ = "benefit_order"
    __table_args__ = (
        CheckConstraint(
            "outcome IN ('pending', 'locked', 'refused', 'used', 'released')", name="benefit_order_outcome"
        ),
    )

    order_id: str = Field(sa_column=text(primary_key=True))
    attempt: int = Field(sa_column=count())
    outcome: str = Field(sa_column=text())
    person_id: str | None = Field(default=None, sa_column=text(nullable=True))
    items: list[Any] = Field(sa_column=document())
    refusals: list[Any] | None = Field(default=None, sa_column=document(nullable=True))
    event_seq: int = Field(sa_column=count())
    decided_at: datetime = Field(sa_column=timestamp())


class BenefitUse(Row, table=True):
    """One live use of one subject by one order. Slots make the cap per customer a unique key; no such cap: null."""

    __tablename__ = "benefit_use"
    __table_args__ = (Index("benefit_use_slot", "subject_id", "person_id", "slot", unique=True),)

    order_id: str = Field(sa_column=text(primary_key=True))
    subject_id: str = Field(sa_column=text(primary_key=True))
    person_id: str = Field(sa_column=text())
    slot: int | None = Field(default=None, sa_column=count(nullable=True))
    amount_minor: int = Field(sa_column=count())


class BudgetEntry(Row, table=True):
    """Append-only: Σ entries of a subject = its counters, at any time."""

    __tablename__ = "budget_entry"
    __table_args__ = (
        CheckConstraint("kind IN ('reserve', 'settle', 'release', 'return')", name="budget_entry_kind"),
        CheckConstraint("uses > 0 AND amount_minor >= 0", name="budget_entry_positive"),
        UniqueConstraint("subject_id", "order_id", "attempt", "kind", name="budget_entry_once"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    subject_id: str = Field(sa_column=text())
    order_id: str = Field(sa_column=text())
    attempt: int = Field(sa_column=count())
    kind: str = Field(sa_column=text())
    uses: int = Field(sa_column=count())
    amount_minor: int = Field(sa_column=count())
    at: datetime = Field(sa_column=timestamp())
