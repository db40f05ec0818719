"""Facts. Each group of columns is written by its own event and guarded by that event's timeline and sequence, so that
events may come in any order: an order may be paid here before it is placed.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Integer, UniqueConstraint
from sqlmodel import Field

from metrics_svc.rows import Row, count, document, event, text, timestamp, word


class FactWord(Row, table=True):
    """Skus, products and persons by number: a year of lines is grouped by numbers in a third of the time, and in a
    third of the room, that it takes by their texts.
    """

    __tablename__ = "fact_word"
    __table_args__ = (UniqueConstraint("n", name="fact_word_n_key"),)

    word: str = Field(sa_column=text(primary_key=True))
    n: int = Field(sa_column=Column(Integer, Identity(always=True), nullable=False))


class FactOrder(Row, table=True):
    """`n` joins the lines."""

    __tablename__ = "fact_order"
    __table_args__ = (
        UniqueConstraint("n", name="fact_order_n_key"),
        CheckConstraint(
            "num_nulls(shop, channel, currency, person_n, attempt, placed_at, received_at, line_count, units, "
            "gross_minor, discount_minor, net_minor, delivery_fee_minor, total_minor, placed_event, placed_timeline, "
            "placed_seq) IN (0, 17)",
            name="fact_order_placed",
        ),
        CheckConstraint(
            "num_nulls(paid_at, paid_minor, paid_event, paid_timeline, paid_seq) IN (0, 5)", name="fact_order_paid"
        ),
        CheckConstraint(
            "num_nulls(rejected_at, rejected_event, rejected_timeline, rejected_seq) IN (0, 4)",
            name="fact_order_rejected",
        ),
        Index("fact_order_shop_placed_at_idx", "shop", "placed_at"),
        Index("fact_order_shop_paid_at_idx", "shop", "paid_at"),
    )

    order_id: str = Field(sa_column=text(primary_key=True))
    n: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    shop: str | None = Field(sa_column=text(nullable=True))
    channel: str | None = Field(sa_column=text(nullable=True))
    currency: str | None = Field(sa_column=text(nullable=True))
    person_n: int | None = Field(sa_column=word(nullable=True))
    visitor_id: str | None = Field(sa_column=text(nullable=True))
    session_id: str | None = Field(sa_column=text(nullable=True))
    attempt: int | None = Field(sa_column=count(nullable=True))
    placed_at: datetime | None = Field(sa_column=timestamp(nullable=True))
    received_at: datetime | None = Field(sa_column=timestamp(nullable=True))
    line_count: int | None = Field(sa_column=count(nullable=True))
    units: int | None = Field(sa_column=count(nullable=True))
    gross_minor: int | None = Field(sa_column=count(nullable=True))
    discount_minor: int | None = Field(sa_column=count(nullable=True))
    net_minor: int | None = Field(sa_column=count(nullable=True))
    delivery_fee_minor: int | None = Field(sa_column=count(nullable=True))
    total_minor: int | None = Field(sa_column=count(nullable=True))
    placed_event: UUID | None = Field(sa_column=event(nullable=True))
    placed_timeline: int | None = Field(sa_column=count(nullable=True))
    placed_seq: int | None = Field(sa_column=count(nullable=True))
    paid_at: datetime | None = Field(sa_column=timestamp(nullable=True))
    paid_minor: int | None = Field(sa_column=count(nullable=True))
    paid_event: UUID | None = Field(sa_column=event(nullable=True))
    paid_timeline: int | None = Field(sa_column=count(nullable=True))
    paid_seq: int | None = Field(sa_column=count(nullable=True))
    rejected_at: datetime | None = Field(sa_column=timestamp(nullable=True))
    rejected_event: UUID | None = Field(sa_column=event(nullable=True))
    rejected_timeline: int | None = Field(sa_column=count(nullable=True))
    rejected_seq: int | None = Field(sa_column=count(nullable=True))


class FactOrderLine(Row, table=True):
    __tablename__ = "fact_order_line"

    order_n: int = Field(sa_column=count(primary_key=True))
    line_id: str = Field(sa_column=text(primary_key=True))
    sku_n: int = Field(sa_column=word())
    product_n: int | None = Field(sa_column=word(nullable=True))
    quantity: int = Field(sa_column=count())
    gross_minor: int = Field(sa_column=count())
    discount_minor: int = Field(sa_column=count())
    net_minor: int = Field(sa_column=count())


class FactRefund(Row, table=True):
    """Booked on the day of the refund, whenever its order was placed."""

    __tablename__ = "fact_refund"
    __table_args__ = (Index("fact_refund_refunded_at_idx", "refunded_at"),)

    event_id: UUID = Field(sa_column=event(primary_key=True))
    order_id: str = Field(sa_column=text())
    amount_minor: int = Field(sa_column=count())
    reason: str = Field(sa_column=text())
    refunded_at: datetime = Field(sa_column=timestamp())


class FactTraffic(Row, table=True):
    """Without bots. The visitor is part of the key: ids come from front ends, and nobody's may hide another's."""

    __tablename__ = "fact_traffic"
    __table_args__ = (
        CheckConstraint("kind IN ('page_viewed', 'cart_added', 'checkout_started')", name="fact_traffic_kind"),
        Index("fact_traffic_at_idx", "at"),
    )

    visitor_id: str = Field(sa_column=text(primary_key=True))
    id: str = Field(sa_column=text(primary_key=True))
    event_id: UUID = Field(sa_column=event())
    kind: str = Field(sa_column=text())
    shop: str = Field(sa_column=text())
    session_id: str = Field(sa_column=text())
    person_id: str | None = Field(sa_column=text(nullable=True))
    product_id: str | None = Field(sa_column=text(nullable=True))
    sku: str | None = Field(sa_column=text(nullable=True))
    campaign: str | None = Field(sa_column=text(nullable=True))
    utm: dict[str, Any] = Field(sa_column=document())
    at: datetime = Field(sa_column=timestamp())
    recorded_at: datetime = Field(sa_column=timestamp())
