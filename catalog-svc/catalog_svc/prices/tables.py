"""Rows of price lists and prices; the history of a price is only ever added to."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index
from sqlmodel import Field

from catalog_svc.rows import Row, count, document, text, timestamp


class PriceList(Row, table=True):
    __tablename__ = "price_list"
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'active', 'scheduled', 'inactive')", name="price_list_state"),
        CheckConstraint("state <> 'scheduled' OR from_at IS NOT NULL", name="price_list_scheduled"),
        CheckConstraint("from_at IS NULL OR until_at IS NULL OR from_at < until_at", name="price_list_window"),
        Index("price_list_by_shop", "shop", "position", "id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    name: str = Field(sa_column=text())
    position: int = Field(sa_column=count())
    state: str = Field(sa_column=text())
    rules: dict[str, Any] = Field(sa_column=document())
    from_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    until_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())


class Price(Row, table=True):
    __tablename__ = "price"
    __table_args__ = (
        CheckConstraint("amount_minor >= 0", name="price_amount"),
        Index("price_by_sku", "sku", "list_id"),
    )

    list_id: str = Field(sa_column=text(primary_key=True))
    sku: str = Field(sa_column=text(primary_key=True))
    amount_minor: int = Field(sa_column=count())


class PriceHistory(Row, table=True):
    __tablename__ = "price_history"
    __table_args__ = (Index("price_history_by_price", "sku", "list_id", "id"),)

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    list_id: str = Field(sa_column=text())
    sku: str = Field(sa_column=text())
    amount_minor: int = Field(sa_column=count())
    actor_kind: str = Field(sa_column=text())
    actor_id: str = Field(sa_column=text())
    at: datetime = Field(sa_column=timestamp())
