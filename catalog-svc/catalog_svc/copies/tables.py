"""Copies of levels, warehouses and promotion prices. `timeline` and `seq`: the later word wins."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from catalog_svc.rows import Row, count, flag, text, texts, timestamp


class WarehouseCopy(Row, table=True):
    __tablename__ = "warehouse_copy"

    code: str = Field(sa_column=text(primary_key=True))
    channels: list[str] = Field(sa_column=texts())
    state: str = Field(sa_column=text())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())


class LevelCopy(Row, table=True):
    __tablename__ = "level_copy"

    sku: str = Field(sa_column=text(primary_key=True))
    warehouse: str = Field(sa_column=text(primary_key=True))
    available: int = Field(sa_column=count())
    availability: str = Field(sa_column=text())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())


class PromotionPrice(Row, table=True):
    """`amount_minor` null: the price is over; the row stays, so that an older word cannot bring it back."""

    __tablename__ = "promotion_price"
    __table_args__ = (Index("promotion_price_by_sku", "shop", "sku"),)

    promotion_id: str = Field(sa_column=text(primary_key=True))
    sku: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    amount_minor: int | None = Field(default=None, sa_column=count(nullable=True))
    from_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    until_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())


class PromotionState(Row, table=True):
    """Whether a promotion gives anything at present."""

    __tablename__ = "promotion_state"

    promotion_id: str = Field(sa_column=text(primary_key=True))
    active: bool = Field(sa_column=flag())
    exhausted: bool = Field(sa_column=flag())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())
