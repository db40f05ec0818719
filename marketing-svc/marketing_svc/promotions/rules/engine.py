"""The promotion engine: pure, deterministic, explained. Pipeline of models.md §5: activity price, items, coupon."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from svc_contracts.money import basis_points, split

CATALOGUE = "catalogue"
EXCLUSIVE = "exclusive"
STOP_AFTER = "stop_after"


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
    """Exactly one of the two: a rate in basis points; or an amount off each unit (catalogue), off the order (order)."""

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


class Unmet(StrEnum):
    """Why a promotion gives nothing here."""

    NOTHING_CHOSEN = "nothing-chosen"
    EXCLUDED = "excluded"
    SPEND_TOO_LOW = "spend-too-low"
    QUANTITY_TOO_LOW = "quantity-too-low"
    NOTHING_LEFT = "nothing-left"


@dataclass(frozen=True, slots=True)
class Trace:
    promotion_id: str
    name: Mapping[str, str]
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Applied:
    promotion_id: str
    name: Mapping[str, str]
    coupon_code: str | None
    amount_minor: int
    line_amounts_minor: Mapping[str, int]


@dataclass(slots=True)
class Evaluation:
    applied: list[Applied] = field(default_factory=list)
    discounts_minor: dict[str, int] = field(default_factory=dict)
    traces: dict[str, list[Trace]] = field(default_factory=dict)
    unmet: dict[str, Unmet] = field(default_factory=dict)
    # Lines that take no more promotions at all, and none of a group. A catalogue promotion closes its own lines only:
    # the price that a page shows must not depend on what else is in the cart.
    stopped: set[str] = field(default_factory=set)
    groups: dict[str, set[str]] = field(default_factory=dict)


def evaluate(offered: Iterable[Offered], lines: Sequence[Line]) -> Evaluation:
    """What the promotions give on these lines, in one fixed order; Σ line discounts = Σ applied; no net below 0."""
    result = Evaluation(
        discounts_minor={line.line_id: 0 for line in lines}, traces={line.line_id: [] for line in lines}
    )
    for promotion in sorted(offered, key=_place_in_pipeline):
        outcome = _amounts(promotion, lines, result)
        if isinstance(outcome, Unmet):
            result.unmet[promotion.promotion_id] = outcome
        else:
            _record(promotion, outcome, result)
            _close(promotion, outcome, result)
    return result


def _place_in_pipeline(promotion: Offered) -> tuple[int, int, str]:
    stage = 2 if promotion.coupon_code else 0 if promotion.scope == CATALOGUE else 1
    return stage, promotion.priority, promotion.promotion_id


def _amounts(promotion: Offered, lines: Sequence[Line], result: Evaluation) -> dict[str, int] | Unmet:
    """{line: amount > 0}, or why there is none."""
    conditions = promotion.conditions
    chosen = [line for line in lines if chooses(conditions, line)]
    if not chosen:
        return Unmet.NOTHING_CHOSEN
    closed = result.stopped | (result.groups.get(promotion.group or "", set()) if is_exclusive(promotion) else set())
    if not (chosen := [line for line in chosen if line.line_id not in closed]):
        return Unmet.EXCLUDED
    remaining = [line.gross_minor - result.discounts_minor[line.line_id] for line in chosen]
    if sum(remaining) < conditions.spend_min_minor:
        return Unmet.SPEND_TOO_LOW
    if sum(line.quantity for line in chosen) < conditions.quantity_min:
        return Unmet.QUANTITY_TOO_LOW
    parts = _parts(promotion, chosen, remaining)
    given = {line.line_id: part for line, part in zip(chosen, parts, strict=True) if part}
    return given or Unmet.NOTHING_LEFT


def is_exclusive(promotion: Offered) -> bool:
    return promotion.stacking == EXCLUSIVE


def _parts(promotion: Offered, chosen: Sequence[Line], remaining: Sequence[int]) -> list[int]:
    reward = promotion.reward
    if promotion.scope == CATALOGUE:
        return [off_line(reward, line.quantity, left) for line, left in zip(chosen, remaining, strict=True)]
    if reward.amount_minor is not None:
        return split(min(reward.amount_minor, sum(remaining)), remaining)
    return [basis_points(left, reward.rate_bp or 0) for left in remaining]


def off_line(reward: Reward, quantity: int, remaining_minor: int) -> int:
    """A catalogue price was shown per unit: the line must come to that price times the quantity."""
    if reward.amount_minor is not None:
        return min(reward.amount_minor * quantity, remaining_minor)
    if remaining_minor % quantity == 0:
        return quantity * basis_points(remaining_minor // quantity, reward.rate_bp or 0)
    return basis_points(remaining_minor, reward.rate_bp or 0)


def _record(promotion: Offered, amounts: Mapping[str, int], result: Evaluation) -> None:
    for line_id, amount in amounts.items():
        result.discounts_minor[line_id] += amount
        result.traces[line_id].append(Trace(promotion.promotion_id, promotion.name, amount))
    result.applied.append(
        Applied(promotion.promotion_id, promotion.name, promotion.coupon_code, sum(amounts.values()), amounts)
    )


def _close(promotion: Offered, amounts: Mapping[str, int], result: Evaluation) -> None:
    lines = set(amounts) if promotion.scope == CATALOGUE else set(result.discounts_minor)
    if promotion.stacking == STOP_AFTER:
        result.stopped |= lines
    elif is_exclusive(promotion):
        result.groups.setdefault(promotion.group or "", set()).update(lines)


def chooses(conditions: Conditions, line: Line) -> bool:
    """Whether a line is one of those that the promotion is about."""
    return (
        (not conditions.skus or line.sku in conditions.skus)
        and (not conditions.product_ids or line.product_id in conditions.product_ids)
        and (not conditions.category_ids or not conditions.category_ids.isdisjoint(line.category_path))
        and (not conditions.brands or line.brand in conditions.brands)
    )
