"""The base of this service's tables: metadata of its own, for other services have tables of the same names."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Row(SQLModel, registry=registry()):
    """`Row.metadata` holds the tables of order-svc and nothing else."""


def text(*, primary_key: bool = False, nullable: bool = False) -> Any:
    return Column(Text(collation="C"), primary_key=primary_key, nullable=nullable)


def count(*, primary_key: bool = False, nullable: bool = False, default: int | None = None) -> Any:
    given = None if default is None else str(default)
    return Column(BigInteger, primary_key=primary_key, nullable=nullable, server_default=given)


def flag() -> Any:
    return Column(Boolean, nullable=False, server_default="false")


def timestamp(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


def document(*, nullable: bool = False) -> Any:
    return Column(JSONB, nullable=nullable)


__all__ = ["Row", "count", "document", "flag", "text", "timestamp"]
