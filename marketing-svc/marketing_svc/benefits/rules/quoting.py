"""What a cart would get now: the engine over what is on, without promising more than caps and budgets have left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from marketing_svc.benefits.rules.counting import Counter
from marketing_svc.benefits.rules.deciding import Terms
from marketing_svc.coupons.rules import State as BatchState
from marketing_svc.promotions.rules.engine import Evaluation, Line, Unmet, evaluate
from marketing_svc.promotions.rules.promotion import CODE, State

CouponWhy = Literal["unknown", "not-started", "ended", "exhausted", "per-customer", "spend-too-low", "not-applicable"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of the counters, and how often this customer uses them already."""

    counters: Mapping[str, Counter]
    uses: Mapping[str, int]

    def is_full(self, terms: Terms) -> bool:
        return any(self.counters[subject].is_full for subject in terms.limits)

    def is_used_up(self, terms: Terms) -> bool:
        """By this customer."""
        return any(limit is not None and self.uses.get(one, 0) >= limit for one, limit in terms.limits.items())

    def has_money(self, terms: Terms, amounts: Mapping[str, int]) -> bool:
        return all(self.counters[subject].has_money(amounts.get(subject, 0)) for subject in terms.limits)


def coupon_refused(terms: Terms | None, standing: Standing, *, currency: str, at: datetime) -> CouponWhy | None:
    """Why a code is no good whatever is in the cart."""
    if terms is None or terms.batch is None or terms.promotion.trigger != CODE or terms.promotion.currency != currency:
        return "unknown"
    promotion, batch = terms.promotion, terms.batch
    if promotion.state is State.DRAFT:
        return "unknown"
    if batch.state is BatchState.REVOKED or (batch.until is not None and batch.until <= at):
        return "ended"
    if promotion.state is State.SCHEDULED or (batch.from_at is not None and batch.from_at > at):
        return "not-started"
    if not promotion.is_on(at):
        return "ended"
    if standing.is_full(terms):
        return "exhausted"
    return "per-customer" if standing.is_used_up(terms) else None


def is_offered(terms: Terms, standing: Standing, *, currency: str, at: datetime) -> bool:
    """Whether an automatic promotion is given to this customer at all."""
    promotion = terms.promotion
    if not promotion.is_on(at) or promotion.currency != currency:
        return False
    return not standing.is_full(terms) and not standing.is_used_up(terms)


def evaluate_within_budgets(
    terms: Sequence[Terms], lines: Sequence[Line], standing: Standing
) -> tuple[Evaluation, set[str]]:
    """The evaluation, and the promotions that it goes without because their budget has less left than they would give.

    Each round drops at least one promotion.
    """
    dropped: set[str] = set()
    while True:
        offered = {one.promotion.id: one for one in terms if one.promotion.id not in dropped}
        codes = {id: one.batch.code if one.batch else None for id, one in offered.items()}
        result = evaluate([one.promotion.offered(codes[id]) for id, one in offered.items()], lines)
        over = _first_over_budget(offered, result, standing)
        if over is None:
            return result, dropped
        dropped.add(over)


def _first_over_budget(offered: Mapping[str, Terms], result: Evaluation, standing: Standing) -> str | None:
    asked: dict[str, int] = {}
    for applied in result.applied:
        terms = offered[applied.promotion_id]
        for subject in terms.limits:
            asked[subject] = asked.get(subject, 0) + applied.amount_minor
        if not standing.has_money(terms, asked):
            return applied.promotion_id
    return None


def coupon_unmet(promotion_id: str, result: Evaluation, dropped: set[str]) -> CouponWhy | None:
    """Why a code that is good gives nothing on this cart."""
    if promotion_id in dropped:
        return "exhausted"
    unmet = result.unmet.get(promotion_id)
    if unmet is None:
        return None
    return "spend-too-low" if unmet is Unmet.SPEND_TOO_LOW else "not-applicable"
