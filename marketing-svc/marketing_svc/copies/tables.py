"""Copies of shops and offers. `timeline` and `seq` of the event they came from: the later word wins."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from marketing_svc.rows import Row, count, document, text, texts, timestamp


class ShopCopy(Row, table=True):
    __tablename__ = "shop_copy"

    shop: str = Field(sa_column=text(primary_key=True))
    channel: str = Field(sa_column=text())
    currency: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())


class OfferCopy(Row, table=True):
    __tablename__ = "offer_copy"
    __table_args__ = (Index("offer_copy_by_slug", "shop", "slug"),)

    listing_id: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    product_id: str = Field(sa_column=text())
    slug: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    brand: str | None = Field(default=None, sa_column=text(nullable=True))
    category_path: list[str] = Field(sa_column=texts())
    from_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    until: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    timeline: int = Field(sa_column=count())
    seq: int = Field(sa_column=count())


class OfferSkuCopy(Row, table=True):
    """What a listing sells, with the prices of all its lists."""

    __tablename__ = "offer_sku_copy"
    __table_args__ = (Index("offer_sku_copy_by_sku", "shop", "sku"),)

    listing_id: str = Field(sa_column=text(primary_key=True))
    sku: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    prices: list[Any] = Field(sa_column=document())
