"""Cursor paging: `limit`, `cursor`; a cursor is the last item's key, opaque to the client."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel

from svc_kit.refusals import Fault, ValidationFailed

T = TypeVar("T")
LIMIT = 50
LIMIT_MAX = 200


class Page(BaseModel, Generic[T]):
    items: list[T]
    next_cursor: str | None = None


class PageAsked:
    """Fetch `limit + 1` items after `after(type)`; `of` cuts the one too many and makes the cursor."""

    def __init__(self, limit: int, cursor: str | None) -> None:
        self.limit = limit
        self.cursor = cursor

    def after(self, kind: type[T]) -> T | None:
        """What the cursor holds. Raises ValidationFailed for one that is not ours."""
        if self.cursor is None:
            return None
        try:
            value = orjson.loads(base64.urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4)))
        except (binascii.Error, ValueError):
            value = None
        if not isinstance(value, kind) or isinstance(value, bool):
            fault = Fault("/cursor", "bad-cursor", "Use a cursor from next_cursor", "请使用 next_cursor 返回的游标")
            raise ValidationFailed([fault])
        return value

    def of(self, found: Sequence[T], *, key: Callable[[T], Any]) -> Page[T]:
        items = list(found[: self.limit])
        more = len(found) > self.limit
        return Page(items=items, next_cursor=encode(key(items[-1])) if more and items else None)


def encode(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


async def _asked(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT,
    cursor: Annotated[str | None, Query(max_length=1_024)] = None,
) -> PageAsked:
    return PageAsked(limit, cursor)


PageQuery = Annotated[PageAsked, Depends(_asked)]
