"""Rows that the shop front reads: what is live, found by words, and how often it was sold."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from catalog_svc.rows import Row, count, document, text, texts, timestamp, words


class ShownOffer(Row, table=True):
    """One live listing. `price_minor`: where its prices begin, for sorting and filtering."""

    __tablename__ = "shown_offer"
    __table_args__ = (
        Index("shown_offer_by_slug", "shop", "slug", unique=True),
        Index("shown_offer_newest", "shop", "published_at", "listing_id"),
        Index("shown_offer_by_price", "shop", "price_minor", "listing_id"),
        Index("shown_offer_words", "words", postgresql_using="gin"),
        Index("shown_offer_by_category", "category_path", postgresql_using="gin"),
    )

    listing_id: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    product_id: str = Field(sa_column=text())
    slug: str = Field(sa_column=text())
    category_path: list[str] = Field(sa_column=texts())
    brand: str | None = Field(default=None, sa_column=text(nullable=True))
    title: dict[str, Any] = Field(sa_column=document())
    title_run: str = Field(sa_column=text())
    image: str | None = Field(default=None, sa_column=text(nullable=True))
    price_minor: int = Field(sa_column=count())
    published_at: datetime = Field(sa_column=timestamp())
    skus: list[Any] = Field(sa_column=document())
    words: Any = Field(sa_column=words())


class SearchWord(Row, table=True):
    """Latin words of a shop's offers: what a mistyped word may have meant."""

    __tablename__ = "search_word"
    __table_args__ = (
        Index("search_word_similar", "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
    )

    shop: str = Field(sa_column=text(primary_key=True))
    word: str = Field(sa_column=text(primary_key=True))


class SoldOrder(Row, table=True):
    """An order that was counted, or rejected before or after that; `lines`: [product, units]."""

    __tablename__ = "sold_order"
    __table_args__ = (CheckConstraint("state IN ('counted', 'rejected')", name="sold_order_state"),)

    order_id: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    lines: list[Any] = Field(sa_column=document())


class ProductSales(Row, table=True):
    __tablename__ = "product_sales"

    shop: str = Field(sa_column=text(primary_key=True))
    product_id: str = Field(sa_column=text(primary_key=True))
    units: int = Field(sa_column=count())
