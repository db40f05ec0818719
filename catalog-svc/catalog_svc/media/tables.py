"""Rows of pictures, named by what they contain."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from catalog_svc.rows import Row, octets, text, timestamp


class Media(Row, table=True):
    __tablename__ = "media"
    __table_args__ = (
        CheckConstraint("length(sha256) = 64", name="media_sha256"),
        CheckConstraint("octet_length(content) BETWEEN 1 AND 5242880", name="media_size"),
    )

    sha256: str = Field(sa_column=text(primary_key=True))
    kind: str = Field(sa_column=text())
    content: bytes = Field(sa_column=octets())
    created_at: datetime = Field(sa_column=timestamp())
