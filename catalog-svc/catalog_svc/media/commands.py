"""Keeping a picture."""

import hashlib

from svc_kit.refusals import Fault, Refusal
from svc_kit.transaction import Tx

from catalog_svc.media import store
from catalog_svc.media.rules import NotAPicture, picture


class NoPicture(Refusal):
    slug, status = "validation-failed", 422
    title = {"en": "This is not a picture that we keep", "zh": "不支持的图片"}


async def keep(tx: Tx, content: bytes) -> str:
    """The SHA-256 of what is kept: an SVG is cleaned first. Raises NoPicture."""
    try:
        kind, kept = picture(content)
    except NotAPicture as fault:
        words = {"en": f"Send a png, jpeg, webp or svg: {fault}", "zh": "请上传 png、jpeg、webp 或 svg 图片"}
        raise NoPicture([Fault(pointer="", code="not-a-picture", **words)]) from fault
    sha256 = hashlib.sha256(kept).hexdigest()
    await store.insert(tx.con, sha256, kind, kept, tx.now)
    return sha256
