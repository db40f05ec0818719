"""Payments without a database: attempts, what providers tell, signatures, splitting refunds. Pure."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from order_svc.orders.rules.order import CHANNEL, COD, LedgerRow

SANDBOX = "sandbox"
BANK_TRANSFER = "bank_transfer"
Method = Literal["sandbox", "bank_transfer"]
# Money that we cannot send back ourselves: the channel does it by its own rules, the courier brought it by hand.
SETTLED_BY_OTHERS = frozenset({CHANNEL, COD})

CALLBACK_TOLERANCE = timedelta(minutes=5)
# How long until a provider is asked again about something whose outcome is unknown; the last one repeats.
ASK_AGAIN_AFTER = tuple(timedelta(seconds=n) for n in (1, 2, 5, 10, 30, 60, 120, 300))
# A refund that a provider declined is tried again with a new key; the last one repeats.
REFUND_AGAIN_AFTER = tuple(timedelta(seconds=n) for n in (30, 120, 600, 3_600, 21_600))
REFUND_FAILURES_UNTIL_HOLD = 3


class AttemptState(StrEnum):
    REQUESTED = "requested"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundState(StrEnum):
    """`failed`: declined, and tried again later; only `succeeded` is the end."""

    REQUESTED = "requested"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


OPEN = frozenset({AttemptState.REQUESTED, AttemptState.UNKNOWN})

# What may follow what; a failed attempt whose money comes all the same has succeeded: money is never lost.
ATTEMPT_TRANSITIONS: Mapping[AttemptState, frozenset[AttemptState]] = {
    AttemptState.REQUESTED: frozenset({AttemptState.UNKNOWN, AttemptState.SUCCEEDED, AttemptState.FAILED}),
    AttemptState.UNKNOWN: frozenset({AttemptState.SUCCEEDED, AttemptState.FAILED}),
    AttemptState.FAILED: frozenset({AttemptState.SUCCEEDED}),
    AttemptState.SUCCEEDED: frozenset(),
}
REFUND_TRANSITIONS: Mapping[RefundState, frozenset[RefundState]] = {
    RefundState.REQUESTED: frozenset({RefundState.UNKNOWN, RefundState.FAILED, RefundState.SUCCEEDED}),
    RefundState.UNKNOWN: frozenset({RefundState.FAILED, RefundState.SUCCEEDED}),
    RefundState.FAILED: frozenset({RefundState.UNKNOWN, RefundState.FAILED, RefundState.SUCCEEDED}),
    RefundState.SUCCEEDED: frozenset(),
}


@dataclass(slots=True)
class Attempt:
    """One try to pay an order. Changed only while the order's row is locked."""

    id: str
    order_id: str
    n: int
    method: str
    provider: str
    key: str
    amount_minor: int
    currency: str
    requested_at: datetime
    state: AttemptState = AttemptState.REQUESTED
    sandbox_outcome: str | None = None
    provider_ref: str | None = None
    charged_minor: int | None = None
    reason: str | None = None
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def become(self, state: AttemptState, *, at: datetime) -> bool:
        """False where this does not follow from the present state: what comes twice or late changes nothing."""
        if state not in ATTEMPT_TRANSITIONS[self.state]:
            return False
        self.state = state
        self.ended_at = None if self.is_open else at
        return True


@dataclass(slots=True)
class MoneyBack:
    """A part of a refund: money of one charge. `tries`: keys used so far; each decline needs a new one."""

    id: str
    order_id: str
    attempt: int
    provider: str
    charge_ref: str
    amount_minor: int
    currency: str
    reason: str
    requested_at: datetime
    state: RefundState = RefundState.REQUESTED
    tries: int = 1
    provider_ref: str | None = None
    ended_at: datetime | None = None

    @property
    def key(self) -> str:
        return f"{self.id}-{self.tries}"

    def become(self, state: RefundState, *, at: datetime) -> bool:
        if state not in REFUND_TRANSITIONS[self.state]:
            return False
        self.state = state
        self.ended_at = at if state is RefundState.SUCCEEDED else None
        return True


def provider_key(order_id: str, n: int) -> str:
    """The provider charges once per key, so the key is the attempt's and never minted anew."""
    return f"{order_id}-{n}"


def refund_of_key(key: str) -> str:
    """The id of the refund that a key belongs to."""
    return key.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider says about one key. `pending`: it does not know itself yet."""

    state: Literal["pending", "succeeded", "failed"]
    amount_minor: int
    currency: str
    provider_ref: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """What a provider tells by itself. `event_id`: the provider's, the same when it tells it again."""

    provider: str
    event_id: str
    kind: Literal["charge", "refund"]
    key: str
    order_id: str
    told: Told


def pause(schedule: Sequence[timedelta], tries: int) -> timedelta:
    """The wait after the `tries`-th try (from 1)."""
    return schedule[min(max(tries, 1), len(schedule)) - 1]


@dataclass(frozen=True, slots=True)
class Charge:
    """Money that came in, and how much of it is on its way back or gone already."""

    provider: str
    provider_ref: str
    attempt: int
    amount_minor: int
    refunded_minor: int

    @property
    def left_minor(self) -> int:
        return self.amount_minor - self.refunded_minor


@dataclass(frozen=True, slots=True)
class Refund:
    """What an order asks back for its buyer."""

    order_id: str
    amount_minor: int
    currency: str
    reason: str


class NotThatMuch(ValueError):
    """More would go back than came in: a bug of the caller, never a fact."""


def split_over(charges: Sequence[Charge], amount_minor: int) -> list[tuple[Charge, int]]:
    """Which charge gives how much; the oldest first. Raises NotThatMuch."""
    parts: list[tuple[Charge, int]] = []
    for charge in charges:
        part = min(charge.left_minor, amount_minor)
        if part > 0:
            parts.append((charge, part))
            amount_minor -= part
    if amount_minor > 0:
        raise NotThatMuch(f"{amount_minor} more than came in")
    return parts


# What a successful row does to the balance; authorizations and cancelled ones move nothing.
SIGNS: Mapping[str, int] = {"authorization": 0, "charge": 1, "refund": -1, "cancel": 0, "chargeback": -1}


def balance_minor(ledger: Iterable[LedgerRow]) -> int:
    """What we hold of the buyer's money: the fold of the ledger."""
    return sum(SIGNS[row.kind] * row.amount_minor for row in ledger if row.phase == "success")


def signature_holds(header: str | None, body: bytes, *, secret: str, now: datetime) -> bool:
    """`t=<unix>,v1=<hex HMAC-SHA256(secret, t.body)>`, not older or newer than the tolerance (api.md §1)."""
    parts = dict(part.strip().partition("=")[::2] for part in (header or "").split(","))
    at, given = parts.get("t", ""), parts.get("v1", "")
    if not secret or not (at.isascii() and at.isdigit() and len(at) <= 12):
        return False
    if abs(now.timestamp() - int(at)) > CALLBACK_TOLERANCE.total_seconds():
        return False
    expected = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), given.encode())
