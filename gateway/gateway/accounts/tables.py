"""Rows of accounts. Sign-in data lies here and nowhere else in the suite."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from gateway.rows import Row, count, text, texts, timestamp


class AccountRow(Row, table=True):
    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'staff')", name="account_kind"),
        CheckConstraint("state IN ('active', 'disabled')", name="account_state"),
        CheckConstraint("kind = 'staff' OR roles = '{}'", name="account_members_have_no_roles"),
        Index("account_by_kind", "kind", "id"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    kind: str = Field(sa_column=text())
    name: str | None = Field(default=None, sa_column=text(nullable=True))
    password_hash: str = Field(sa_column=text())
    roles: list[str] = Field(sa_column=texts())
    shops: list[str] | None = Field(default=None, sa_column=texts(nullable=True))
    state: str = Field(sa_column=text())
    visitor: str | None = Field(default=None, sa_column=text(nullable=True))
    created_at: datetime = Field(sa_column=timestamp())
    version: int = Field(sa_column=count())


class LoginRow(Row, table=True):
    """One spelling belongs to one account, of whatever kind."""

    __tablename__ = "login"
    __table_args__ = (
        CheckConstraint("kind IN ('email', 'phone', 'name')", name="login_kind"),
        Index("login_by_account", "account_id"),
    )

    login: str = Field(sa_column=text(primary_key=True))
    account_id: str = Field(sa_column=text(references="account.id"))
    kind: str = Field(sa_column=text())
