"""A campaign: promotions that begin, pause and end together, under one budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    WARMING_UP = "warming_up"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"
    REVIEWED = "reviewed"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


# The one table of transitions. What was never live is cancelled by its end.
TRANSITIONS: Mapping[tuple[State, Verb], State] = {
    (State.DRAFT, Verb.START): State.LIVE,
    (State.DRAFT, Verb.END): State.CANCELLED,
    (State.LIVE, Verb.PAUSE): State.PAUSED,
    (State.LIVE, Verb.END): State.ENDED,
    (State.PAUSED, Verb.START): State.LIVE,
    (State.PAUSED, Verb.RESUME): State.LIVE,
    (State.PAUSED, Verb.END): State.ENDED,
}
OVER = frozenset({State.ENDED, State.REVIEWED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Campaign:
    """`planned_minor` is a plan; the hard cap stands on the campaign's counter."""

    id: str
    shop: str
    name: dict[str, str]
    goals: list[dict[str, Any]]
    state: State
    owner_id: str
    planned_minor: int
    currency: str
    created_at: datetime
    version: int
    event_seq: int

    @property
    def is_over(self) -> bool:
        return self.state in OVER


def possible(state: State) -> list[str]:
    return [verb.value for verb in Verb if (state, verb) in TRANSITIONS]
