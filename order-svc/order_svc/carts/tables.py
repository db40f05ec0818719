"""Rows of carts. A cart is a member's (`person_id`) or a guest's (`visitor_key` alone)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlmodel import Field

from order_svc.rows import Row, count, text, timestamp

STATES = "'active', 'converting', 'converted', 'abandoned', 'recovered', 'expired'"


class CartRow(Row, table=True):
    """`merged_into`: the member's cart that took over what was in this one."""

    __tablename__ = "cart"
    __table_args__ = (
        CheckConstraint(f"state IN ({STATES})", name="cart_state"),
        CheckConstraint("person_id IS NOT NULL OR visitor_key IS NOT NULL", name="cart_owner"),
        Index(
            "cart_active_by_person",
            "shop",
            "person_id",
            "changed_at",
            postgresql_where=sql("state = 'active' AND person_id IS NOT NULL"),
        ),
    )

    id: str = Field(sa_column=text(primary_key=True))
    shop: str = Field(sa_column=text())
    person_id: str | None = Field(default=None, sa_column=text(nullable=True))
    visitor_key: str | None = Field(default=None, sa_column=text(nullable=True))
    coupon_code: str | None = Field(default=None, sa_column=text(nullable=True))
    state: str = Field(sa_column=text())
    merged_into: str | None = Field(default=None, sa_column=text(nullable=True))
    created_at: datetime = Field(sa_column=timestamp())
    changed_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())


class CartLine(Row, table=True):
    """`unit_minor`: the price that was shown when the line was last set."""

    __tablename__ = "cart_line"
    __table_args__ = (CheckConstraint("quantity > 0", name="cart_line_quantity"),)

    cart_id: str = Field(sa_column=text(primary_key=True))
    sku: str = Field(sa_column=text(primary_key=True))
    n: int = Field(sa_column=count())
    quantity: int = Field(sa_column=count())
    unit_minor: int | None = Field(default=None, sa_column=count(nullable=True))
