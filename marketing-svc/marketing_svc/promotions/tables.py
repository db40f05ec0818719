"""Rows of promotions. `event_seq` counts the events of the promotion's key."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


def timestamp(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class Promotion(SQLModel, table=True):
    __tablename__ = "promotion"
    __table_args__ = (
        CheckConstraint("state IN ('draft','scheduled','active','paused','ended')", name="promotion_state"),
        CheckConstraint("(rate_bp IS NULL) <> (amount_minor IS NULL)", name="promotion_one_reward"),
        CheckConstraint("rate_bp BETWEEN 1 AND 10000", name="promotion_rate"),
        CheckConstraint("amount_minor > 0", name="promotion_amount"),
        CheckConstraint("from_at IS NULL OR until IS NULL OR from_at < until", name="promotion_window"),
        Index("promotion_by_shop", "shop", "state"),
        Index("promotion_by_campaign", "campaign_id"),
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    shop: str = Field(sa_column=Column(Text, nullable=False))
    campaign_id: str | None = Field(default=None, sa_column=Column(Text))
    name: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    trigger: str = Field(sa_column=Column(Text, nullable=False))
    scope: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    conditions: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    rate_bp: int | None = Field(default=None, sa_column=Column(BigInteger))
    amount_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    currency: str = Field(sa_column=Column(Text, nullable=False))
    priority: int = Field(sa_column=Column(BigInteger, nullable=False))
    stacking: str = Field(sa_column=Column(Text, nullable=False))
    exclusive_group: str | None = Field(default=None, sa_column=Column(Text))
    from_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    until: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    per_customer: int | None = Field(default=None, sa_column=Column(BigInteger))
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))
    event_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class PromotionPrice(SQLModel, table=True):
    """The catalogue prices last announced for a promotion: what a re-pricing compares with."""

    __tablename__ = "promotion_price"

    promotion_id: str = Field(sa_column=Column(Text, primary_key=True))
    sku: str = Field(sa_column=Column(Text, primary_key=True))
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
