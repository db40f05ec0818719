"""The prices that pages show while catalogue promotions are on: what the engine gives on one unit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from marketing_svc.promotions.rules.engine import Line, evaluate
from marketing_svc.promotions.rules.promotion import Promotion


@dataclass(frozen=True, slots=True)
class Shown:
    """A unit's price with this promotion and those before it; it holds until the first of them ends."""

    amount_minor: int
    until: datetime | None


Prices = Mapping[tuple[str, str], Shown]  # (promotion, sku) → price


def shown_prices(promotions: Sequence[Promotion], units: Sequence[Line]) -> dict[tuple[str, str], Shown]:
    """`promotions`: those that are on and shown; `units`: one line of quantity 1 per sku, its id the sku.

    The lowest price of a sku is what a cart pays for it, whatever stacks or excludes.
    """
    untils = {promotion.id: promotion.until for promotion in promotions}
    last = {unit.sku: Shown(unit.gross_minor, None) for unit in units}
    prices: dict[tuple[str, str], Shown] = {}
    for applied in evaluate((one.offered() for one in promotions), units).applied:
        for sku, amount in applied.line_amounts_minor.items():
            before = last[sku]
            last[sku] = Shown(before.amount_minor - amount, _first(before.until, untils[applied.promotion_id]))
            prices[(applied.promotion_id, sku)] = last[sku]
    return prices


def _first(*ends: datetime | None) -> datetime | None:
    return min((end for end in ends if end is not None), default=None)


def changes(known: Prices, now: Prices) -> dict[str, dict[str, Shown | None]]:
    """{promotion: {sku: its price, or None where it is over}}, only what differs, in order of sku."""
    found: dict[str, dict[str, Shown | None]] = {}
    for promotion_id, sku in sorted({*known, *now}):
        if known.get((promotion_id, sku)) != (price := now.get((promotion_id, sku))):
            found.setdefault(promotion_id, {})[sku] = price
    return found


def next_turn(moments: Iterable[datetime], *, after: datetime) -> datetime | None:
    return min((moment for moment in moments if moment > after), default=None)
