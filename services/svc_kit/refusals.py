"""Refusals: what the caller can act on. Rendered as RFC 9457 by `problems`; every fault is said at once.

Refusal
├── MalformedRequest, IdempotencyKeyMissing (400) · Unauthenticated (401) · Forbidden (403)
├── NotFound (404) · MethodNotAllowed (405)
├── StaleVersion, IllegalTransition, RequestInProgress (409)
├── PayloadTooLarge (413) · ValidationFailed, IdempotencyKeyReused (422)
├── RateLimited (429) · Overloaded, UpstreamUnavailable (503) · DeadlineExceeded (504) · StorageFull (507)
└── the rooms' own
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class Fault:
    """One thing that is wrong. `pointer`: where in the request (RFC 6901); `facts`: what a program needs to react."""

    __slots__ = ("code", "en", "facts", "pointer", "zh")

    def __init__(self, pointer: str, code: str, en: str, zh: str, **facts: Any) -> None:
        self.pointer = pointer
        self.code = code
        self.en = en
        self.zh = zh
        self.facts = facts


class Refusal(Exception):
    """Subclasses say `slug`, `status` and `title`; `facts` become members of the problem."""

    slug: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[Mapping[str, str]]

    def __init__(
        self,
        faults: Sequence[Fault] = (),
        *,
        detail: str | None = None,
        retry_after_seconds: float | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(self.slug)
        self.faults = tuple(faults)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        self.facts = facts


class MalformedRequest(Refusal):
    slug, status = "malformed-request", 400
    title = {"en": "The request cannot be read", "zh": "无法读取请求"}


class IdempotencyKeyMissing(Refusal):
    slug, status = "idempotency-key-missing", 400
    title = {"en": "An Idempotency-Key header is required here", "zh": "此请求需要 Idempotency-Key"}


class Unauthenticated(Refusal):
    slug, status = "unauthenticated", 401
    title = {"en": "Sign in first", "zh": "请先登录"}


class Forbidden(Refusal):
    slug, status = "forbidden", 403
    title = {"en": "You may not do this", "zh": "没有权限"}


class NotFound(Refusal):
    slug, status = "not-found", 404
    title = {"en": "There is nothing here", "zh": "未找到"}


class MethodNotAllowed(Refusal):
    slug, status = "method-not-allowed", 405
    title = {"en": "This address does not know the method", "zh": "不支持该请求方法"}


class StaleVersion(Refusal):
    slug, status = "stale-version", 409
    title = {"en": "Somebody changed this meanwhile", "zh": "数据已被他人修改"}


class IllegalTransition(Refusal):
    """Give `state` and `possible` as facts."""

    slug, status = "illegal-transition", 409
    title = {"en": "Not possible in this state", "zh": "当前状态不允许此操作"}


class RequestInProgress(Refusal):
    slug, status = "request-in-progress", 409
    title = {"en": "The first request with this key is still being worked on", "zh": "同一请求正在处理中"}


class PayloadTooLarge(Refusal):
    slug, status = "payload-too-large", 413
    title = {"en": "The body is too large", "zh": "请求内容过大"}


class ValidationFailed(Refusal):
    slug, status = "validation-failed", 422
    title = {"en": "Some values are not acceptable", "zh": "部分内容不符合要求"}


class IdempotencyKeyReused(Refusal):
    slug, status = "idempotency-key-reused", 422
    title = {"en": "This Idempotency-Key belongs to another request", "zh": "该 Idempotency-Key 已用于其他请求"}


class RateLimited(Refusal):
    slug, status = "rate-limited", 429
    title = {"en": "Too many requests", "zh": "请求过于频繁"}


class Overloaded(Refusal):
    slug, status = "overloaded", 503
    title = {"en": "Too busy right now; try again", "zh": "系统繁忙，请稍后再试"}


class UpstreamUnavailable(Refusal):
    slug, status = "upstream-unavailable", 503
    title = {"en": "A part that this needs is away; try again", "zh": "依赖的服务暂不可用，请稍后再试"}


class DeadlineExceeded(Refusal):
    slug, status = "deadline-exceeded", 504
    title = {"en": "It took too long", "zh": "处理超时"}


class StorageFull(Refusal):
    slug, status = "storage-full", 507
    title = {"en": "There is no room left to store this", "zh": "存储空间不足"}


EVERYWHERE: tuple[type[Refusal], ...] = (Unauthenticated, Forbidden, ValidationFailed, Overloaded)


def refuses(*refusals: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses=`: the named refusals beside those that every route can give."""
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in (*refusals, *(one for one in EVERYWHERE if one not in refusals)):
        by_status.setdefault(refusal.status, []).append(refusal)
    return {status: _response(found) for status, found in sorted(by_status.items())}


def _response(refusals: Sequence[type[Refusal]]) -> dict[str, Any]:
    examples = {
        one.slug: {
            "summary": one.title["zh"],
            "value": {"type": f"/problems/{one.slug}", "title": one.title["en"], "status": one.status},
        }
        for one in refusals
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": " · ".join(one.slug for one in refusals),
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    }


def all_refusals() -> dict[str, type[Refusal]]:
    """Every refusal that is imported, by slug."""
    found: dict[str, type[Refusal]] = {}
    stack = list(Refusal.__subclasses__())
    while stack:
        refusal = stack.pop()
        stack += refusal.__subclasses__()
        if "slug" in vars(refusal):
            found[refusal.slug] = refusal
    return dict(sorted(found.items()))
