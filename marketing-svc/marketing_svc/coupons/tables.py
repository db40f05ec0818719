"""Rows of coupon batches. Their caps are counted in `usage_counter` (room `benefits`)."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


class CouponBatch(SQLModel, table=True):
    __tablename__ = "coupon_batch"
    __table_args__ = (
        UniqueConstraint("shop", "code", name="coupon_batch_code"),
        CheckConstraint("total > 0", name="coupon_batch_total"),
        CheckConstraint("per_customer > 0", name="coupon_batch_per_customer"),
        CheckConstraint("state IN ('active','revoked')", name="coupon_batch_state"),
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    promotion_id: str = Field(sa_column=Column(Text, nullable=False, index=True))
    shop: str = Field(sa_column=Column(Text, nullable=False))
    code: str = Field(sa_column=Column(Text, nullable=False))
    total: int = Field(sa_column=Column(BigInteger, nullable=False))
    per_customer: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    valid_from: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    valid_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    version: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))
