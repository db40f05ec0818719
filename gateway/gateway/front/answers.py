"""Answers of our own, as raw ASGI: problems, what is remembered, headers that every answer has."""

from collections.abc import Iterable
from functools import lru_cache

from starlette.types import Send

from svc_kit import context
from svc_kit.problems import language_of, render
from svc_kit.refusals import Refusal

RawHeaders = list[tuple[bytes, bytes]]

# RFC 9110 §7.6.1, and what is ours to say.
NOT_PASSED_ON = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
        b"transfer-encoding", b"upgrade", b"x-request-id", b"server", b"date", b"set-cookie",
    }
)  # fmt: skip
NAMES_MAX = 256
_names: dict[bytes, bytes] = {}
language = lru_cache(maxsize=256)(language_of)


def lowered(name: bytes) -> bytes:
    """The header's name as ASGI wants it; empty for one that is not passed on."""
    found = _names.get(name)
    if found is None:
        found = name.lower()
        if found in NOT_PASSED_ON:
            found = b""
        if len(_names) < NAMES_MAX:
            _names[name] = found
    return found


def passed_on(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    return [(found, value) for name, value in headers if (found := lowered(name))]


async def send_whole(send: Send, status: int, headers: RawHeaders, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_problem(
    send: Send, refusal: Refusal, *, identifier: str, accept_language: bytes | None, more: RawHeaders
) -> None:
    """`more`: headers for whoever reads it in a browser."""
    context.request_id.set(identifier)
    words = language(accept_language.decode("latin-1") if accept_language else None)
    answer = render(refusal, language=words, headers=_own_headers(refusal))
    headers = [*answer.raw_headers, (b"x-request-id", identifier.encode()), *more]
    await send_whole(send, refusal.status, headers, bytes(answer.body))


def _own_headers(refusal: Refusal) -> dict[str, str]:
    return {"WWW-Authenticate": "Bearer"} if refusal.slug == "unauthenticated" else {}
