"""Which pages of other origins may call (Fetch standard, CORS protocol). Tokens travel in headers, never in cookies."""

from collections.abc import Collection

from gateway.front.answers import RawHeaders

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
HEADERS = (
    b"Accept-Language, Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, X-Order-Token, "
    b"X-Request-Id, X-Visitor-Id"
)
SHOWN = b"ETag, Idempotent-Replayed, Location, Retry-After, X-Request-Id"
MAX_AGE_SECONDS = b"600"


class Cors:
    def __init__(self, origins: Collection[str]) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, origin: bytes | None) -> RawHeaders:
        """What an answer says to a page of that origin; nothing where it may not read it."""
        if origin is None or not (self._any or origin in self._origins):
            return []
        allowed = b"*" if self._any else origin
        return [
            (b"access-control-allow-origin", allowed),
            (b"access-control-expose-headers", SHOWN),
            (b"vary", b"Origin"),
        ]

    def preflight(self, origin: bytes | None) -> RawHeaders:
        found = self.headers(origin)
        if not found:
            return []
        return [
            *found,
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", HEADERS),
            (b"access-control-max-age", MAX_AGE_SECONDS),
        ]
