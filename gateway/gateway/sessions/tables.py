"""Rows of sessions: a family of refresh tokens, of which one is unused at a time."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlmodel import Field

from gateway.rows import Row, digest, text, timestamp


class SessionRow(Row, table=True):
    __tablename__ = "session"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="session_ended_why"),
        Index("session_by_account", "account_id", postgresql_where=sql("ended_at IS NULL")),
        Index("session_by_end", "ended_at", postgresql_where=sql("ended_at IS NOT NULL")),
        Index("session_by_expiry", "expires_at"),
    )

    id: str = Field(sa_column=text(primary_key=True))
    account_id: str = Field(sa_column=text(references="account.id"))
    created_at: datetime = Field(sa_column=timestamp())
    expires_at: datetime = Field(sa_column=timestamp())
    ended_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
    ended_why: str | None = Field(default=None, sa_column=text(nullable=True))


class RefreshTokenRow(Row, table=True):
    """`digest`: SHA-256 of the token; the token itself is nowhere."""

    __tablename__ = "refresh_token"
    __table_args__ = (Index("refresh_token_by_session", "session_id"),)

    digest: bytes = Field(sa_column=digest(primary_key=True))
    session_id: str = Field(sa_column=text(references="session.id"))
    issued_at: datetime = Field(sa_column=timestamp())
    used_at: datetime | None = Field(default=None, sa_column=timestamp(nullable=True))
