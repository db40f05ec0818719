"""Rows of stock. `version` counts edits of the settings; the counters move far too often to be versioned."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field

from inventory_svc.rows import Row, count, document, flag, text, timestamp
from inventory_svc.stock.rules import MovementKind

KINDS = ", ".join(f"'{kind}'" for kind in MovementKind)


class StockLevel(Row, table=True):
    __tablename__ = "stock_level"
    __table_args__ = (
        UniqueConstraint("sku", "warehouse", name="stock_level_sku_warehouse"),
        CheckConstraint("key = sku || '@' || warehouse", name="stock_level_key"),
        CheckConstraint(
            "on_hand >= 0 AND reserved >= 0 AND prelocked >= 0 AND damaged >= 0 AND quality_hold >= 0 "
            "AND incoming >= 0 AND safety_stock >= 0 AND reorder_point >= 0 AND backorder_limit >= 0 AND deficit >= 0",
            name="stock_level_not_negative",
        ),
        CheckConstraint(
            "reserved + prelocked <= on_hand - damaged - quality_hold + backorder_limit + deficit",
            name="stock_level_not_oversold",
        ),
        Index("stock_level_by_warehouse", "warehouse", "key"),
    )

    key: str = Field(sa_column=text(primary_key=True))
    sku: str = Field(sa_column=text())
    warehouse: str = Field(sa_column=text())
    on_hand: int = Field(default=0, sa_column=count(default=0))
    reserved: int = Field(default=0, sa_column=count(default=0))
    prelocked: int = Field(default=0, sa_column=count(default=0))
    damaged: int = Field(default=0, sa_column=count(default=0))
    quality_hold: int = Field(default=0, sa_column=count(default=0))
    incoming: int = Field(default=0, sa_column=count(default=0))
    safety_stock: int = Field(default=0, sa_column=count(default=0))
    reorder_point: int = Field(default=0, sa_column=count(default=0))
    backorder_limit: int = Field(default=0, sa_column=count(default=0))
    deficit: int = Field(default=0, sa_column=count(default=0))
    version: int = Field(default=0, sa_column=count(default=0))
    event_seq: int = Field(default=0, sa_column=count(default=0))
    announced_on_hand: int | None = Field(default=None, sa_column=count(nullable=True))
    announced_available: int | None = Field(default=None, sa_column=count(nullable=True))
    announced_availability: str | None = Field(default=None, sa_column=text(nullable=True))
    announced_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    announce_pending: bool = Field(default=False, sa_column=flag())
    alert_low: bool = Field(default=False, sa_column=flag())
    alert_out: bool = Field(default=False, sa_column=flag())
    alert_deficit: bool = Field(default=False, sa_column=flag())


class StockMovement(Row, table=True):
    """Append-only (a trigger refuses UPDATE and DELETE). No foreign key: its check would lock each level anew."""

    __tablename__ = "stock_movement"
    __table_args__ = (
        UniqueConstraint("cause_id", "line", "key", "kind", "cause_kind", name="stock_movement_once"),
        CheckConstraint(f"kind IN ({KINDS})", name="stock_movement_kind"),
        CheckConstraint("quantity > 0 OR (kind = 'adjusted' AND quantity <> 0)", name="stock_movement_quantity"),
        CheckConstraint("kind <> 'adjusted' OR reason IS NOT NULL", name="stock_movement_reason"),
        Index("stock_movement_by_level", "key", "id"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    key: str = Field(sa_column=text())
    kind: str = Field(sa_column=text())
    quantity: int = Field(sa_column=count())
    cause_kind: str = Field(sa_column=text())
    cause_id: str = Field(sa_column=text())
    line: str = Field(sa_column=text())
    reason: str | None = Field(default=None, sa_column=text(nullable=True))
    actor_kind: str = Field(sa_column=text())
    actor_id: str = Field(sa_column=text())
    at: datetime = Field(sa_column=timestamp())


class StockReceipt(Row, table=True):
    """What came in under a reference; `fingerprint` tells the same receipt from another with its reference."""

    __tablename__ = "stock_receipt"
    __table_args__ = (UniqueConstraint("reference", name="stock_receipt_reference"),)

    id: str = Field(sa_column=text(primary_key=True))
    reference: str = Field(sa_column=text())
    warehouse: str = Field(sa_column=text())
    fingerprint: str = Field(sa_column=text())
    lines: list[Any] = Field(sa_column=document())
    received_at: datetime = Field(sa_column=timestamp())


class StockAlert(Row, table=True):
    __tablename__ = "stock_alert"
    __table_args__ = (
        CheckConstraint("kind IN ('low', 'out', 'over', 'stale', 'deficit')", name="stock_alert_kind"),
        CheckConstraint("state IN ('open', 'acknowledged', 'snoozed', 'resolved')", name="stock_alert_state"),
        Index("stock_alert_one_open", "key", "kind", unique=True, postgresql_where=sql("state <> 'resolved'")),
    )

    id: str = Field(sa_column=text(primary_key=True))
    key: str = Field(sa_column=text())
    kind: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    opened_at: datetime = Field(sa_column=timestamp())
    closed_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
