"""Rows of orders. The row of `orders` is locked before anything else that concerns the order."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from order_svc.rows import Row, count, document, text, timestamp

STATUSES = (
    "'placed', 'rejected', 'awaiting_payment', 'expired', 'auditing', 'on_hold', 'confirmed', 'in_fulfilment', "
    "'completed', 'cancelling', 'cancelled'"
)


class OrderRow(Row, table=True):
    """`charged`, `refunded`, `refunding` are folds of the payment ledger; `shipped_units` … of the parcels."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(f"status IN ({STATUSES})", name="orders_status"),
        CheckConstraint("total_minor = gross_minor - discount_minor + delivery_fee_minor", name="orders_total"),
        CheckConstraint(
            "gross_minor >= 0 AND discount_minor >= 0 AND delivery_fee_minor >= 0 AND total_minor >= 0",
            name="orders_amounts",
        ),
        CheckConstraint(
            "refunded_minor >= 0 AND refunding_minor >= 0 AND refunded_minor + refunding_minor <= charged_minor",
            name="orders_never_refunds_more",
        ),
        CheckConstraint(
            "0 <= delivered_units AND delivered_units <= shipped_units AND shipped_units <= units", name="orders_units"
        ),
        UniqueConstraint("number", name="orders_number"),
        UniqueConstraint("channel", "external_id", name="orders_external"),
        Index("orders_by_person", "person_id", "id"),
        # What counts against a buyer's limit; small, for most orders leave it within minutes.
        Index("orders_unpaid", "person_id", postgresql_where=sql("status IN ('placed', 'awaiting_payment')")),
        Index("orders_by_status", "status", "id"),
        Index("orders_by_placed_at", "placed_at", "id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    number: int = Field(sa_column=count())
    shop: str = Field(sa_column=text())
    channel: str = Field(sa_column=text())
    external_id: str | None = Field(default=None, sa_column=text(nullable=True))
    fingerprint: str | None = Field(default=None, sa_column=text(nullable=True))
    person_id: str = Field(sa_column=text())
    visitor_id: str | None = Field(default=None, sa_column=text(nullable=True))
    session_id: str | None = Field(default=None, sa_column=text(nullable=True))
    cart_id: str | None = Field(default=None, sa_column=text(nullable=True))
    quote_id: str | None = Field(default=None, sa_column=text(nullable=True))
    currency: str = Field(sa_column=text())
    gross_minor: int = Field(sa_column=count())
    discount_minor: int = Field(sa_column=count())
    delivery_fee_minor: int = Field(sa_column=count())
    total_minor: int = Field(sa_column=count())
    payment_method: str = Field(sa_column=text())
    delivery_method: str | None = Field(default=None, sa_column=text(nullable=True))
    remark: str | None = Field(default=None, sa_column=text(nullable=True))
    region: dict[str, Any] = Field(sa_column=document())
    benefits: list[Any] | None = Field(default=None, sa_column=document(nullable=True))
    bundles: dict[str, Any] | None = Field(default=None, sa_column=document(nullable=True))
    units: int = Field(sa_column=count())
    address_ref: str = Field(sa_column=text())
    address_missing: list[str] = Field(sa_column=Column(ARRAY(Text(collation="C")), nullable=False))
    unpaid_expiry_seconds: int = Field(sa_column=count())
    prepaid_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    placed_at: datetime = Field(sa_column=timestamp())
    received_at: datetime = Field(sa_column=timestamp())
    status: str = Field(sa_column=text())
    attempt: int = Field(sa_column=count())
    stock_state: str = Field(sa_column=text())
    benefit_state: str = Field(sa_column=text())
    allocations: list[Any] | None = Field(default=None, sa_column=document(nullable=True))
    shortages: list[Any] | None = Field(default=None, sa_column=document(nullable=True))
    refusals: list[Any] | None = Field(default=None, sa_column=document(nullable=True))
    waived: list[str] = Field(sa_column=Column(ARRAY(Text(collation="C")), nullable=False))
    reason: str | None = Field(default=None, sa_column=text(nullable=True))
    paid_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    expires_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    promise: dict[str, Any] | None = Field(default=None, sa_column=document(nullable=True))
    open_attempt: int | None = Field(default=None, sa_column=count(nullable=True))
    charged_minor: int = Field(sa_column=count())
    refunded_minor: int = Field(sa_column=count())
    refunding_minor: int = Field(sa_column=count())
    shipped_units: int = Field(sa_column=count())
    delivered_units: int = Field(sa_column=count())
    version: int = Field(sa_column=count())
    event_seq: int = Field(sa_column=count())


class OrderLine(Row, table=True):
    """`sku`, title and amounts as they were when it was placed."""

    __tablename__ = "order_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="order_line_quantity"),
        CheckConstraint("net_minor = gross_minor - discount_minor AND net_minor >= 0", name="order_line_amounts"),
        CheckConstraint("0 <= delivered AND delivered <= shipped AND shipped <= quantity", name="order_line_delivered"),
    )

    order_id: str = Field(sa_column=text(primary_key=True))
    line_id: str = Field(sa_column=text(primary_key=True))
    n: int = Field(sa_column=count())
    sku: str = Field(sa_column=text())
    product_id: str | None = Field(default=None, sa_column=text(nullable=True))
    title: dict[str, Any] = Field(sa_column=document())
    image: str | None = Field(default=None, sa_column=text(nullable=True))
    quantity: int = Field(sa_column=count())
    components: list[Any] | None = Field(default=None, sa_column=document(nullable=True))
    gross_minor: int = Field(sa_column=count())
    discount_minor: int = Field(sa_column=count())
    net_minor: int = Field(sa_column=count())
    trace: list[Any] | None = Field(default=None, sa_column=document(nullable=True))
    shipped: int = Field(sa_column=count(default=0))
    delivered: int = Field(sa_column=count(default=0))


class OrderShipment(Row, table=True):
    """A parcel, as inventory-svc told."""

    __tablename__ = "order_shipment"

    order_id: str = Field(sa_column=text(primary_key=True))
    shipment_id: str = Field(sa_column=text(primary_key=True))
    warehouse: str = Field(sa_column=text())
    carrier: str | None = Field(default=None, sa_column=text(nullable=True))
    tracking_no: str | None = Field(default=None, sa_column=text(nullable=True))
    lines: list[Any] = Field(sa_column=document())
    shipped_at: datetime = Field(sa_column=timestamp())
    delivered_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))


class OrderTimeline(Row, table=True):
    """What happened, in order; never edited."""

    __tablename__ = "order_timeline"

    order_id: str = Field(sa_column=text(primary_key=True))
    id: int = Field(sa_column=count(primary_key=True))
    at: datetime = Field(sa_column=timestamp())
    kind: str = Field(sa_column=text())
    actor_kind: str = Field(sa_column=text())
    actor_id: str = Field(sa_column=text())
    facts: dict[str, Any] = Field(sa_column=document())


class Compensation(Row, table=True):
    """What has to come back after an order stopped short."""

    __tablename__ = "compensation"
    __table_args__ = (
        CheckConstraint("what IN ('stock', 'benefits', 'money')", name="compensation_what"),
        Index("compensation_open", "order_id", postgresql_where=sql("settled_at IS NULL")),
    )

    order_id: str = Field(sa_column=text(primary_key=True))
    what: str = Field(sa_column=text(primary_key=True))
    asked_at: datetime = Field(sa_column=timestamp())
    settled_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
