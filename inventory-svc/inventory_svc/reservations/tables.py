"""Rows of reservations. `stock_order` is locked before anything else that concerns an order."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from inventory_svc.rows import Row, count, document, flag, text, timestamp


class StockOrder(Row, table=True):
    """What was decided for an order at its latest attempt; asked twice it answers the same."""

    __tablename__ = "stock_order"
    __table_args__ = (CheckConstraint("outcome IN ('reserved', 'refused', 'released')", name="stock_order_outcome"),)

    order_id: str = Field(sa_column=text(primary_key=True))
    attempt: int = Field(sa_column=count())
    outcome: str = Field(sa_column=text())
    shortages: list[Any] | None = Field(default=None, sa_column=document(nullable=True))
    issued: bool = Field(default=False, sa_column=flag())
    event_seq: int = Field(sa_column=count())
    decided_at: datetime = Field(sa_column=timestamp())


class Reservation(Row, table=True):
    """Units of one sku in one warehouse, held for a line. `per_unit`: how many of them one unit of the line needs."""

    __tablename__ = "reservation"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND per_unit > 0 AND quantity % per_unit = 0", name="reservation_quantity"),
        CheckConstraint("state IN ('reserved', 'picked', 'shipped', 'released')", name="reservation_state"),
        # On the key alone, not on live rows: so a change of state touches no index (HOT).
        Index("reservation_by_level", "key"),
    )

    order_id: str = Field(sa_column=text(primary_key=True))
    line_id: str = Field(sa_column=text(primary_key=True))
    key: str = Field(sa_column=text(primary_key=True))
    quantity: int = Field(sa_column=count())
    per_unit: int = Field(sa_column=count())
    state: str = Field(sa_column=text())
    reserved_at: datetime = Field(sa_column=timestamp())
