"""Rows of shops. `event_seq` counts the events of the shop's key."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from catalog_svc.rows import Row, count, document, text, texts, timestamp


class Shop(Row, table=True):
    __tablename__ = "shop"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft', 'onboarding', 'ready_for_review', 'open', 'suspended', 'closed')", name="shop_state"
        ),
        CheckConstraint("unpaid_expiry_seconds > 0", name="shop_unpaid_expiry"),
    )

    slug: str = Field(sa_column=text(primary_key=True))
    name: dict[str, Any] = Field(sa_column=document())
    channel: str = Field(sa_column=text())
    currency: str = Field(sa_column=text())
    time_zone: str = Field(sa_column=text())
    locales: list[str] = Field(sa_column=texts())
    delivery_methods: list[Any] = Field(sa_column=document())
    payment_methods: list[str] = Field(sa_column=texts())
    unpaid_expiry_seconds: int = Field(sa_column=count())
    state: str = Field(sa_column=text())
    price_list_id: str = Field(sa_column=text())
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())
    event_seq: int = Field(sa_column=count())
