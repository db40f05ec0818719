"""The base of this service's tables: metadata of its own, for other services have tables of the same names."""

from typing import Any

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, ForeignKey, LargeBinary, Text
from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Row(SQLModel, registry=registry()):
    """`Row.metadata` holds the tables of the gateway and nothing else."""


def text(*, primary_key: bool = False, nullable: bool = False, references: str | None = None) -> Any:
    keys = [ForeignKey(references, ondelete="CASCADE")] if references else []
    return Column(Text(collation="C"), *keys, primary_key=primary_key, nullable=nullable)


def texts(*, nullable: bool = False) -> Any:
    return Column(ARRAY(Text()), nullable=nullable)


def count() -> Any:
    return Column(BigInteger, nullable=False)


def digest(*, primary_key: bool = False) -> Any:
    return Column(LargeBinary, primary_key=primary_key, nullable=False)


def timestamp(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


__all__ = ["Row", "count", "digest", "text", "texts", "timestamp"]
