"""A promotion: its states, its window, who may use it how often."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from marketing_svc.promotions.rules.engine import CATALOGUE, Conditions, Offered, Reward

AUTOMATIC = "automatic"
CODE = "code"
LISTS = ("skus", "product_ids", "category_ids", "brands")
LEAST = ("spend_min_minor", "quantity_min")


class State(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class Verb(StrEnum):
    ACTIVATE = "activate"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


# The one table of transitions. Where two states stand, the window chooses. Its ends walk SCHEDULED → ACTIVE → ENDED and
# PAUSED → ENDED by themselves.
TRANSITIONS: Mapping[tuple[State, Verb], frozenset[State]] = {
    (State.DRAFT, Verb.ACTIVATE): frozenset({State.SCHEDULED, State.ACTIVE}),
    (State.DRAFT, Verb.END): frozenset({State.ENDED}),
    (State.SCHEDULED, Verb.PAUSE): frozenset({State.PAUSED}),
    (State.SCHEDULED, Verb.END): frozenset({State.ENDED}),
    (State.ACTIVE, Verb.PAUSE): frozenset({State.PAUSED}),
    (State.ACTIVE, Verb.END): frozenset({State.ENDED}),
    (State.PAUSED, Verb.RESUME): frozenset({State.SCHEDULED, State.ACTIVE}),
    (State.PAUSED, Verb.END): frozenset({State.ENDED}),
}
RUNNING = frozenset({State.SCHEDULED, State.ACTIVE, State.PAUSED})


@dataclass(frozen=True, slots=True)
class Promotion:
    """`exhausted`: the last word about it; the counters know. `paused_by_campaign`: resumes with its campaign."""

    id: str
    shop: str
    campaign_id: str | None
    name: dict[str, str]
    trigger: str
    scope: str
    state: State
    conditions: Conditions
    reward: Reward
    currency: str
    priority: int
    stacking: str
    group: str | None
    from_at: datetime | None
    until: datetime | None
    total: int | None
    per_customer: int | None
    paused_by_campaign: bool
    exhausted: bool
    ended_at: datetime | None
    created_at: datetime
    version: int
    event_seq: int

    @property
    def is_shown(self) -> bool:
        """Whether it makes a price that pages show."""
        return self.trigger == AUTOMATIC and self.scope == CATALOGUE

    def is_on(self, at: datetime) -> bool:
        """Active and inside its window: the clock is surer than the timer that follows it."""
        return self.state is State.ACTIVE and (self.until is None or at < self.until)

    def offered(self, coupon_code: str | None = None) -> Offered:
        return Offered(
            self.id,
            self.name,
            self.scope,
            self.conditions,
            self.reward,
            self.priority,
            self.stacking,
            self.group,
            coupon_code,
        )


def possible(state: State) -> list[str]:
    return [verb.value for verb in Verb if (state, verb) in TRANSITIONS]


def state_after(state: State, verb: Verb, *, from_at: datetime | None, now: datetime) -> State | None:
    """The state that the verb leads to at `now`, or None where it is not possible."""
    reached = TRANSITIONS.get((state, verb))
    if reached is None or len(reached) == 1:
        return next(iter(reached)) if reached else None
    return State.SCHEDULED if from_at is not None and from_at > now else State.ACTIVE


def state_at(promotion: Promotion, now: datetime) -> State:
    """The state that the clock alone leads to."""
    if promotion.state in RUNNING and promotion.until is not None and promotion.until <= now:
        return State.ENDED
    begun = promotion.from_at is None or promotion.from_at <= now
    return State.ACTIVE if promotion.state is State.SCHEDULED and begun else promotion.state


def turns(promotion: Promotion) -> list[datetime]:
    """When the clock alone changes it."""
    ends = [promotion.until] if promotion.state in RUNNING else []
    begins = [promotion.from_at] if promotion.state is State.SCHEDULED else []
    return [end for end in (*begins, *ends) if end is not None]


def plain_conditions(conditions: Conditions) -> dict[str, Any]:
    """As a document: only what is named, lists in order."""
    lists = {name: sorted(getattr(conditions, name)) for name in LISTS}
    least = {name: getattr(conditions, name) for name in LEAST}
    return {name: value for name, value in {**lists, **least}.items() if value}


def conditions_of(document: Mapping[str, Any]) -> Conditions:
    named: dict[str, Any] = {name: frozenset(document.get(name, ())) for name in LISTS}
    return Conditions(**named, **{name: document.get(name, 0) for name in LEAST})


def plain_reward(reward: Reward) -> dict[str, int]:
    if reward.rate_bp is not None:
        return {"rate_bp": reward.rate_bp}
    return {"amount_minor": reward.amount_minor or 0}
