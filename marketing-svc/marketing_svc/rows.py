"""The base of this service's tables: metadata of its own, for other services have tables of the same names."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Row(SQLModel, registry=registry()):
    """`Row.metadata` holds the tables of marketing-svc and nothing else."""


def text(*, primary_key: bool = False, nullable: bool = False) -> Any:
    return Column(Text(collation="C"), primary_key=primary_key, nullable=nullable)


def texts() -> Any:
    return Column(ARRAY(Text(collation="C")), nullable=False)


def count(*, nullable: bool = False) -> Any:
    return Column(BigInteger, nullable=nullable)


def flag() -> Any:
    return Column(Boolean, nullable=False)


def timestamp(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


def document(*, nullable: bool = False) -> Any:
    return Column(JSONB, nullable=nullable)


__all__ = ["Row", "count", "document", "flag", "text", "texts", "timestamp"]
