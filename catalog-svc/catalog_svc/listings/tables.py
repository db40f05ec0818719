"""Rows of listings and of what happened to them. `event_seq` counts the events of the listing's key."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index
from sqlalchemy import text as sql
from sqlmodel import Field

from catalog_svc.listings.rules import State
from catalog_svc.rows import Row, count, document, text, timestamp

STATES = ", ".join(f"'{state}'" for state in State)


class Listing(Row, table=True):
    """`gate` is the result of the last submission or publication, kept with the approval."""

    __tablename__ = "listing"
    __table_args__ = (
        CheckConstraint(f"state IN ({STATES})", name="listing_state"),
        CheckConstraint("approved_by <> submitted_by", name="listing_second_person"),
        CheckConstraint("state <> 'live' OR published_at IS NOT NULL", name="listing_published_at"),
        CheckConstraint("publish_at < unpublish_at", name="listing_window"),
        Index("listing_one_per_shop", "product_id", "shop", unique=True, postgresql_where=sql("state <> 'archived'")),
        Index("listing_by_shop", "shop", "state", "id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    product_id: str = Field(sa_column=text())
    shop: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    publish_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    unpublish_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    submitted_by: str | None = Field(default=None, sa_column=text(nullable=True))
    approved_by: str | None = Field(default=None, sa_column=text(nullable=True))
    published_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    gate: list[Any] = Field(sa_column=document())
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())
    event_seq: int = Field(sa_column=count())


class ListingLog(Row, table=True):
    """Who did what, when and why; only ever added to."""

    __tablename__ = "listing_log"
    __table_args__ = (Index("listing_log_by_listing", "listing_id", "id"),)

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    listing_id: str = Field(sa_column=text())
    action: str = Field(sa_column=text())
    from_state: str = Field(sa_column=text())
    to_state: str = Field(sa_column=text())
    reason: str | None = Field(default=None, sa_column=text(nullable=True))
    actor_kind: str = Field(sa_column=text())
    actor_id: str = Field(sa_column=text())
    at: datetime = Field(sa_column=timestamp())
