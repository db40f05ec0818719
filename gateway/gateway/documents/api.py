"""Routes for people: the document, a page that shows it, a page per problem."""

from html import escape
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from gateway.documents.words import ADVICE
from svc_kit.doors import Router, Rt
from svc_kit.refusals import NotFound

router = Router(tags=["documents"])

PAGE = Path(__file__).with_name("page.html").read_bytes()
# Our own page alone; it loads the document of this origin and nothing else.
PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}
PROBLEM_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{slug}</title>
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:12vh auto;padding:0 1rem;color:#1b2330}}
code{{background:#eef1f5;padding:.1em .4em;border-radius:4px}}h1{{font-size:1.5rem}}p.zh{{color:#556}}</style>
<p><code>{status}</code> <code>{slug}</code></p><h1>{title}</h1><p class="zh" lang="zh">{zh}</p><p>{advice}</p>
</html>"""


class ProblemType(BaseModel):
    """One type of RFC 9457 problem."""

    type: str
    slug: str
    status: int
    title: str
    title_zh: str
    advice: str


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request, rt: Rt) -> Response:
    if not rt.settings.shows_docs:
        raise NotFound()
    published = await rt.state.documents.published()
    headers = {"ETag": published.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == published.etag:
        return Response(status_code=304, headers=headers)
    return Response(published.content, media_type="application/json", headers=headers)


@router.get("/docs", include_in_schema=False)
async def docs(rt: Rt) -> Response:
    if not rt.settings.shows_docs:
        raise NotFound()
    return Response(PAGE, media_type="text/html; charset=utf-8", headers=PAGE_HEADERS)


@router.get(
    "/problems/{slug}",
    responses={
        200: {"model": ProblemType, "content": {"text/html": {"schema": {"type": "string"}}}},
        404: {"description": "no such type"},
    },
    response_class=Response,
)
async def problem(slug: str, request: Request, rt: Rt) -> Response:
    """What a problem's `type` means; a page for browsers, JSON for programs."""
    found = (await rt.state.documents.problems()).get(slug)
    if found is None:
        raise NotFound()
    status, title, zh = found
    one = ProblemType(
        type=f"/problems/{slug}", slug=slug, status=status, title=title, title_zh=zh, advice=advice_for(slug, status)
    )
    headers = {"Vary": "Accept", "Cache-Control": "public, max-age=3600"}
    if prefers_html(request.headers.get("accept", "")):
        return HTMLResponse(page_of(one), headers=headers)
    return Response(one.model_dump_json(), media_type="application/json", headers=headers)


def prefers_html(accept: str) -> bool:
    """Browsers name text/html first; programs say json or nothing."""
    kinds = [part.strip().partition(";")[0] for part in accept.lower().split(",")]
    page = next((n for n, kind in enumerate(kinds) if kind == "text/html"), None)
    json = next((n for n, kind in enumerate(kinds) if kind.endswith("json")), None)
    return page is not None and (json is None or page < json)


def page_of(one: ProblemType) -> str:
    values: dict[str, Any] = {**one.model_dump(), "zh": one.title_zh}
    return PROBLEM_PAGE.format(**{name: escape(str(value)) for name, value in values.items()})


def advice_for(slug: str, status: int) -> str:
    return ADVICE.get(slug) or ADVICE[str(status)]
