"""What a shop is, and which way its state may go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["draft", "onboarding", "ready_for_review", "open", "suspended", "closed"]
Verb = Literal["open", "suspend"]

# Onboarding asks for nothing yet, so a draft opens at once.
TRANSITIONS: Mapping[tuple[str, str], State] = {
    ("draft", "open"): "open",
    ("onboarding", "open"): "open",
    ("ready_for_review", "open"): "open",
    ("suspended", "open"): "open",
    ("open", "suspend"): "suspended",
}


@dataclass(frozen=True, slots=True)
class DeliveryMethod:
    """Fees in minor units of the shop's currency; free from `free_from_minor` upwards."""

    id: str
    name: dict[str, str]
    fee_minor: int
    free_from_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Shop:
    """`price_list_id` is the list that bulk prices go to. Slug, channel, currency and time zone never change."""

    slug: str
    name: dict[str, str]
    channel: str
    currency: str
    time_zone: str
    locales: tuple[str, ...]
    delivery_methods: tuple[DeliveryMethod, ...]
    payment_methods: tuple[str, ...]
    unpaid_expiry_seconds: int
    state: State
    price_list_id: str
    created_at: datetime
    version: int
    event_seq: int


def possible(state: str) -> list[str]:
    """The verbs that the state admits."""
    return [verb for at, verb in TRANSITIONS if at == state]
