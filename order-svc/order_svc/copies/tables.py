"""Copies. `timeline` and `seq` of the event a row came from: a later one wins, whatever the order of arrival."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from order_svc.rows import Row, count, document, flag, text, timestamp


class ShopCopy(Row, table=True):
    """`document`: shop.changed as it came."""

    __tablename__ = "shop_copy"

    shop: str = Field(sa_column=text(primary_key=True))
    document: dict[str, Any] = Field(sa_column=document())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())


class OfferCopy(Row, table=True):
    """A listing without its skus."""

    __tablename__ = "offer_copy"

    listing_id: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    document: dict[str, Any] = Field(sa_column=document())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())


class OfferSkuCopy(Row, table=True):
    """One sku of a listing: components and prices."""

    __tablename__ = "offer_sku_copy"
    __table_args__ = (Index("offer_sku_copy_by_sku", "shop", "sku"),)

    listing_id: str = Field(sa_column=text(primary_key=True))
    sku: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    document: dict[str, Any] = Field(sa_column=document())


class WarehouseCopy(Row, table=True):
    __tablename__ = "warehouse_copy"

    code: str = Field(sa_column=text(primary_key=True))
    document: dict[str, Any] = Field(sa_column=document())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())


class LevelCopy(Row, table=True):
    """Approximate: for warnings before the order; never decides."""

    __tablename__ = "level_copy"
    __table_args__ = (Index("level_copy_by_sku", "sku"),)

    key: str = Field(sa_column=text(primary_key=True))
    sku: str = Field(sa_column=text())
    warehouse: str = Field(sa_column=text())
    available: int = Field(sa_column=count())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())


class PromotionCopy(Row, table=True):
    """What tells whether a quote has to ask marketing-svc. `seq` is of promotion.changed, the others of its end."""

    __tablename__ = "promotion_copy"
    __table_args__ = (Index("promotion_copy_by_shop", "shop"),)

    promotion_id: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text(nullable=True))
    trigger: str = Field(sa_column=text(nullable=True))
    state: str = Field(sa_column=text(nullable=True))
    starts_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    ends_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    exhausted: bool = Field(default=False, sa_column=flag())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())
    exhausted_timeline: int = Field(sa_column=count())
    exhausted_seq: int = Field(sa_column=count())


class CopyMark(Row, table=True):
    """Goes up with every batch that changed the copies named so: what a process remembers of them is then void."""

    __tablename__ = "copy_mark"

    name: str = Field(sa_column=text(primary_key=True))
    n: int = Field(sa_column=count())
