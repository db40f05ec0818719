"""Who gets which benefit: decided in memory over locked counters, all that an order wants or nothing of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from marketing_svc.benefits.rules.counting import Counter, Entry, Kind
from marketing_svc.coupons.rules import Batch
from marketing_svc.coupons.rules import State as BatchState
from marketing_svc.promotions.rules.promotion import CODE, Promotion, State
from svc_contracts.events import Event
from svc_contracts.events.campaign import (
    BenefitItem,
    BenefitsLocked,
    BenefitsRefused,
    BenefitsReleased,
    BenefitsUsed,
)
from svc_contracts.events.order import (
    Benefit,
    OrderCancelled,
    OrderCancelling,
    OrderEnded,
    OrderPlaced,
    RefusedBenefit,
)

Why = Literal["coupon-exhausted", "budget-exhausted", "coupon-invalid", "promotion-ended"]

# A quote binds (api.md §1): what it was given before a window closed is honoured for so long.
QUOTE_BINDS = timedelta(minutes=15)


class Outcome(StrEnum):
    LOCKED = "locked"
    REFUSED = "refused"
    USED = "used"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Taken:
    """A benefit that an order has, and the counters it was taken from."""

    promotion_id: str
    code: str | None
    amount_minor: int
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """`slot`: which of the uses that one customer may have; None: there is no such limit."""

    order_id: str
    subject_id: str
    person_id: str
    slot: int | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Terms:
    """A promotion and its coupon batch as they stand: what may be taken, from which counters."""

    promotion: Promotion
    batch: Batch | None

    @property
    def limits(self) -> dict[str, int | None]:
        """{counter: uses per customer}."""
        found = {self.promotion.id: self.promotion.per_customer}
        if self.batch is not None:
            found[self.batch.id] = self.batch.per_customer
        if self.promotion.campaign_id is not None:
            found[self.promotion.campaign_id] = None
        return found


def why_not(terms: Terms | None, benefit: Benefit, event: OrderPlaced) -> Why | None:
    """Whether the benefit still stands, whatever the counters say."""
    lost: Why = "promotion-ended" if benefit.coupon_code is None else "coupon-invalid"
    if terms is None or terms.promotion.shop != event.shop:
        return lost
    promotion, batch = terms.promotion, terms.batch
    if promotion.trigger == CODE and batch is None:
        return "coupon-invalid"
    if not _stands(promotion, event.received_at):
        return "promotion-ended"
    if batch is not None:
        begun = batch.from_at is None or batch.from_at <= event.received_at
        over = batch.until is not None and batch.until + QUOTE_BINDS <= event.received_at
        if batch.promotion_id != promotion.id or batch.state is BatchState.REVOKED or not begun or over:
            return "coupon-invalid"
    return None


def _stands(promotion: Promotion, at: datetime) -> bool:
    """Active, or over by its own window so lately that a quote may still bind; stopped by hand is stopped at once."""
    if promotion.until is not None and promotion.until + QUOTE_BINDS <= at:
        return False
    by_the_clock = promotion.state is State.ENDED and promotion.ended_at == promotion.until
    return promotion.state is State.ACTIVE or by_the_clock


class NothingLocked(ValueError):
    """An order was confirmed whose benefits were never locked: somebody has a bug."""


@dataclass(slots=True)
class BenefitOrder:
    """What is decided for one order, as its locked row says and as this batch changes it."""

    order_id: str
    attempt: int
    outcome: Outcome | None  # None: not decided before this batch
    event_seq: int = 0
    person_id: str | None = None
    items: list[Taken] = field(default_factory=list)
    refusals: list[RefusedBenefit] = field(default_factory=list)


@dataclass(slots=True)
class Wanted:
    """What an order would take: one slot and Σ money of each counter, however many of its benefits live on it."""

    person_id: str
    items: list[Taken] = field(default_factory=list)
    amounts: dict[str, int] = field(default_factory=dict)
    slots: dict[str, int | None] = field(default_factory=dict)

    def add(self, benefit: Benefit, terms: Terms) -> None:
        for subject in terms.limits:
            self.amounts[subject] = self.amounts.get(subject, 0) + benefit.amount_minor
        taken = Taken(benefit.promotion_id, benefit.coupon_code, benefit.amount_minor, tuple(terms.limits))
        self.items.append(taken)


@dataclass(frozen=True, slots=True)
class Said:
    """An event with its `seq` and the place in the batch of what led to it."""

    event: Event
    seq: int
    because: int


@dataclass(slots=True)
class Desk:
    """One batch over locked rows: decisions are taken here in order of arrival, and written down afterwards."""

    orders: dict[str, BenefitOrder]
    counters: dict[str, Counter]
    terms: Mapping[tuple[str, str, str | None], Terms]  # (shop, promotion, code)
    slots: dict[tuple[str, str], set[int]]  # (counter, person) → slots in use
    # What to write: uses that begin, and the orders whose uses end.
    uses: dict[tuple[str, str], Use] = field(default_factory=dict)
    freed: set[str] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    held: dict[str, list[Use]] = field(default_factory=dict)

    def place(self, event: OrderPlaced, *, because: int) -> None:
        """Decide afresh where nothing stands or a higher attempt follows a refusal; else say again what stands."""
        order = self.orders[event.order_id]
        asked_again = order.outcome is Outcome.REFUSED and event.attempt > order.attempt
        order.attempt = max(order.attempt, event.attempt)
        if order.outcome is None or asked_again:
            self._decide(order, event)
        self._say(order, because)

    def confirm(self, order_id: str, *, because: int) -> None:
        """Used, once; an end that came first wins. Raises NothingLocked."""
        order = self.orders.get(order_id)
        if order is None or order.outcome in (None, Outcome.REFUSED):
            raise NothingLocked(order_id)
        if order.outcome is Outcome.LOCKED:
            self._post(order, Kind.SETTLE)
            order.outcome = Outcome.USED
            self._say(order, because)

    def end(self, event: OrderEnded, *, because: int) -> None:
        """Give back what was taken; remembered even where nothing was ever asked.

        While an order is only cancelling, what is used stays used: a parcel on its way takes the cancelling back, and
        by then somebody else might have the last coupon.
        """
        order = self.orders[event.order_id]
        if order.outcome is Outcome.USED and isinstance(event, OrderCancelling):
            return
        if order.outcome is Outcome.RELEASED:
            # `cancelled` follows `cancelling`: what was released then needs no second word.
            if not isinstance(event, OrderCancelled):
                self._say(order, because)
            return
        if order.outcome is Outcome.LOCKED:
            self._post(order, Kind.RELEASE)
        elif order.outcome is Outcome.USED:
            self._post(order, Kind.RETURN)
        self._free(order)
        order.outcome = Outcome.RELEASED
        self._say(order, because)

    def _decide(self, order: BenefitOrder, event: OrderPlaced) -> None:
        order.person_id = event.person_id
        order.items, order.refusals = [], []
        wanted = Wanted(event.person_id)
        for benefit in event.benefits:
            terms = self.terms.get((event.shop, benefit.promotion_id, benefit.coupon_code))
            why = why_not(terms, benefit, event)
            if why is None and terms is not None:
                why = self._want(wanted, benefit, terms)
            if why is not None:
                refusal = RefusedBenefit(promotion_id=benefit.promotion_id, code=benefit.coupon_code, why=why)
                order.refusals.append(refusal)
        if order.refusals:
            order.outcome = Outcome.REFUSED
            return
        order.items, order.outcome = wanted.items, Outcome.LOCKED
        self._post(order, Kind.RESERVE)
        self._begin(order, wanted)

    def _want(self, wanted: Wanted, benefit: Benefit, terms: Terms) -> Why | None:
        """Notes what the benefit would take; says why where the counters have it not."""
        by_code = benefit.coupon_code is not None
        for subject, limit in terms.limits.items():
            counter = self.counters[subject]
            if not counter.has_money(wanted.amounts.get(subject, 0) + benefit.amount_minor):
                return "budget-exhausted"
            if subject in wanted.slots:
                continue
            if not counter.has_use():
                return "coupon-exhausted" if by_code else "promotion-ended"
            slot = None if limit is None else self._free_slot(subject, wanted.person_id, limit)
            if limit is not None and slot is None:
                return "coupon-invalid" if by_code else "promotion-ended"
            wanted.slots[subject] = slot
        wanted.add(benefit, terms)
        return None

    def _free_slot(self, subject: str, person_id: str, limit: int) -> int | None:
        inside = self.slots.get((subject, person_id), set())
        return next((slot for slot in range(limit) if slot not in inside), None)

    def _begin(self, order: BenefitOrder, wanted: Wanted) -> None:
        for subject, slot in wanted.slots.items():
            use = Use(order.order_id, subject, wanted.person_id, slot, wanted.amounts[subject])
            self.uses[(order.order_id, subject)] = use
            if slot is not None:
                self.slots.setdefault((subject, wanted.person_id), set()).add(slot)

    def _free(self, order: BenefitOrder) -> None:
        begun = [use for use in self.uses.values() if use.order_id == order.order_id]
        for use in (*begun, *self.held.get(order.order_id, ())):
            if use.slot is not None:
                self.slots.get((use.subject_id, use.person_id), set()).discard(use.slot)
        for use in begun:
            del self.uses[(use.order_id, use.subject_id)]
        self.freed.add(order.order_id)

    def _post(self, order: BenefitOrder, kind: Kind) -> None:
        for subject, amount in _amounts(order.items).items():
            entry = Entry(subject, order.order_id, order.attempt, kind, 1, amount)
            self.counters[subject].post(entry)
            self.entries.append(entry)

    def _say(self, order: BenefitOrder, because: int) -> None:
        order.event_seq += 1
        self.said.append(Said(_answer(order), order.event_seq, because))


def _amounts(items: Sequence[Taken]) -> dict[str, int]:
    """{counter: money of this order}; an order is one use of a counter, however many of its benefits it pays."""
    found: dict[str, int] = {}
    for item in items:
        for subject in item.subjects:
            found[subject] = found.get(subject, 0) + item.amount_minor
    return found


def _answer(order: BenefitOrder) -> Event:
    """What stands, as it is said."""
    about = {"order_id": order.order_id, "attempt": order.attempt}
    items = [
        BenefitItem(promotion_id=item.promotion_id, code=item.code, amount_minor=item.amount_minor)
        for item in order.items
    ]
    kinds: dict[Outcome, type[BenefitsLocked] | type[BenefitsUsed] | type[BenefitsReleased]] = {
        Outcome.LOCKED: BenefitsLocked,
        Outcome.USED: BenefitsUsed,
        Outcome.RELEASED: BenefitsReleased,
    }
    if order.outcome is Outcome.REFUSED:
        return BenefitsRefused.model_validate({**about, "items": order.refusals})
    assert order.outcome is not None
    return kinds[order.outcome].model_validate({**about, "items": items})
