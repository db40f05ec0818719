"""An order as its locked row says, and what one transaction makes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from order_svc.orders.rules.states import BenefitState, PaymentStatus, Status, StockState, Verb, after, payment_status
from svc_contracts.events import Event
from svc_contracts.events.order import Benefit, ConfirmedAllocation, Promise, RefusedBenefit, Shortage
from svc_contracts.events.stock import Allocation

COD = "cod"
CHANNEL = "channel"  # the payment method of an order that its channel collects the money for

What = Literal["stock", "benefits", "money"]
DeadlineKind = Literal["undecided", "unpaid", "unknown_payment"]


@dataclass(slots=True)
class Order:
    """Locked. What a command changes here is written by `Book.close`."""

    id: str
    number: int
    shop: str
    channel: str
    external_id: str | None
    person_id: str
    visitor_id: str | None
    session_id: str | None
    cart_id: str | None
    currency: str
    gross_minor: int
    discount_minor: int
    delivery_fee_minor: int
    total_minor: int
    payment_method: str
    region: dict[str, Any]
    benefits: list[Benefit]
    bundles: dict[str, dict[str, int]]  # line → {component sku: units per unit of the line}
    units: int
    address_ref: str
    address_missing: tuple[str, ...]
    unpaid_expiry_seconds: int
    placed_at: datetime
    received_at: datetime
    status: Status = Status.PLACED
    attempt: int = 1
    stock_state: StockState = StockState.ASKED
    benefit_state: BenefitState = BenefitState.NONE
    allocations: list[Allocation] = field(default_factory=list)
    shortages: list[Shortage] = field(default_factory=list)
    refusals: list[RefusedBenefit] = field(default_factory=list)
    waived: tuple[str, ...] = ()
    reason: str | None = None
    paid_at: datetime | None = None
    expires_at: datetime | None = None
    promise: Promise | None = None
    open_attempt: int | None = None
    charged_minor: int = 0
    refunded_minor: int = 0
    refunding_minor: int = 0
    shipped_units: int = 0
    delivered_units: int = 0
    prepaid_at: datetime | None = None  # when the channel was paid, by its own word
    version: int = 1
    event_seq: int = 0

    @property
    def has_benefits(self) -> bool:
        return self.benefit_state is not BenefitState.NONE

    @property
    def balance_minor(self) -> int:
        """What we hold of the buyer's money and are not already sending back."""
        return self.charged_minor - self.refunded_minor - self.refunding_minor

    @property
    def is_covered(self) -> bool:
        return self.charged_minor - self.refunded_minor >= self.total_minor

    @property
    def payment_status(self) -> PaymentStatus:
        return payment_status(
            total_minor=self.total_minor,
            charged_minor=self.charged_minor,
            refunded_minor=self.refunded_minor,
            is_paid=self.paid_at is not None,
        )

    def confirmed_allocations(self) -> list[ConfirmedAllocation]:
        """In units of the lines: a bundle counts once however many components it has."""
        units: dict[tuple[str, str], int] = {}
        for one in self.allocations:
            parts = self.bundles.get(one.line_id)
            count = one.quantity // parts[one.sku] if parts else one.quantity
            key = (one.line_id, one.warehouse)
            units[key] = count if parts else units.get(key, 0) + count
        return [ConfirmedAllocation(line_id=line, warehouse=code, quantity=n) for (line, code), n in units.items()]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the order's timeline."""

    kind: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One row of the payment ledger, to be written with the order."""

    attempt: int
    kind: Literal["authorization", "charge", "refund", "cancel", "chargeback"]
    phase: Literal["request", "success", "failure"]
    provider: str
    provider_ref: str
    amount_minor: int
    at: datetime


Planner = Callable[[Order, datetime], Promise]


@dataclass(slots=True)
class Case:
    """One order during one transaction: the rules change `order` and note here what has to be written and said."""

    order: Order
    now: datetime
    plan: Planner
    says: list[Event] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    due: dict[DeadlineKind, datetime | None] = field(default_factory=dict)  # None: called off
    asked: list[What] = field(default_factory=list)  # what has to come back
    settled: list[What] = field(default_factory=list)
    opened_holds: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # (reason, evidence)
    closes_holds: bool = False
    ledger: list[LedgerRow] = field(default_factory=list)
    refund_minor: int = 0  # to be asked of the provider now
    asks_again: bool = False  # order.placed is to be said once more

    def move(self, verb: Verb, **facts: Any) -> None:
        """Raises Impossible."""
        self.order.status = after(self.order.status, verb)
        self.entries.append(Entry(self.order.status.value, facts))

    def say(self, event: Event) -> None:
        self.says.append(event)

    def note(self, kind: str, **facts: Any) -> None:
        self.entries.append(Entry(kind, facts))

    @property
    def is_touched(self) -> bool:
        return bool(self.says or self.entries or self.due or self.settled or self.ledger)
