"""Rows of warehouses. `event_seq` counts the events of the warehouse's key."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from inventory_svc.rows import Row, count, text, timestamp


class Warehouse(Row, table=True):
    __tablename__ = "warehouse"
    __table_args__ = (
        CheckConstraint("kind IN ('own', 'store', 'supplier', 'virtual')", name="warehouse_kind"),
        CheckConstraint("state IN ('active', 'closed')", name="warehouse_state"),
        CheckConstraint("handling_hours >= 0", name="warehouse_handling_hours"),
    )

    code: str = Field(sa_column=text(primary_key=True))
    kind: str = Field(sa_column=text())
    region: str = Field(sa_column=text())
    priority: int = Field(sa_column=count())
    channels: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    cut_off: str = Field(sa_column=text())
    handling_hours: int = Field(sa_column=count())
    calendar: str = Field(sa_column=text())
    time_zone: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(default=1, sa_column=count())
    event_seq: int = Field(default=0, sa_column=count())
