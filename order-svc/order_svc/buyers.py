"""Whose cart, quote or order it is: a member, or the holder of an X-Visitor-Id."""

from dataclasses import dataclass

from svc_kit.access import Principal
from svc_kit.refusals import Fault, MalformedRequest

VISITOR_ID_LENGTH_MIN = 22  # 128 random bits in base64url


@dataclass(frozen=True, slots=True)
class Buyer:
    """`visitor_key`: the X-Visitor-Id as rows may know it. A member has one too while the browser sends it."""

    person_id: str | None
    visitor_key: str | None

    def owns(self, *, person_id: str | None, visitor_key: str | None) -> bool:
        """A member's things are the member's alone; a guest's open by the X-Visitor-Id."""
        if person_id is not None:
            return person_id == self.person_id
        return visitor_key is not None and visitor_key == self.visitor_key


def buyer_of(who: Principal) -> Buyer:
    """Raises MalformedRequest for a visitor without a usable X-Visitor-Id: it is the only thing that opens a cart."""
    usable = who.visitor_id is not None and len(who.visitor_id) >= VISITOR_ID_LENGTH_MIN
    visitor_key = who.visitor_key if usable else None
    if who.kind == "person":
        return Buyer(who.id, visitor_key)
    if visitor_key is None:
        fault = Fault(
            pointer="/headers/X-Visitor-Id",
            code="visitor-id-missing",
            en=f"Send an X-Visitor-Id of at least {VISITOR_ID_LENGTH_MIN} random characters",
            zh=f"请提供至少 {VISITOR_ID_LENGTH_MIN} 个随机字符的 X-Visitor-Id",
        )
        raise MalformedRequest([fault])
    return Buyer(None, visitor_key)
