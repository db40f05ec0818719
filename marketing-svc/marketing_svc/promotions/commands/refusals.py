"""What promotions refuse beside the common refusals."""

from svc_kit.refusals import Fault, Refusal


class WindowOver(Refusal):
    slug, status = "window-over", 409
    title = {"en": "The window of this promotion is over", "zh": "该活动的有效期已结束"}


def unknown_shop(shop: str, pointer: str = "/shop") -> Fault:
    return Fault(pointer, "unknown-shop", f"There is no shop {shop}", f"店铺 {shop} 不存在")


def unknown_campaign(pointer: str = "/campaign_id") -> Fault:
    return Fault(
        pointer, "unknown-campaign", "The shop has no such campaign that goes on", "该店铺没有此进行中的营销活动"
    )
