"""Refusals as RFC 9457 problems, in the reader's language; codes never change."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel

from svc_kit import context
from svc_kit.refusals import Fault, MalformedRequest, MethodNotAllowed, NotFound, Refusal, ValidationFailed

MEDIA_TYPE = "application/problem+json"
FAULTS_MAX = 100
WORDS_ZH = {
    "missing": "必填",
    "extra_forbidden": "不允许的字段",
    "string_too_long": "内容过长",
    "string_too_short": "内容过短",
    "string_pattern_mismatch": "格式不正确",
    "greater_than_equal": "数值过小",
    "less_than_equal": "数值过大",
    "too_long": "数量过多",
    "too_short": "数量过少",
}


class ProblemError(BaseModel):
    pointer: str
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457 §3. `errors`: every fault at once; further members are facts of the problem's type."""

    type: str
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = None
    errors: list[ProblemError] = []


def language_of(header: str | None) -> str:
    """zh or en, by the first of the two that Accept-Language names."""
    for part in (header or "").lower().split(","):
        tag = part.strip().split(";")[0]
        if tag.startswith(("zh", "en")):
            return tag[:2]
    return "en"


def problem_of(refusal: Refusal, *, language: str = "en") -> dict[str, Any]:
    """The problem's members, also for the items of a bulk answer."""
    problem: dict[str, Any] = {
        "type": f"/problems/{refusal.slug}",
        "title": refusal.title[language],
        "status": refusal.status,
    }
    if refusal.detail is not None:
        problem["detail"] = refusal.detail
    if identifier := context.request_id.get():
        problem["request_id"] = identifier
    problem |= refusal.facts
    if refusal.faults:
        problem["errors"] = [
            {"pointer": one.pointer, "code": one.code, "message": one.zh if language == "zh" else one.en, **one.facts}
            for one in refusal.faults
        ]
    return problem


def render(refusal: Refusal, *, language: str = "en", headers: Mapping[str, str] | None = None) -> Response:
    own = dict(headers or {})
    if refusal.retry_after_seconds is not None:
        own["Retry-After"] = str(max(1, math.ceil(refusal.retry_after_seconds)))
    body = orjson.dumps(problem_of(refusal, language=language), default=str)
    return Response(body, status_code=refusal.status, media_type=MEDIA_TYPE, headers=own)


def render_for(request: Request, refusal: Refusal, *, headers: Mapping[str, str] | None = None) -> Response:
    return render(refusal, language=language_of(request.headers.get("accept-language")), headers=headers)


def refusal_of_validation(error: RequestValidationError) -> Refusal:
    """Unreadable JSON is 400; everything else 422 with every fault."""
    found: Sequence[Mapping[str, Any]] = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return MalformedRequest(detail="The body is not JSON")
    return ValidationFailed([_fault(one) for one in found[:FAULTS_MAX]])


def _fault(one: Mapping[str, Any]) -> Fault:
    # ("body", "lines", 0, "sku") → /lines/0/sku; a query parameter → /limit
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in one["loc"]]
    if steps and steps[0] in ("body", "query", "path", "header"):
        steps = steps[1:]
    kind = str(one["type"])
    zh = WORDS_ZH.get(kind, "内容不符合要求")
    return Fault("".join(f"/{step}" for step in steps), kind.replace("_", "-"), str(one["msg"]), zh)


def refusal_of_status(status: int) -> Refusal | None:
    """For what the router itself refuses."""
    return {404: NotFound(), 405: MethodNotAllowed()}.get(status)
