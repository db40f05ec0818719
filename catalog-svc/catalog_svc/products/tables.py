"""Rows of products and variants. `event_seq` counts the events of the product's key."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from catalog_svc.rows import Row, count, document, text, texts, timestamp


class Product(Row, table=True):
    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("slug", name="product_slug"),
        CheckConstraint("role IN ('hero', 'traffic', 'profit', 'support')", name="product_role"),
        Index("product_by_category", "category_id", "id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    category_id: str = Field(sa_column=text())
    brand: str | None = Field(default=None, sa_column=text(nullable=True))
    title: dict[str, Any] = Field(sa_column=document())
    slug: str = Field(sa_column=text())
    keywords: list[str] = Field(sa_column=texts())
    attributes: dict[str, Any] = Field(sa_column=document())
    media: list[Any] = Field(sa_column=document())
    details: list[Any] = Field(sa_column=document())
    role: str | None = Field(default=None, sa_column=text(nullable=True))
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())
    event_seq: int = Field(sa_column=count())


class Variant(Row, table=True):
    __tablename__ = "variant"
    __table_args__ = (
        UniqueConstraint("product_id", "option_key", name="variant_options"),
        CheckConstraint("weight_g >= 0", name="variant_weight"),
    )

    sku: str = Field(sa_column=text(primary_key=True))
    product_id: str = Field(sa_column=text())
    position: int = Field(sa_column=count())
    gtin: str | None = Field(default=None, sa_column=text(nullable=True))
    options: dict[str, Any] = Field(sa_column=document())
    option_key: str = Field(sa_column=text())
    weight_g: int | None = Field(default=None, sa_column=count(nullable=True))
    components: list[Any] = Field(sa_column=document())
