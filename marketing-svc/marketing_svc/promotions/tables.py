"""Rows of promotions. `event_seq` counts the events of the promotion's key."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from marketing_svc.rows import Row, count, document, flag, text, timestamp


class PromotionShop(Row, table=True):
    """The one row per shop that is locked before its promotions change; its timer is the shop's clock."""

    __tablename__ = "promotion_shop"

    shop: str = Field(sa_column=text(primary_key=True))


class Promotion(Row, table=True):
    __tablename__ = "promotion"
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'scheduled', 'active', 'paused', 'ended')", name="promotion_state"),
        CheckConstraint("(rate_bp IS NULL) <> (amount_minor IS NULL)", name="promotion_one_reward"),
        CheckConstraint("rate_bp BETWEEN 1 AND 10000", name="promotion_rate"),
        CheckConstraint("amount_minor > 0", name="promotion_amount"),
        CheckConstraint("from_at < until", name="promotion_window"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="promotion_ended_at"),
        Index("promotion_by_shop", "shop", "state"),
        Index("promotion_by_campaign", "campaign_id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    campaign_id: str | None = Field(default=None, sa_column=text(nullable=True))
    name: dict[str, str] = Field(sa_column=document())
    trigger: str = Field(sa_column=text())
    scope: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    conditions: dict[str, Any] = Field(sa_column=document())
    rate_bp: int | None = Field(default=None, sa_column=count(nullable=True))
    amount_minor: int | None = Field(default=None, sa_column=count(nullable=True))
    currency: str = Field(sa_column=text())
    priority: int = Field(sa_column=count())
    stacking: str = Field(sa_column=text())
    exclusive_group: str | None = Field(default=None, sa_column=text(nullable=True))
    from_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    until: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    total: int | None = Field(default=None, sa_column=count(nullable=True))
    per_customer: int | None = Field(default=None, sa_column=count(nullable=True))
    paused_by_campaign: bool = Field(sa_column=flag())
    exhausted: bool = Field(sa_column=flag())
    ended_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())
    event_seq: int = Field(sa_column=count())


class PromotionPrice(Row, table=True):
    """The catalogue prices last announced: what a re-pricing compares with."""

    __tablename__ = "promotion_price"
    __table_args__ = (Index("promotion_price_by_shop", "shop"),)

    promotion_id: str = Field(sa_column=text(primary_key=True))
    sku: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    amount_minor: int = Field(sa_column=count())
    until: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
