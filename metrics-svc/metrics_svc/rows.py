"""The base of this service's tables: metadata of its own, for other services have tables of the same names."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Row(SQLModel, registry=registry()):
    """`Row.metadata` holds the tables of metrics-svc and nothing else."""


def text(*, primary_key: bool = False, nullable: bool = False) -> Any:
    return Column(Text(collation="C"), primary_key=primary_key, nullable=nullable)


def count(*, primary_key: bool = False, nullable: bool = False) -> Any:
    return Column(BigInteger, primary_key=primary_key, nullable=nullable, autoincrement=False)


def word(*, nullable: bool = False) -> Any:
    """The number of a text in `fact_word`."""
    return Column(Integer, nullable=nullable)


def timestamp(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


def event(*, primary_key: bool = False, nullable: bool = False) -> Any:
    """The id of the event that a fact came with."""
    return Column(UUID(as_uuid=True), primary_key=primary_key, nullable=nullable)


def document(*, nullable: bool = False) -> Any:
    return Column(JSONB, nullable=nullable)


__all__ = ["Row", "count", "document", "event", "text", "timestamp", "word"]
