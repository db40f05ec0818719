"""Sealed addresses."""

from datetime import datetime

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field

from order_svc.rows import Row, text, timestamp


class Address(Row, table=True):
    """`sealed`: AES-256-GCM over JSON, bound to the id; nonce first."""

    __tablename__ = "address"

    id: str = Field(sa_column=text(primary_key=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=timestamp())
