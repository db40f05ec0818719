"""Routes of pictures."""

from typing import Annotated

from fastapi import Path, Request, Response
from pydantic import BaseModel

from catalog_svc.media import commands, queries
from catalog_svc.media.rules import BYTES_MAX
from svc_kit.access import scope
from svc_kit.doors import Read, Router, Rt, Who
from svc_kit.refusals import NotFound, PayloadTooLarge, refuses

router = Router(tags=["media"])

Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]

# The name is the content: whoever has it has it for good. An svg opened by itself may draw and nothing else.
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}


class MediaView(BaseModel):
    url: str


@router.post(
    "/v1/admin/media",
    status_code=201,
    dependencies=[scope("catalog:write")],
    responses=refuses(PayloadTooLarge),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in ("image/png", "image/jpeg", "image/webp", "image/svg+xml")
            },
        }
    },
)
async def keep_media(request: Request, rt: Rt, who: Who, response: Response) -> MediaView:
    """Read whole before a transaction opens: a slow upload holds no connection. The same bytes give the same url."""
    content = await _content(request)
    async with rt.db.transaction(actor=who.actor) as tx:
        sha256 = await commands.keep(tx, content)
    response.headers["Location"] = url = f"/media/{sha256}"
    return MediaView(url=url)


async def _content(request: Request) -> bytes:
    """Raises PayloadTooLarge."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BYTES_MAX:
            raise PayloadTooLarge(limit_bytes=BYTES_MAX)
    return bytes(content)


@router.get("/media/{sha256}", dependencies=[scope("store")], responses=refuses(NotFound), response_class=Response)
async def get_media(sha256: Digest, con: Read) -> Response:
    found = await queries.media(con, sha256)
    if found is None:
        raise NotFound()
    kind, content = found
    return Response(content, media_type=kind, headers={**HEADERS, "ETag": f'"{sha256}"'})
