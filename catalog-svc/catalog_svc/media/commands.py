"""Keeping a picture."""

import hashlib

from catalog_svc.media import store
from catalog_svc.media.rules import NotAPicture, picture
from svc_kit.refusals import Fault, ValidationFailed
from svc_kit.transaction import Tx


async def keep(tx: Tx, content: bytes) -> str:
    """The SHA-256 of what is kept: an SVG is cleaned first. Raises ValidationFailed."""
    try:
        kind, kept = picture(content)
    except NotAPicture as fault:
        words = {"en": f"Send a png, jpeg, webp or svg: {fault}", "zh": "请上传 png、jpeg、webp 或 svg 图片"}
        raise ValidationFailed([Fault(pointer="", code="not-a-picture", **words)]) from fault
    sha256 = hashlib.sha256(kept).hexdigest()
    await store.insert(tx.con, sha256, kind, kept, tx.now)
    return sha256
