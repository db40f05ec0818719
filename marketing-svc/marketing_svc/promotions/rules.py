"""The promotion engine: pure, deterministic, explained. Pipeline of models.md §5: activity price, items, coupon."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from svc_contracts.money import basis_points, split


class State(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


# The one table of transitions. The window's timers walk SCHEDULED → ACTIVE → ENDED by themselves.
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.SCHEDULED, State.ACTIVE, State.ENDED}),
    State.SCHEDULED: frozenset({State.ACTIVE, State.PAUSED, State.ENDED}),
    State.ACTIVE: frozenset({State.PAUSED, State.ENDED}),
    State.PAUSED: frozenset({State.SCHEDULED, State.ACTIVE, State.ENDED}),
    State.ENDED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """All named ones must hold. Lists choose lines; `spend_min_minor` looks at the chosen lines together."""

    skus: frozenset[str] = frozenset()
    product_ids: frozenset[str] = frozenset()
    category_ids: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    spend_min_minor: int = 0
    quantity_min: int = 0


@dataclass(frozen=True, slots=True)
class Reward:
    """Exactly one of the two: a rate in basis points, or an amount off the chosen lines together."""

    rate_bp: int | None = None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    line_id: str
    sku: str
    product_id: str | None
    category_path: tuple[str, ...]
    brand: str | None
    quantity: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Offered:
    """A promotion that is on, as the engine sees it. `coupon_code` is set when a coupon opened it."""

    promotion_id: str
    name: Mapping[str, str]
    scope: str
    conditions: Conditions
    reward: Reward
    priority: int
    stacking: str
    group: str | None = None
    coupon_code: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    promotion_id: str
    name: Mapping[str, str]
    amount_minor: int
    why: str


@dataclass(frozen=True, slots=True)
class Applied:
    promotion_id: str
    coupon_code: str | None
    amount_minor: int
    line_amounts_minor: Mapping[str, int]


@dataclass(slots=True)
class Evaluation:
    applied: list[Applied] = field(default_factory=list)
    discounts_minor: dict[str, int] = field(default_factory=dict)
    traces: dict[str, list[Trace]] = field(default_factory=dict)
    unmet: dict[str, str] = field(default_factory=dict)


def evaluate(offered: Iterable[Offered], lines: Sequence[Line]) -> Evaluation:
    """What the promotions give on these lines, in one fixed order; Σ line discounts = Σ applied; no net below 0."""
    result = Evaluation(
        discounts_minor={line.line_id: 0 for line in lines}, traces={line.line_id: [] for line in lines}
    )
    groups_taken: set[str] = set()
    for promotion in sorted(offered, key=_place_in_pipeline):
        if promotion.stacking == "exclusive" and (promotion.group or "") in groups_taken:
            result.unmet[promotion.promotion_id] = "another promotion of its group applies"
            continue
        amounts = _amounts(promotion, lines, result)
        if not any(amounts.values()):
            result.unmet.setdefault(promotion.promotion_id, "nothing in the cart qualifies")
            continue
        _record(promotion, amounts, result)
        if promotion.stacking == "exclusive":
            groups_taken.add(promotion.group or "")
        if promotion.stacking == "stop_after":
            break
    return result


def _place_in_pipeline(promotion: Offered) -> tuple[int, int, str]:
    stage = 2 if promotion.coupon_code else 0 if promotion.scope == "catalogue" else 1
    return stage, promotion.priority, promotion.promotion_id


def _amounts(promotion: Offered, lines: Sequence[Line], result: Evaluation) -> dict[str, int]:
    chosen = [line for line in lines if chooses(promotion.conditions, line)]
    remaining = [line.gross_minor - result.discounts_minor[line.line_id] for line in chosen]
    if not chosen:
        return {}
    if sum(remaining) < promotion.conditions.spend_min_minor:
        result.unmet[promotion.promotion_id] = f"needs {promotion.conditions.spend_min_minor} of the chosen lines"
        return {}
    if sum(line.quantity for line in chosen) < promotion.conditions.quantity_min:
        result.unmet[promotion.promotion_id] = f"needs {promotion.conditions.quantity_min} units"
        return {}
    if promotion.reward.amount_minor is not None:
        parts = split(min(promotion.reward.amount_minor, sum(remaining)), remaining)
        return {line.line_id: part for line, part in zip(chosen, parts, strict=True)}
    rate_bp = promotion.reward.rate_bp or 0
    return {
        line.line_id: min(left, _percent(promotion.scope, line, left, rate_bp))
        for line, left in zip(chosen, remaining, strict=True)
    }


def _percent(scope: str, line: Line, remaining_minor: int, rate_bp: int) -> int:
    # A catalogue price was shown per unit: the line must come to that price times the quantity.
    if scope == "catalogue" and line.gross_minor % line.quantity == 0:
        return line.quantity * basis_points(line.gross_minor // line.quantity, rate_bp)
    return basis_points(remaining_minor, rate_bp)


def _record(promotion: Offered, amounts: dict[str, int], result: Evaluation) -> None:
    for line_id, amount in amounts.items():
        if amount:
            result.discounts_minor[line_id] += amount
            why = f"coupon {promotion.coupon_code}" if promotion.coupon_code else promotion.scope
            result.traces[line_id].append(Trace(promotion.promotion_id, promotion.name, amount, why))
    result.applied.append(
        Applied(
            promotion.promotion_id,
            promotion.coupon_code,
            sum(amounts.values()),
            {line_id: amount for line_id, amount in amounts.items() if amount},
        )
    )


def chooses(conditions: Conditions, line: Line) -> bool:
    """Whether a line is one of those that the promotion is about."""
    return (
        (not conditions.skus or line.sku in conditions.skus)
        and (not conditions.product_ids or line.product_id in conditions.product_ids)
        and (not conditions.category_ids or not conditions.category_ids.isdisjoint(line.category_path))
        and (not conditions.brands or line.brand in conditions.brands)
    )


def state_at(wanted_from: datetime | None, until: datetime | None, now: datetime) -> State:
    """The state that an activation at `now` leads to."""
    if until is not None and until <= now:
        return State.ENDED
    return State.SCHEDULED if wanted_from is not None and wanted_from > now else State.ACTIVE


def catalogue_price_minor(regular_minor: int, reward: Reward) -> int:
    """The price that a page shows while a catalogue promotion is on."""
    if reward.rate_bp is not None:
        return regular_minor - basis_points(regular_minor, reward.rate_bp)
    return max(0, regular_minor - (reward.amount_minor or 0))
