"""Rows of copies: guarded by `ce_seq`, so an older event never overwrites a newer one."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class ShopCopy(SQLModel, table=True):
    __tablename__ = "shop_copy"

    shop: str = Field(sa_column=Column(Text, primary_key=True))
    channel: str = Field(sa_column=Column(Text, nullable=False))
    currency: str = Field(sa_column=Column(Text, nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))


class OfferCopy(SQLModel, table=True):
    __tablename__ = "offer_copy"
    __table_args__ = (Index("offer_copy_by_slug", "shop", "slug"),)

    listing_id: str = Field(sa_column=Column(Text, primary_key=True))
    shop: str = Field(sa_column=Column(Text, nullable=False))
    product_id: str = Field(sa_column=Column(Text, nullable=False))
    slug: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    brand: str | None = Field(default=None, sa_column=Column(Text))
    category_path: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    skus: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
