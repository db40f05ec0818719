"""Asking marketing-svc what it takes off. Never inside a transaction."""

from collections.abc import Sequence
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from order_svc.orders.rules.placing import Line
from order_svc.quotes.rules import Granted, is_sound
from svc_contracts.events.base import AmountMinor, LocalText
from svc_contracts.events.catalog import ShopChanged
from svc_contracts.events.order import Benefit
from svc_kit.assembly import Runtime
from svc_kit.refusals import NotFound, UpstreamUnavailable
from svc_kit.upstream import UpstreamRefused

log = structlog.get_logger()
MARKETING = "marketing-svc"
PATH = "/internal/v1/benefit-quotes"


class Answered(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class TraceEntry(Answered):
    promotion_id: str
    name: LocalText = {}
    amount_minor: AmountMinor


class LineAnswer(Answered):
    line_id: str
    discount_minor: AmountMinor
    trace: list[TraceEntry] = []


class CouponAnswer(Answered):
    code: str
    why: str


class BenefitAnswer(Answered):
    benefits: list[Benefit] = []
    lines: list[LineAnswer] = []
    discount_minor: AmountMinor
    coupon: CouponAnswer | None = None


async def ask_benefits(
    rt: Runtime,
    shop: ShopChanged,
    lines: Sequence[Line],
    *,
    person_id: str | None,
    coupon_code: str | None,
    delivery_fee_minor: int,
) -> Granted | None:
    """None where marketing-svc is away, too slow, or says what does not add up."""
    request = {
        "shop": shop.shop,
        "channel": shop.channel,
        "currency": shop.currency,
        "person_id": person_id,
        "coupon_code": coupon_code,
        "lines": [_asked(line) for line in lines],
        "delivery_fee_minor": delivery_fee_minor,
    }
    try:
        answer = await rt.upstream(MARKETING).post(PATH, request, time_box_ms=rt.settings.benefit_time_box_ms)
        told = BenefitAnswer.model_validate(answer)
    except (UpstreamUnavailable, UpstreamRefused, NotFound) as trouble:
        log.warning("benefits unavailable", reason=trouble.slug)
        return None
    except (ValidationError, ValueError):
        log.warning("benefits unavailable", reason="unreadable")
        return None
    granted = _granted(told)
    if not is_sound(granted, lines) or sum(granted.discounts.values()) != told.discount_minor:
        log.error("benefits do not add up", shop=shop.shop)
        return None
    return granted


def _asked(line: Line) -> dict[str, Any]:
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "product_id": line.product_id,
        "quantity": line.quantity,
        "unit_minor": line.gross_minor // line.quantity,
        "gross_minor": line.gross_minor,
    }


def _granted(told: BenefitAnswer) -> Granted:
    return Granted(
        benefits=tuple(told.benefits),
        discounts={line.line_id: line.discount_minor for line in told.lines if line.discount_minor},
        traces={line.line_id: tuple(entry.model_dump() for entry in line.trace) for line in told.lines},
        coupon_why=told.coupon.why if told.coupon else None,
    )
