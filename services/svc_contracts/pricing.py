"""Choosing a price: the first matching price list by position wins. Pure; catalog shows by it, order quotes by it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from svc_contracts.events.catalog import Price, PriceRules


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a price, when and how many."""

    at: datetime
    channel: str
    quantity: int = 1
    member_level: str | None = None
    segments: frozenset[str] = frozenset()


def choose_price(prices: Iterable[Price], asking: Asking) -> Price | None:
    """The price of the matching list with the lowest position (ties: list id), or None."""
    matching = [price for price in prices if _in_window(price, asking.at) and matches(price.rules, asking)]
    return min(matching, key=lambda price: (price.position, price.list_id), default=None)


def matches(rules: PriceRules, asking: Asking) -> bool:
    """Whether the rules admit the asking; no rules admit everybody."""
    answers = list(_answers(rules, asking))
    if not answers:
        return True
    return all(answers) if rules.match == "all" else any(answers)


def _answers(rules: PriceRules, asking: Asking) -> Iterable[bool]:
    if rules.channels:
        yield asking.channel in rules.channels
    if rules.member_levels:
        yield asking.member_level in rules.member_levels
    if rules.segments:
        yield not asking.segments.isdisjoint(rules.segments)
    if rules.quantity_min is not None or rules.quantity_max is not None:
        least, most = rules.quantity_min or 1, rules.quantity_max
        yield least <= asking.quantity and (most is None or asking.quantity <= most)


def _in_window(price: Price, at: datetime) -> bool:
    return (price.from_ is None or price.from_ <= at) and (price.until is None or at < price.until)
