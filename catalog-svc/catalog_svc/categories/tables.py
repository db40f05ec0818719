"""Rows of categories. `event_seq` counts the events of the category's key."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from catalog_svc.rows import Row, count, document, text, texts, timestamp


class Category(Row, table=True):
    __tablename__ = "category"
    __table_args__ = (Index("category_by_parent", "parent_id", "id"),)

    id: str = Field(sa_column=text(primary_key=True))
    parent_id: str | None = Field(default=None, sa_column=text(nullable=True))
    path: list[str] = Field(sa_column=texts())
    name: dict[str, Any] = Field(sa_column=document())
    attributes: list[Any] = Field(sa_column=document())
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())
    event_seq: int = Field(sa_column=count())
