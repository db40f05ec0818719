"""Rows of quotes; never changed but for the order that came of one. Deleted some time after they expired."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from order_svc.rows import Row, count, document, text, timestamp


class QuoteRow(Row, table=True):
    __tablename__ = "quote"
    __table_args__ = (
        CheckConstraint("total_minor = gross_minor - discount_minor + delivery_fee_minor", name="quote_total"),
        CheckConstraint(
            "gross_minor >= 0 AND discount_minor >= 0 AND discount_minor <= gross_minor AND delivery_fee_minor >= 0",
            name="quote_amounts",
        ),
        CheckConstraint("benefits_state IN ('applied', 'none', 'unavailable')", name="quote_benefits_state"),
        CheckConstraint("person_id IS NOT NULL OR visitor_key IS NOT NULL", name="quote_owner"),
        Index("quote_by_expiry", "expires_at"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    channel: str = Field(sa_column=text())
    currency: str = Field(sa_column=text())
    cart_id: str | None = Field(default=None, sa_column=text(nullable=True))
    person_id: str | None = Field(default=None, sa_column=text(nullable=True))
    visitor_key: str | None = Field(default=None, sa_column=text(nullable=True))
    region: dict[str, Any] = Field(sa_column=document())
    delivery_method: str = Field(sa_column=text())
    lines: list[Any] = Field(sa_column=document())
    gross_minor: int = Field(sa_column=count())
    discount_minor: int = Field(sa_column=count())
    delivery_fee_minor: int = Field(sa_column=count())
    total_minor: int = Field(sa_column=count())
    benefits: list[Any] = Field(sa_column=document())
    benefits_state: str = Field(sa_column=text())
    created_at: datetime = Field(sa_column=timestamp())
    expires_at: datetime = Field(sa_column=timestamp())
    order_id: str | None = Field(default=None, sa_column=text(nullable=True))
