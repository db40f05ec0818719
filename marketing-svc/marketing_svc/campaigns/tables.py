"""Rows of campaigns. Their money is counted in `usage_counter` (room `benefits`)."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from marketing_svc.rows import Row, count, document, text, timestamp


class Campaign(Row, table=True):
    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft', 'approved', 'warming_up', 'live', 'paused', 'ended', 'reviewed', 'cancelled')",
            name="campaign_state",
        ),
        CheckConstraint("planned_minor >= 0", name="campaign_planned"),
        Index("campaign_by_shop", "shop", "state"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    name: dict[str, str] = Field(sa_column=document())
    goals: list[Any] = Field(sa_column=document())
    state: str = Field(sa_column=text())
    owner_id: str = Field(sa_column=text())
    planned_minor: int = Field(sa_column=count())
    currency: str = Field(sa_column=text())
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())
    event_seq: int = Field(sa_column=count())
