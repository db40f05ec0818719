"""Quoting: reads what stands and lets the rules say what a cart would get. Promises nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from marketing_svc.benefits import store
from marketing_svc.benefits.rules.deciding import Terms
from marketing_svc.benefits.rules.quoting import (
    CouponWhy,
    Standing,
    coupon_refused,
    coupon_unmet,
    evaluate_within_budgets,
    is_offered,
)
from marketing_svc.copies import queries as copies
from marketing_svc.coupons import queries as coupons
from marketing_svc.coupons.rules import normal
from marketing_svc.promotions import queries as promotions
from marketing_svc.promotions.rules.engine import Evaluation, Line


@dataclass(frozen=True, slots=True)
class AskedLine:
    line_id: str
    sku: str
    product_id: str | None
    quantity: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Asked:
    shop: str
    currency: str
    person_id: str | None
    coupon_code: str | None
    lines: Sequence[AskedLine]


@dataclass(frozen=True, slots=True)
class Quoted:
    evaluation: Evaluation
    coupon: CouponWhy | None


async def quote(con: asyncpg.Connection, asked: Asked, *, at: datetime) -> Quoted:
    automatic = [Terms(one, None) for one in await promotions.automatic(con, asked.shop)]
    coupon = await _coupon(con, asked)
    terms = [*automatic, *([coupon] if coupon else [])]
    standing = await _standing(con, terms, asked.person_id)
    on = [one for one in automatic if is_offered(one, standing, currency=asked.currency, at=at)]
    why: CouponWhy | None = None
    if asked.coupon_code is not None:
        why = coupon_refused(coupon, standing, currency=asked.currency, at=at)
    with_coupon = [coupon] if coupon is not None and why is None else []
    lines = await _lines(con, asked, at) if on or with_coupon else []
    result, dropped = evaluate_within_budgets([*on, *with_coupon], lines, standing)
    if with_coupon:
        why = coupon_unmet(with_coupon[0].promotion.id, result, dropped)
    return Quoted(result, why)


async def _coupon(con: asyncpg.Connection, asked: Asked) -> Terms | None:
    if asked.coupon_code is None:
        return None
    code = (asked.shop, normal(asked.coupon_code))
    batch = (await coupons.by_codes(con, {code})).get(code)
    promotion = await promotions.promotion(con, batch.promotion_id) if batch else None
    return Terms(promotion, batch) if promotion else None


async def _standing(con: asyncpg.Connection, terms: Sequence[Terms], person_id: str | None) -> Standing:
    limits: dict[str, int | None] = {subject: limit for one in terms for subject, limit in one.limits.items()}
    if not limits:
        return Standing({}, {})
    uses: Mapping[str, int] = {}
    limited = [subject for subject, limit in limits.items() if limit is not None]
    if person_id is not None and limited:
        slots = await store.slots_in_use(con, [(subject, person_id) for subject in limited])
        uses = {subject: len(found) for (subject, _), found in slots.items()}
    return Standing(await store.counters(con, limits), uses)


async def _lines(con: asyncpg.Connection, asked: Asked, at: datetime) -> list[Line]:
    """With categories and brands of our own copy; a sku that it does not have yet belongs to none."""
    offers = await copies.offers(con, asked.shop, {line.sku for line in asked.lines}, at=at)
    lines = []
    for line in asked.lines:
        offer = offers.get(line.sku)
        product_id = line.product_id or (offer.product_id if offer else None)
        path, brand = (offer.category_path, offer.brand) if offer else ((), None)
        lines.append(Line(line.line_id, line.sku, product_id, path, brand, line.quantity, line.gross_minor))
    return lines
