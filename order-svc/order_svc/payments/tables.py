"""Rows of payments. An order's row is locked before any of its attempts and refunds is changed."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field

from order_svc.rows import Row, count, text, timestamp


class PaymentEventRow(Row, table=True):
    """The ledger: append-only (a trigger refuses the rest); every balance is a fold of it."""

    __tablename__ = "payment_event"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('authorization', 'charge', 'refund', 'cancel', 'chargeback')", name="payment_event_kind"
        ),
        CheckConstraint("phase IN ('request', 'success', 'failure')", name="payment_event_phase"),
        CheckConstraint("amount_minor >= 0", name="payment_event_amount"),
        # A provider says the same thing many times; it counts once.
        UniqueConstraint("provider", "provider_ref", "kind", "phase", name="payment_event_once"),
        Index("payment_event_by_order", "order_id", "id"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    order_id: str = Field(sa_column=text())
    attempt: int = Field(sa_column=count())
    kind: str = Field(sa_column=text())
    phase: str = Field(sa_column=text())
    provider: str = Field(sa_column=text())
    provider_ref: str = Field(sa_column=text())
    amount_minor: int = Field(sa_column=count())
    at: datetime = Field(sa_column=timestamp())
    recorded_at: datetime = Field(sa_column=timestamp())


class PaymentAttemptRow(Row, table=True):
    __tablename__ = "payment_attempt"
    __table_args__ = (
        CheckConstraint("state IN ('requested', 'unknown', 'succeeded', 'failed')", name="payment_attempt_state"),
        CheckConstraint("amount_minor > 0", name="payment_attempt_amount"),
        CheckConstraint("(state IN ('succeeded', 'failed')) = (ended_at IS NOT NULL)", name="payment_attempt_ended_at"),
        UniqueConstraint("order_id", "n", name="payment_attempt_n"),
        UniqueConstraint("provider", "key", name="payment_attempt_key"),
        Index(
            "payment_attempt_one_open",
            "order_id",
            unique=True,
            postgresql_where=sql("state IN ('requested', 'unknown')"),
        ),
    )

    id: str = Field(sa_column=text(primary_key=True))
    order_id: str = Field(sa_column=text())
    n: int = Field(sa_column=count())
    method: str = Field(sa_column=text())
    provider: str = Field(sa_column=text())
    key: str = Field(sa_column=text())
    amount_minor: int = Field(sa_column=count())
    currency: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    sandbox_outcome: str | None = Field(default=None, sa_column=text(nullable=True))
    provider_ref: str | None = Field(default=None, sa_column=text(nullable=True))
    charged_minor: int | None = Field(default=None, sa_column=count(nullable=True))
    reason: str | None = Field(default=None, sa_column=text(nullable=True))
    requested_at: datetime = Field(sa_column=timestamp())
    ended_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))


class PaymentRefundRow(Row, table=True):
    """Money of one charge that goes back."""

    __tablename__ = "payment_refund"
    __table_args__ = (
        CheckConstraint("state IN ('requested', 'unknown', 'failed', 'succeeded')", name="payment_refund_state"),
        CheckConstraint("amount_minor > 0 AND tries > 0", name="payment_refund_amount"),
        CheckConstraint("(state = 'succeeded') = (ended_at IS NOT NULL)", name="payment_refund_ended_at"),
        Index("payment_refund_by_order", "order_id", "id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    order_id: str = Field(sa_column=text())
    attempt: int = Field(sa_column=count())
    provider: str = Field(sa_column=text())
    charge_ref: str = Field(sa_column=text())
    amount_minor: int = Field(sa_column=count())
    currency: str = Field(sa_column=text())
    reason: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    tries: int = Field(sa_column=count())
    provider_ref: str | None = Field(default=None, sa_column=text(nullable=True))
    requested_at: datetime = Field(sa_column=timestamp())
    ended_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))


class PaymentCallbackRow(Row, table=True):
    """What providers told us by themselves, once each; kept also where it fits nothing that we know."""

    __tablename__ = "payment_callback"
    __table_args__ = (
        CheckConstraint("kind IN ('charge', 'refund')", name="payment_callback_kind"),
        Index("payment_callback_unmatched", "received_at", postgresql_where=sql("order_id IS NULL")),
    )

    provider: str = Field(sa_column=text(primary_key=True))
    event_id: str = Field(sa_column=text(primary_key=True))
    kind: str = Field(sa_column=text())
    key: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    amount_minor: int = Field(sa_column=count())
    currency: str = Field(sa_column=text())
    provider_ref: str = Field(sa_column=text())
    order_id: str | None = Field(default=None, sa_column=text(nullable=True))
    received_at: datetime = Field(sa_column=timestamp())
