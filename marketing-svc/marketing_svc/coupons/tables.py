"""Rows of coupon batches. Their caps are counted in `usage_counter` (room `benefits`)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from marketing_svc.rows import Row, count, text, timestamp


class CouponBatch(Row, table=True):
    __tablename__ = "coupon_batch"
    __table_args__ = (
        UniqueConstraint("shop", "code", name="coupon_batch_code"),
        CheckConstraint("total > 0", name="coupon_batch_total"),
        CheckConstraint("per_customer > 0", name="coupon_batch_per_customer"),
        CheckConstraint("state IN ('active', 'revoked')", name="coupon_batch_state"),
        CheckConstraint("from_at < until", name="coupon_batch_validity"),
        Index("coupon_batch_by_promotion", "promotion_id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    promotion_id: str = Field(sa_column=text())
    shop: str = Field(sa_column=text())
    code: str = Field(sa_column=text())
    total: int = Field(sa_column=count())
    per_customer: int = Field(sa_column=count())
    state: str = Field(sa_column=text())
    from_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    until: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())
