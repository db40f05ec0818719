"""Rows of campaigns."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Campaign(SQLModel, table=True):
    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft','approved','warming_up','live','paused','ended','reviewed','cancelled')",
            name="campaign_state",
        ),
        Index("campaign_by_shop", "shop", "state"),
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    shop: str = Field(sa_column=Column(Text, nullable=False))
    name: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    goals: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    owner_id: str = Field(sa_column=Column(Text, nullable=False))
    planned_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    version: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))
    event_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
