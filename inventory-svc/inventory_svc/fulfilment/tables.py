"""Rows of fulfilment. Every write to them happens under the lock of the order's `stock_order` row."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from inventory_svc.rows import Row, count, document, text, timestamp


class Fulfilment(Row, table=True):
    """`lines` is what was promised when it was issued: [{line_id, sku, quantity, per_unit}]; it never changes."""

    __tablename__ = "fulfilment"
    __table_args__ = (
        CheckConstraint(
            "state IN ('issued', 'accepted', 'picking', 'done', 'rejected', 'recalled')", name="fulfilment_state"
        ),
        CheckConstraint("state <> 'rejected' OR reason IS NOT NULL", name="fulfilment_reason"),
        Index("fulfilment_order_warehouse", "order_id", "warehouse", unique=True),
        Index("fulfilment_by_state", "state", "id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    order_id: str = Field(sa_column=text())
    warehouse: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    lines: list[Any] = Field(sa_column=document())
    address_ref: str = Field(sa_column=text())
    ship_by: datetime = Field(sa_column=timestamp())
    accept_by: datetime = Field(sa_column=timestamp())
    reason: str | None = Field(default=None, sa_column=text(nullable=True))
    issued_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())


class Shipment(Row, table=True):
    __tablename__ = "shipment"
    __table_args__ = (
        CheckConstraint(
            "state IN ('open', 'picking', 'packed', 'shipped', 'delivered', 'cancelled')", name="shipment_state"
        ),
        CheckConstraint("(state IN ('shipped', 'delivered')) = (shipped_at IS NOT NULL)", name="shipment_shipped_at"),
        CheckConstraint("(state = 'delivered') = (delivered_at IS NOT NULL)", name="shipment_delivered_at"),
        Index("shipment_by_fulfilment", "fulfilment_id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    fulfilment_id: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    scans: dict[str, Any] = Field(sa_column=document())
    weight_g: int | None = Field(default=None, sa_column=count(nullable=True))
    carrier: str | None = Field(default=None, sa_column=text(nullable=True))
    tracking_no: str | None = Field(default=None, sa_column=text(nullable=True))
    shipped_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    delivered_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    version: int = Field(sa_column=count())


class Parcel(Row, table=True):
    """A tracking number belongs to one shipment; taken by inserting the row."""

    __tablename__ = "parcel"

    carrier: str = Field(sa_column=text(primary_key=True))
    tracking_no: str = Field(sa_column=text(primary_key=True))
    shipment_id: str = Field(sa_column=text())
