"""Has every order come to an end, or does it wait for somebody; and has everything that was taken its order?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from svc_local.reconcile.rules import DEAD, Drift

GRACE = timedelta(seconds=60)
# In these an order waits for nobody but the services themselves.
IN_PASSING = frozenset({"placed", "auditing", "cancelling"})
PROMISED = frozenset({"awaiting_payment", "confirmed", "in_fulfilment", "completed"})
GOES_ON = frozenset({"confirmed", "in_fulfilment", "completed"})
AT_WORK = frozenset({"issued", "accepted", "picking", "done"})


@dataclass(frozen=True, slots=True)
class Life:
    """An order, and what everybody else has of it: each service by its own database, the provider by its own word.

    `wanted`, `held`, `shipped`: units off the shelf; `uses`: of promotions and coupons; `paid_in`, `paid_back`: as the
    provider says, of those who pay by it (`by_provider`); `deadlines`: kind → due, None where it is parked.
    """

    id: str
    status: str
    total_minor: int = 0
    charged_minor: int = 0
    refunded_minor: int = 0
    by_provider: bool = True
    paid_in: int = 0
    paid_back: int = 0
    open_payments: int = 0
    open_holds: int = 0
    deadlines: Mapping[str, datetime | None] | None = None
    wanted: int = 1
    held: int = 0
    shipped: int = 0
    fulfilments: tuple[str, ...] = ()
    has_benefits: bool = False
    benefit: str | None = None
    uses: int = 0

    @property
    def is_dead(self) -> bool:
        return self.status in DEAD

    @property
    def kept_minor(self) -> int:
        return self.paid_in - self.paid_back


def stuck(lives: Iterable[Life], now: datetime) -> list[Drift]:
    """Orders that wait for nobody, or for a time that has passed. For a suite that nothing troubles any more."""
    return [Drift("stuck", life.id, why, life.status) for life in lives if (why := _why_stuck(life, now))]


def _why_stuck(life: Life, now: datetime) -> str:
    deadlines = life.deadlines or {}
    if any(due is None for due in deadlines.values()):
        return "no timer given up"
    if late := [kind for kind, due in deadlines.items() if due is not None and due < now - GRACE]:
        return f"something to happen at {', '.join(late)}"
    if life.open_payments:
        return "the outcome of its payments or refunds"
    if life.status in IN_PASSING:
        return "the services to go on"
    if life.status == "awaiting_payment" and "unpaid" not in deadlines:
        return "a deadline"
    if life.status == "on_hold" and not life.open_holds:
        return "a hold that somebody can release"
    if life.status in ("confirmed", "in_fulfilment") and not AT_WORK.intersection(life.fulfilments):
        return "a warehouse that knows of it"
    return ""


def unpaired(lives: Iterable[Life]) -> list[Drift]:
    """Goods, payments, uses without their order, or orders without theirs."""
    found = []
    for life in lives:
        for check, expected, is_so in _pairs(life):
            if not is_so:
                found.append(Drift(check, life.id, expected, f"{life.status}: {life}"))
    return found


def _pairs(life: Life) -> Iterable[tuple[str, str, bool]]:
    if life.is_dead:
        yield "goods", "nothing held nor shipped", life.held == life.shipped == 0
        yield "warehouse", "all called back", not AT_WORK.intersection(life.fulfilments)
        yield "uses", "none", life.uses == 0
        yield "money", "none kept", life.kept_minor == 0
    if life.status in PROMISED:
        yield "goods", f"{life.wanted} units", life.held + life.shipped == life.wanted
        yield "uses", "some", (life.uses > 0) == life.has_benefits
    if life.status == "awaiting_payment":
        yield "warehouse", "does not know of it", not life.fulfilments
    if life.status in GOES_ON:
        yield "benefits", "used", life.benefit == ("used" if life.has_benefits else None)
        yield "money", f"{life.total_minor} kept", not life.by_provider or life.kept_minor == life.total_minor
    if life.by_provider:
        books = (life.charged_minor, life.refunded_minor)
        yield "books", f"{life.paid_in} in, {life.paid_back} back", books == (life.paid_in, life.paid_back)


@dataclass(frozen=True, slots=True)
class Leaks:
    units: int
    uses: int
    money_minor: int


def leaks(lives: Iterable[Life]) -> Leaks:
    """What dead orders still have, and what the living paid too much."""
    units = uses = money = 0
    for life in lives:
        if life.is_dead:
            units += life.held
            uses += life.uses
            money += abs(life.kept_minor)
        else:
            money += max(0, life.kept_minor - life.total_minor)
    return Leaks(units, uses, money)
