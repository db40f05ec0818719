"""How a listing is refused."""

from collections.abc import Sequence

from catalog_svc.listings.rules import GateCheck, blocks
from svc_kit.refusals import Fault, Refusal


class GateBlocked(Refusal):
    slug, status = "gate-blocked", 409
    title = {"en": "The listing does not pass the gate", "zh": "上架检查未通过"}


class SecondPersonRequired(Refusal):
    slug, status = "second-person-required", 403
    title = {"en": "Somebody else must approve what you submitted", "zh": "提交人不能自行审批"}


class AlreadyListed(Refusal):
    slug, status = "already-listed", 409
    title = {"en": "The product is listed in this shop already", "zh": "商品已在该店铺上架"}


def gate_blocked(checks: Sequence[GateCheck], at: str = "") -> GateBlocked:
    """Says every block at once; a block's code is the name of its check."""
    return GateBlocked(
        [
            Fault(
                pointer=at + check.pointer, code=check.check.replace("_", "-"), en=check.hint["en"], zh=check.hint["zh"]
            )
            for check in blocks(checks)
        ]
    )
