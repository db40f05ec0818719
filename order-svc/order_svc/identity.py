"""From the principal of a request to the buyer."""

from order_svc.buyers import Buyer
from svc_kit.access import Principal
from svc_kit.refusals import Fault, MalformedRequest

VISITOR_ID_LENGTH_MIN = 22  # 128 random bits in base64url


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
