"""JSON documents on their way into a column and out of it (as text: the connection has no codec for jsonb)."""

from typing import Any

import orjson


def dump(value: Any) -> str:
    return orjson.dumps(value).decode()


def load(text: str) -> Any:
    return orjson.loads(text)
